"""From the Kconfig symbols that code needs to the lines of a ``Config.uk``.

Kconfig's ``select`` sets a symbol whatever that depends on. So what a selected symbol depends on is
selected, too, and where that cannot be, the library depends on it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from porttool.unikraft.kconfig import Consequences, Option, text

#: So many needs are named beside a line; the others are counted.
_NAMED = 3

Wanted = Mapping[str, Sequence[str]]
"""Kconfig symbol -> the needs that it is for, as a comment can name them."""


@dataclass(frozen=True, slots=True)
class Line:
    """``word symbol if condition``: ``depends on`` or ``select``, and the needs that bring it.

    ``condition`` is "" when there is none.
    """

    word: str
    symbol: str
    condition: str = ""
    needs: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The needs in a few words: ``accept, bind, listen and 9 more``."""
        named, left = self.needs[:_NAMED], len(self.needs) - _NAMED
        return ", ".join(named) + (f" and {left} more" if left > 0 else "")

    @property
    def text(self) -> str:
        """The line as Kconfig reads it, with the comment behind it."""
        condition = f" if {self.condition}" if self.condition else ""
        return f"{self.word} {self.symbol}{condition}  # {self.comment}"


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one symbol in a ``Config.uk``, and what is set for certain when that symbol is."""

    lines: tuple[Line, ...]
    settled: frozenset[str]


def config_lines(
    wanted: Wanted,
    consequences: Consequences,
    *,
    chosen: Iterable[str] = (),
    given: Iterable[str] = (),
    optional: Set[str] = frozenset(),
) -> Lines:
    """The fewest lines that bring all that is ``wanted``, sorted.

    ``chosen`` are what the application chooses (libc, network stack) beside what ``wanted`` names
    of them, ``given`` what is set anyway. A symbol of an external library is never selected: its
    library is depended on by the ``HAVE_...`` marks it selects, and its options are taken for
    what they are by default. Symbols in ``optional`` are selected only where what they depend on
    is set, instead of selecting that as well, and not depended on.
    """
    return _Making(consequences, wanted, chosen, given, optional).lines()


class _Making:
    def __init__(
        self,
        consequences: Consequences,
        wanted: Wanted,
        chosen: Iterable[str],
        given: Iterable[str],
        optional: Set[str],
    ) -> None:
        self._consequences = consequences
        self._options = consequences.graph.options
        self._optional = optional
        self._needs: dict[str, set[str]] = {name: set(needs) for name, needs in wanted.items()}
        self._given = frozenset(given)
        self._chosen = set(chosen)
        self._depends: dict[str, set[str]] = {}
        self._selects: set[str] = set()
        self._conditions: dict[str, str] = {}

    def lines(self) -> Lines:
        """Sort what is wanted into what is chosen, depended on and selected, until all fits."""
        for name in sorted(self._needs, key=self._externals_first):
            self._sort(name)
        while self._complete():
            pass
        for name in sorted(self._selects):
            if name in self._settled(self._selects - {name}):
                self._selects.discard(name)
        depends = [
            Line("depends on", name, "", _in_order(needs))
            for name, needs in self._depends.items()
            if name not in self._consequences.certain([*self._given, *self._always()])
        ]
        selects = [
            Line("select", name, self._conditions.get(name, ""), _in_order(self._needs[name]))
            for name in self._selects
        ]
        by_name = sorted([*depends, *selects], key=lambda line: (line.word, line.symbol))
        return Lines(tuple(by_name), self._settled(self._selects))

    def _settled(self, selects: Iterable[str]) -> frozenset[str]:
        """What is set when the library is, with only these lines."""
        always = (name for name in selects if name not in self._conditions)
        needed = (name for name in self._depends if not name.startswith("!"))
        return self._consequences.certain([*self._given, *self._chosen, *needed, *always])

    def _always(self) -> Iterable[str]:
        return (name for name in self._selects if name not in self._conditions)

    def _implied(self) -> frozenset[str]:
        """What a chosen library implies: it is on, or the application takes another instead."""
        return frozenset(
            line.value
            for name in self._chosen
            if (option := self._options.get(name)) is not None
            for line in option.implies
        )

    def _externals_first(self, name: str) -> tuple[bool, str]:
        option = self._options.get(name)
        return option is None or not option.external, name

    def _sort(self, name: str) -> None:
        option = self._options.get(name)
        if name in self._implied():
            return
        if option is None:
            self._selects.add(name)
        elif name in self._optional and not _can_be_selected(option):
            return
        elif option.external:
            self._choose(option)
        elif not _can_be_selected(option):
            self._depends.setdefault(name, set()).update(self._needs[name])
        else:
            self._selects.add(name)

    def _choose(self, option: Option) -> None:
        """Depend on what an external library stands for; select what it leaves off."""
        library = self._library(option)
        self._chosen.add(library)
        for mark in self._consequences.graph.features(library) or (library,):
            self._depends.setdefault(mark, set()).update(self._needs[option.name])
        if option.name in self._consequences.by_default(self._chosen):
            return
        if option.choice is not None:
            self._depends.setdefault(option.name, set()).update(self._needs[option.name])
        else:
            self._selects.add(option.name)
            self._conditions[option.name] = library

    def _library(self, option: Option) -> str:
        """The symbol that switches on the library that ``option`` is of."""
        for term in option.depends.terms:
            for name, wanted in sorted(term):
                above = self._options.get(name)
                if wanted and above is not None and above.source == option.source:
                    return self._library(above)
        return option.name

    def _complete(self) -> bool:
        """Bring what something that is set for certain depends on; False when nothing is missing.

        What the application chooses, and what it has to for the library, is its own business.
        """
        needed = (name for name in self._depends if not name.startswith("!"))
        own = self._consequences.certain([*self._given, *self._chosen, *needed])
        on = self._settled(self._selects)
        for name in sorted(on - own):
            option = self._options.get(name)
            if option is None or self._consequences.holds(option.depends, on):
                continue
            if name in self._optional and name in self._selects:
                self._conditions[name] = text(option.depends)
            elif not self._bring(option, on):
                continue
            return True
        return False

    def _bring(self, option: Option, on: Set[str]) -> bool:
        """Bring the nearest way to what ``option`` depends on; False when there is nothing new."""
        ways = [self._consequences.missing(term, on) for term in option.depends.terms]
        if not ways:
            return False
        changed = False
        nearest = min(ways, key=lambda way: (len(way), sorted(way)))
        for name, wanted in sorted(nearest):
            word = name if wanted else f"!{name}"
            known = self._depends if not wanted else self._needs
            needs = known.setdefault(word, set())
            changed |= f"for {option.name}" not in needs
            needs.add(f"for {option.name}")
            if wanted:
                self._sort(name)
        return changed


def _can_be_selected(option: Option) -> bool:
    """Not so what the application chooses, and what a select has no effect on."""
    chosen = option.external or option.machine or option.name.startswith("HAVE_")
    return not chosen and option.choice is None


def _in_order(needs: Iterable[str]) -> tuple[str, ...]:
    """Names that people know first, then headers, other symbols and what a macro hides."""
    return tuple(sorted(needs, key=lambda need: (need.startswith(("_", "<", "for ")), need)))
