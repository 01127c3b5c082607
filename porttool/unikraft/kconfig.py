"""What a release's Kconfig symbols bring about: a graph of them, and questions to it.

The graph holds boolean symbols alone. Comparisons of texts and numbers in a ``Config.uk`` count as
false, and so does a symbol that no file defines.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, Term

#: Folders of Unikraft's own tree; what is from elsewhere comes with an external library.
_TREE = ("arch", "drivers", "lib", "plat", "Config.uk")
_MACHINE = ("arch", "plat")
_FEATURE = "HAVE_"

Holds = Callable[[Condition, Set[str]], bool]
"""Whether a condition holds, given the symbols that are set."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """A ``select``, ``imply`` or ``default`` of ``value`` when ``condition`` holds.

    ``value`` is a symbol, or, of a default, also ``y`` or ``n``.
    """

    value: str
    condition: Condition = ALWAYS


@dataclass(frozen=True, slots=True)
class Option:
    """A boolean symbol (named without ``CONFIG_``) and what its ``Config.uk`` says of it.

    ``prompt`` says when a person can set it, which is never for a hidden one; ``depends`` are its
    dependencies with those of the menus around it. ``choice`` is the first member of the choice
    that it is in. ``source`` is the file, relative to the tree or to the folder of the libraries.
    """

    name: str
    source: str
    prompt: Condition = NEVER
    depends: Condition = ALWAYS
    selects: tuple[Conditional, ...] = ()
    implies: tuple[Conditional, ...] = ()
    defaults: tuple[Conditional, ...] = ()
    choice: str | None = None

    @property
    def external(self) -> bool:
        """Whether a library brings it that is not in Unikraft's own tree."""
        return self.source.partition("/")[0] not in _TREE

    @property
    def machine(self) -> bool:
        """Whether it is of an architecture or a platform."""
        return self.source.partition("/")[0] in _MACHINE


@dataclass(frozen=True, slots=True)
class Choice:
    """Symbols of which one is set: ``defaults`` say which when nobody chooses, else the first."""

    members: tuple[str, ...]
    defaults: tuple[Conditional, ...]
    prompt: Condition


@dataclass(frozen=True, slots=True)
class Graph:
    """Symbols by name, choices by their first member.

    ``libraries`` maps a library to the symbols that have to be set for it to be in the build.
    """

    options: Mapping[str, Option] = field(default_factory=dict)
    choices: Mapping[str, Choice] = field(default_factory=dict)
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def tied(self, option: Option) -> Iterator[str]:
        """The symbols that ``option`` says something of, or that something of it depends on."""
        conditions = [option.prompt, option.depends]
        lines = [*option.selects, *option.implies, *option.defaults]
        if option.choice is not None:
            choice = self.choices[option.choice]
            yield from choice.members
            conditions.append(choice.prompt)
            lines += choice.defaults
        for line in lines:
            yield line.value
            conditions.append(line.condition)
        for condition in conditions:
            yield from (name for term in condition.terms for name, _ in term)

    def features(self, name: str) -> tuple[str, ...]:
        """What an application gets by choosing ``name``: the ``HAVE_...`` marks that it selects.

        A library that needs a libc or a network stack depends on these and not on one of them.
        """
        option = self.options.get(name)
        return tuple(
            sorted(
                line.value
                for line in (option.selects if option is not None else ())
                if line.value.startswith(_FEATURE)
                and (mark := self.options.get(line.value)) is not None
                and mark.prompt is NEVER
                and not mark.external
            )
        )


def text(condition: Condition) -> str:
    """A condition as Kconfig writes it: a sum of products, sorted."""
    if not condition.terms:
        return "n"
    terms = sorted(
        " && ".join(name if wanted else f"!{name}" for name, wanted in sorted(term))
        for term in condition.terms
    )
    return " || ".join(terms) or "y"


def parse(words: str) -> Condition:
    """The condition that :func:`text` wrote."""
    if words in ("y", "n"):
        return ALWAYS if words == "y" else NEVER
    terms = (term.split(" && ") for term in words.split(" || "))
    return Condition(
        frozenset(
            frozenset((name.removeprefix("!"), not name.startswith("!")) for name in term)
            for term in terms
        )
    )


def to_kconfig(graph: Graph) -> str:
    """``graph`` as a ``Config.uk``, without what is defined nowhere; a prompt is the name."""
    undefined = _Undefined(graph.options)
    lines: list[str] = []
    for option in graph.options.values():
        if option.choice is None:
            lines += _as_kconfig(option, undefined)
    for choice in graph.choices.values():
        shown = text(choice.prompt.given(undefined))
        lines += ["", "choice", f'\tprompt "{choice.members[0]}" if {shown}']
        lines += _as_lines("default", choice.defaults, undefined)
        for member in choice.members:
            if member in graph.options:
                lines += _as_kconfig(graph.options[member], undefined)
        lines += ["", "endchoice"]
    return "\n".join(lines) + "\n"


class _Undefined(dict[str, bool]):
    """Every symbol that is not among ``options``, as one that is not set."""

    def __init__(self, options: Mapping[str, Option]) -> None:
        super().__init__()
        self._options = options

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return name not in self._options

    def get(self, name: str, default: bool | None = None) -> bool | None:  # type: ignore[override]
        return default if name in self._options else False


def _as_kconfig(option: Option, undefined: Mapping[str, bool]) -> list[str]:
    lines = ["", f"config {option.name}", "\tbool"]
    if option.prompt is not NEVER:
        lines.append(f'\tprompt "{option.name}" if {text(option.prompt.given(undefined))}')
    if option.depends is not ALWAYS:
        lines.append(f"\tdepends on {text(option.depends.given(undefined))}")
    for word, what in (("select", option.selects), ("imply", option.implies)):
        lines += _as_lines(word, what, undefined)
    return [*lines, *_as_lines("default", option.defaults, undefined)]


def _as_lines(
    word: str, lines: Iterable[Conditional], undefined: Mapping[str, bool]
) -> Iterator[str]:
    for line in lines:
        if line.value in ("y", "n") or line.value not in undefined:
            yield f"\t{word} {line.value} if {text(line.condition.given(undefined))}"


def to_document(graph: Graph) -> dict[str, Any]:
    """``graph`` as it is kept in JSON; what says nothing (``depends: y``) is left out."""
    return {
        "kconfig": [_written(option) for _, option in sorted(graph.options.items())],
        "choices": [
            {
                "members": " ".join(choice.members),
                "defaults": _lines(choice.defaults),
                "prompt": text(choice.prompt),
            }
            for _, choice in sorted(graph.choices.items())
        ],
        "libraries": {name: " ".join(needed) for name, needed in sorted(graph.libraries.items())},
    }


def _written(option: Option) -> dict[str, Any]:
    facts = {
        "name": option.name,
        "source": option.source,
        "prompt": text(option.prompt),
        "depends": text(option.depends),
        "selects": _lines(option.selects),
        "implies": _lines(option.implies),
        "defaults": _lines(option.defaults),
        "choice": option.choice,
    }
    silent = {"prompt": "n", "depends": "y"}
    return {key: fact for key, fact in facts.items() if fact and fact != silent.get(key)}


def _lines(lines: Iterable[Conditional]) -> list[str]:
    return [
        line.value if line.condition is ALWAYS else f"{line.value} if {text(line.condition)}"
        for line in lines
    ]


def from_document(document: Mapping[str, Any]) -> Graph:
    """What :func:`to_document` has written.

    Raises KeyError, TypeError, AttributeError or ValueError when it is something else.
    """
    options = [_option(facts) for facts in document["kconfig"]]
    choices = [
        Choice(
            tuple(facts["members"].split()),
            _conditionals(facts["defaults"]),
            parse(facts["prompt"]),
        )
        for facts in document["choices"]
    ]
    return Graph(
        {option.name: option for option in options},
        {choice.members[0]: choice for choice in choices},
        {name: tuple(needed.split()) for name, needed in document["libraries"].items()},
    )


def _option(facts: Mapping[str, Any]) -> Option:
    return Option(
        name=str(facts["name"]),
        source=str(facts["source"]),
        prompt=parse(facts.get("prompt", "n")),
        depends=parse(facts.get("depends", "y")),
        selects=_conditionals(facts.get("selects", ())),
        implies=_conditionals(facts.get("implies", ())),
        defaults=_conditionals(facts.get("defaults", ())),
        choice=facts.get("choice"),
    )


def _conditionals(lines: Iterable[str]) -> tuple[Conditional, ...]:
    return tuple(
        Conditional(value, parse(condition or "y"))
        for value, _, condition in (line.partition(" if ") for line in lines)
    )


class Consequences:
    """What follows from symbols being set, by a :class:`Graph`."""

    def __init__(self, graph: Graph) -> None:
        """Ask about ``graph``."""
        self.graph = graph
        self._mentions: dict[str, list[str]] = {}
        for option in graph.options.values():
            for name in set(graph.tied(option)):
                self._mentions.setdefault(name, []).append(option.name)
        self._known: dict[tuple[frozenset[str], bool], frozenset[str]] = {}
        self._bases: dict[bool, set[str]] = {}

    def certain(self, chosen: Iterable[str]) -> frozenset[str]:
        """What is set in every configuration in which ``chosen`` are, whatever else a person sets.

        That is ``chosen``, what they select whatever the rest is, and what is hidden and on by
        itself.
        """
        return self._reached(frozenset(chosen), by_default=False)

    def by_default(self, chosen: Iterable[str]) -> frozenset[str]:
        """What is set when a person sets ``chosen`` and leaves all else as it is."""
        return self._reached(frozenset(chosen), by_default=True)

    def holds(self, condition: Condition, on: Set[str]) -> bool:
        """Whether ``condition`` holds in every configuration in which ``on`` are set."""
        return any(not self.missing(term, on) for term in condition.terms)

    def missing(self, term: Term, on: Set[str]) -> Term:
        """The literals of a product that do not hold for certain when ``on`` are set."""
        return frozenset(
            (name, wanted)
            for name, wanted in term
            if (name not in on if wanted else name in self.graph.options)
        )

    def fewest(self, names: Iterable[str]) -> tuple[str, ...]:
        """The fewest of ``names`` to set so that all are, all else left as it is; sorted."""
        kept = set(names)
        for name in sorted(kept):
            if name in self.by_default(kept - {name}):
                kept.discard(name)
        return tuple(sorted(kept))

    def _reached(self, chosen: frozenset[str], *, by_default: bool) -> frozenset[str]:
        key = (chosen, by_default)
        if key not in self._known:
            on = self._at_least(chosen, by_default=by_default)
            if by_default:
                # What is not set by now stays so, unless something else says "if !X".
                on = self._follow(on, self.graph.options, _holds_now, by_default=True)
            self._known[key] = frozenset(on)
        return self._known[key]

    def _at_least(self, chosen: frozenset[str], *, by_default: bool) -> set[str]:
        """What is set whatever the symbols are that nobody has said anything of."""
        if not chosen:
            base = self._bases.get(by_default)
            if base is None:
                base = self._follow(set(), self.graph.options, self.holds, by_default=by_default)
                self._bases[by_default] = base
            return set(base)
        on = self._at_least(frozenset(), by_default=by_default) | chosen
        near = [each for name in sorted(chosen) for each in (name, *self._mentions.get(name, ()))]
        return self._follow(on, near, self.holds, by_default=by_default)

    def _follow(
        self, on: set[str], first: Iterable[str], holds: Holds, *, by_default: bool
    ) -> set[str]:
        """Add to ``on`` what follows from it, looking at ``first`` and on from what is added."""
        waiting = dict.fromkeys(first)
        while waiting:
            name = next(iter(waiting))
            del waiting[name]
            option = self.graph.options.get(name)
            if option is None:
                continue
            for each in self._brought(option, on, holds, by_default=by_default):
                if each not in on:
                    on.add(each)
                    waiting |= dict.fromkeys([each, *self._mentions.get(each, ())])
        return on

    def _brought(
        self, option: Option, on: Set[str], holds: Holds, *, by_default: bool
    ) -> Iterator[str]:
        if option.name in on:
            yield from (line.value for line in option.selects if holds(line.condition, on))
            if by_default:
                for line in option.implies:
                    target = self.graph.options.get(line.value)
                    if target and holds(line.condition, on) and holds(target.depends, on):
                        yield line.value
        elif option.choice is not None:
            if by_default and self._chosen(self.graph.choices[option.choice], on, holds) == (
                option.name
            ):
                yield option.name
        elif (by_default or option.prompt is NEVER) and holds(option.depends, on):
            for line in option.defaults:
                if holds(line.condition, on):
                    if line.value == "y":
                        yield option.name
                    return
                if line.value != "y" and holds is not _holds_now:
                    return

    def _chosen(self, choice: Choice, on: Set[str], holds: Holds) -> str | None:
        """The member of a choice that is set when nobody chooses."""
        if not holds(choice.prompt, on) or any(member in on for member in choice.members):
            return None
        for line in choice.defaults:
            member = self.graph.options.get(line.value)
            if member and holds(line.condition, on) and holds(member.depends, on):
                return line.value
        return None if choice.defaults else choice.members[0]


def _holds_now(condition: Condition, on: Set[str]) -> bool:
    return condition.holds(on)
