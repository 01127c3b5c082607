"""Unikraft's Makefiles, read and not run: what is built, from which sources, when.

Only what ``Makefile.uk`` files use to say so is understood: assignments, ``ifeq`` and its like,
``include``, and calls of the functions in ``support/build/Makefile.rules``. What else a Makefile
says is skipped. A comparison that cannot be told is taken for true, both ways.
"""

import os.path
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.scan import reading
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, constant, symbol

#: Symbols with a value that is not y or n, or that are the same for every tree we read.
ARCHITECTURE = {"CONFIG_UK_ARCH": "x86_64", "ARCH": "x86_64", "UK_ARCH": "x86_64"}

_ASSIGNMENT = re.compile(r"(?:override\s+|export\s+)?([^\s:=+?#]+)\s*(::?=|\+=|\?=|=)\s*(.*)")
_NAME_GUARD = re.compile(r"(.*)-\$\(CONFIG_(\w+)\)")
_NAME_CALL = re.compile(r"(.*)-\$[({]call (\w+).*")
_CONFIG = re.compile(r"\$[({]CONFIG_(\w+)[)}]")
_EVAL_CALL = re.compile(r"\$\(eval\s+\$\(call\s+(\w+)\s*,?(.*)\)\)\s*")
_CONDITIONAL = re.compile(r"(?:else\s+)?(ifeq|ifneq|ifdef|ifndef)\s+(.*)")
_INDENTED = re.compile(r"\t\s*(?:[A-Z][^\s:=+?#]*\s*(?:::?=|\+=|\?=|=)|-?include\s).*")
_DEPTH_MAX = 24
_WORDS_MAX = 200_000
#: Far more than any release takes; about two seconds. A reference costs as much as some text.
_CHARACTERS_MAX = 20_000_000
_REFERENCE = 64


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a list variable and the condition under which it is in there."""

    text: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Library:
    """A library as it registers itself; ``folder`` is where its ``Makefile.uk`` lies."""

    name: str
    folder: Path
    condition: Condition


@dataclass(frozen=True, slots=True)
class Origin:
    """An archive that a library is made from: its file name, patches, and the folder to patch."""

    library: str
    archive: str
    patches: tuple[Path, ...] = ()
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that the build fetches for a library, and the name that it gives it."""

    library: str
    url: str
    name: str


@dataclass(slots=True)
class Makefile:
    """Variables and registrations of the Makefiles that :meth:`read` has been given.

    ``roots`` are the folders that may be read. ``known`` are Kconfig symbols (without ``CONFIG_``)
    of which the value is given, when a configuration has been chosen.
    """

    roots: Sequence[Path]
    known: Mapping[str, bool] = field(default_factory=dict)

    libraries: list[Library] = field(default_factory=list)
    archives: dict[str, list[str]] = field(default_factory=dict)
    fetched: list[Fetched] = field(default_factory=list)
    patched: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    imported: list[tuple[str, str, Condition]] = field(default_factory=list)
    _variables: dict[str, list[tuple[str, str, Condition]]] = field(default_factory=dict)
    _read: set[Path] = field(default_factory=set)
    _words: int = 0
    _characters: int = 0
    _open: set[str] = field(default_factory=set)

    def define(self, name: str, value: str) -> None:
        """Set a variable, as the caller of a Makefile would."""
        self._variables[name] = [("=", value, ALWAYS)]

    def read(self, path: Path, condition: Condition = ALWAYS) -> None:
        """Take in a Makefile and what it includes; what cannot be read is left out."""
        if path in self._read or len(self._read) > 2000:
            return
        self._read.add(path)
        text = reading.text(str(path), [os.path.realpath(root) for root in self.roots])
        if text is None:
            return
        _Reader(self, path, condition).run(text)

    def assign(self, name: str, operator: str, value: str, condition: Condition) -> None:
        """Take in one assignment; ``name`` may end in a guard such as ``-$(CONFIG_X)``."""
        match = _NAME_GUARD.fullmatch(name)
        if match:
            name, condition = f"{match[1]}-y", condition & symbol(match[2])
        else:
            match = _NAME_CALL.fullmatch(name)
            if match:
                name = f"{match[1]}-y"
                condition = condition & constant(not match[2].startswith(("have_clang", "clang")))
        name = self.expand(name)
        condition = condition.given(self.known)
        if condition == NEVER or not name:
            return
        known = self._variables.setdefault(name, [])
        if operator in ("=", ":=", "::="):
            left = [(before, text, guard & ~condition) for before, text, guard in known]
            known[:] = [each for each in left if each[2] != NEVER]
        if f"$({name})" in value and known:
            # Immediate assignments may add to themselves; a lazy reading would not end.
            value = value.replace(f"$({name})", "")
            operator = "+="
        known.append((operator, value, condition))

    def words(self, name: str) -> Iterator[Word]:
        """The words of a list variable, each with its condition."""
        yield from self._words_of(name, ALWAYS, 0)

    def names(self, pattern: re.Pattern[str]) -> list[str]:
        """Variables whose whole name matches, sorted."""
        return sorted(name for name in self._variables if pattern.fullmatch(name))

    def _words_of(self, name: str, condition: Condition, depth: int) -> Iterator[Word]:
        if name in self._open:
            return
        self._open.add(name)
        try:
            for _, value, guard in self._variables.get(name, ()):
                yield from self.split(value, condition & guard, depth + 1)
        finally:
            self._open.discard(name)

    def split(self, text: str, condition: Condition, depth: int = 0) -> Iterator[Word]:
        """The words of ``text`` with references to list variables resolved."""
        if depth > _DEPTH_MAX:
            return
        for part in _parts(text):
            inner = part[2:-1]
            if part.startswith("$(") and inner in self._variables:
                yield from self._words_of(inner, condition, depth)
                continue
            for word in self.expand(part).split():
                self._words += 1
                if self._words > _WORDS_MAX:
                    return
                yield Word(word, condition)

    def expand(self, text: str, depth: int = 0) -> str:
        """``text`` with variables replaced; of several definitions the first that can hold.

        Symbols of Kconfig and functions of make that are not understood become empty.
        """
        if "$" not in text or depth > _DEPTH_MAX:
            return text if depth <= _DEPTH_MAX else ""
        out: list[str] = []
        position = 0
        while position < len(text):
            start = text.find("$", position)
            if start < 0 or start + 1 == len(text):
                out.append(text[position:])
                break
            out.append(text[position:start])
            if text[start + 1] not in "({":
                position = start + 2
                continue
            end = _closing(text, start + 1)
            self._effort(end - start)
            out.append(self._reference(text[start + 2 : end], depth + 1))
            position = end + 1
            if sum(map(len, out)) > 1 << 16:
                return ""
        return "".join(out)

    def _reference(self, inner: str, depth: int) -> str:
        function, _, rest = inner.partition(" ")
        if rest and function in _FUNCTIONS:
            arguments = [self.expand(each, depth) for each in _arguments(rest)]
            return _call(function, arguments)
        name = self.expand(inner, depth)
        if name in ARCHITECTURE:
            return ARCHITECTURE[name]
        self._effort(_REFERENCE)
        definitions = [] if name in self._open else self._variables.get(name, [])
        values = [value for operator, value, _ in definitions if operator == "+="]
        whole = [value for operator, value, _ in definitions if operator != "+="]
        self._open.add(name)
        try:
            return self.expand(" ".join([*whole[:1], *values]), depth)
        finally:
            self._open.discard(name)

    def _effort(self, characters: int) -> None:
        """Count what is read to expand variables: a few lines can refer to one another for ever."""
        self._characters += characters
        if self._characters > _CHARACTERS_MAX:
            raise UserError("the Makefiles have variables that refer to too many others")

    def condition(self, kind: str, arguments: str) -> Condition | None:
        """What a conditional directive says; None when it cannot be told."""
        if kind in ("ifdef", "ifndef"):
            name = arguments.strip()
            if not name.startswith("CONFIG_"):
                return None
            found: Condition | None = symbol(name.removeprefix("CONFIG_"))
        else:
            found = self._equal(*_pair(arguments))
        if found is None:
            return None
        found = found.given(self.known)
        return ~found if kind in ("ifneq", "ifndef") else found

    def _equal(self, one: str, other: str) -> Condition | None:
        if "$" in other and "$" not in one:
            one, other = other, one
        if "$" in other and not _CONFIG.search(other):
            other = self.expand(other)
        truth = self._truth(one)
        if truth is not None:
            if other == "y":
                return truth
            if other in ("", "n"):
                return ~truth
            return NEVER if other else None
        if _CONFIG.search(one.replace("$(CONFIG_UK_ARCH)", "")) or "$(shell" in one:
            return None
        return constant(self.expand(one) == other)

    def _truth(self, text: str) -> Condition | None:
        """When ``text`` is y rather than empty, if Kconfig symbols are all it is made of."""
        text = text.strip()
        match = _CONFIG.fullmatch(text)
        if match and f"CONFIG_{match[1]}" not in ARCHITECTURE:
            return symbol(match[1])
        if not (text.startswith("$(") and _closing(text, 1) == len(text) - 1):
            return None
        function, _, rest = text[2:-1].partition(" ")
        if function == "call":
            return constant(not rest.startswith(("have_clang", "clang", "error")))
        parts = _arguments(rest)
        if function == "filter" and len(parts) == 2 and parts[0].strip() == "y":
            parts = _parts(parts[1])
        elif function not in ("or", "and"):
            return None
        truths = [self._truth(part) for part in parts]
        result = constant(function == "and")
        for truth in truths:
            if truth is None:
                return None
            result = result & truth if function == "and" else result | truth
        return result


class _Reader:
    """Goes through the lines of one Makefile."""

    def __init__(self, makefile: Makefile, path: Path, condition: Condition) -> None:
        self._make = makefile
        self._path = path
        # Per open conditional: what is true in the branch, and what no branch has taken so far.
        self._stack: list[tuple[Condition, Condition]] = [(condition, NEVER)]

    @property
    def _condition(self) -> Condition:
        return self._stack[-1][0]

    def run(self, text: str) -> None:
        defining = 0
        for line in re.sub(r"\\\r?\n", " ", text).splitlines():
            stripped = line.strip()
            if re.match(r"(?:override\s+)?define\b", stripped):
                defining += 1
            elif stripped == "endef":
                defining = max(0, defining - 1)
            elif not defining and stripped and not line.startswith("\t"):
                self._line(re.sub(r"(^|\s)#.*", "", stripped))
            elif not defining and _INDENTED.fullmatch(line) and "$@" not in line:
                # Indented inside a conditional, not a recipe.
                self._line(re.sub(r"(^|\s)#.*", "", stripped))

    def _line(self, line: str) -> None:
        conditional = _CONDITIONAL.fullmatch(line)
        if conditional:
            self._conditional(line.startswith("else"), conditional[1], conditional[2])
        elif line == "else":
            self._otherwise(ALWAYS)
        elif line == "endif":
            if len(self._stack) > 1:
                self._stack.pop()
        elif self._condition == NEVER:
            return
        elif call := _EVAL_CALL.fullmatch(line):
            self._call(call[1], _arguments(call[2]))
        elif included := re.fullmatch(r"-?s?include\s+(.*)", line):
            for word in self._make.expand(included[1]).split():
                self._make.read(Path(word), self._condition)
        elif assignment := _ASSIGNMENT.fullmatch(line):
            self._make.assign(assignment[1], assignment[2], assignment[3], self._condition)

    def _conditional(self, chained: bool, kind: str, arguments: str) -> None:
        found = self._make.condition(kind, arguments)
        if chained:
            self._otherwise(found)
            return
        outer = self._condition
        self._stack.append((outer & found, outer & ~found) if found is not None else (outer, outer))

    def _otherwise(self, found: Condition | None) -> None:
        if len(self._stack) == 1:
            return
        _, left = self._stack.pop()
        if found is None:
            self._stack.append((left, left))
        else:
            self._stack.append((left & found, left & ~found))

    def _call(self, function: str, arguments: list[str]) -> None:
        make = self._make
        first = make.expand(arguments[0]).strip() if arguments else ""
        if function in ("addlib", "addlib_s", "addplatlib", "addplatlib_s"):
            condition = self._condition
            if function.startswith("addplat"):
                condition = condition & symbol(f"PLAT_{first.upper()}")
                arguments = arguments[1:]
            self._register(arguments, condition)
        elif function in ("fetch", "fetch2", "unarchive", "fetchas", "fetchas2"):
            which = {"fetchas": 2, "fetchas2": 3}.get(function, 1)
            if len(arguments) > which:
                self._fetched(first, arguments[which])
                if function != "unarchive":
                    self._urls(first, arguments[1], arguments[which])
        elif function == "patch" and len(arguments) > 1:
            folder = arguments[2] if len(arguments) > 2 else ""
            make.patched.setdefault(first, []).append((arguments[1], folder))
        elif function == "_libmusl_import_lib" and len(arguments) > 2:
            make.assign("LIBMUSL_SRCS-y", "+=", arguments[2], self._condition)
            make.assign("PORTTOOL_MUSL_HDRS-y", "+=", arguments[1], self._condition)

    def _register(self, arguments: list[str], condition: Condition) -> None:
        make = self._make
        name = make.expand(arguments[0]).strip() if arguments else ""
        if not re.fullmatch(r"\w+", name):
            return
        if len(arguments) > 1:
            condition = condition & (make._truth(arguments[1]) or ALWAYS)
        make.libraries.append(Library(name, self._path.parent, condition))
        make.define(f"{name.upper()}_BASE", str(self._path.parent))

    def _urls(self, library: str, url: str, name: str) -> None:
        """Note what a library fetches; a URL may be assigned in several ways."""
        make = self._make
        match = re.fullmatch(r"\$\((\w+)\)", url.strip())
        values = [value for _, value, _ in make._variables.get(match[1], ())] if match else [url]
        for value in values:
            whole = make.expand(value).strip()
            base = whole.rpartition("/")[2] if name == url else make.expand(name).strip()
            if base and base not in [each.name for each in make.fetched]:
                make.fetched.append(Fetched(library, whole, base))

    def _fetched(self, library: str, url: str) -> None:
        make = self._make
        match = re.fullmatch(r"\$\((\w+)\)", url.strip())
        values = [value for _, value, _ in make._variables.get(match[1], ())] if match else [url]
        names = make.archives.setdefault(library, [])
        for value in values:
            name = make.expand(value).strip().rpartition("/")[2]
            if name and name not in names:
                names.append(name)


_FUNCTIONS = (
    "subst",
    "filter",
    "addprefix",
    "addsuffix",
    "notdir",
    "strip",
    "sort",
    "call",
    "if",
    "wildcard",
    "or",
    "and",
    "shell",
    "patsubst",
    "foreach",
    "dir",
    "lastword",
    "eval",
)


def _call(function: str, arguments: list[str]) -> str:
    if function == "subst" and len(arguments) == 3:
        return arguments[2].replace(arguments[0], arguments[1]) if arguments[0] else arguments[2]
    if function == "addprefix" and len(arguments) == 2:
        return " ".join(arguments[0] + word for word in arguments[1].split())
    if function == "addsuffix" and len(arguments) == 2:
        return " ".join(word + arguments[0] for word in arguments[1].split())
    if function == "notdir":
        return " ".join(word.rpartition("/")[2] for word in arguments[0].split())
    if function in ("strip", "sort"):
        return " ".join(arguments[0].split())
    return ""


def _closing(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed, or the end of the text."""
    opening = text[start]
    closing = ")" if opening == "(" else "}"
    depth = 0
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if depth == 0:
                return position
    return len(text)


def _parts(text: str) -> list[str]:
    """Split at blanks outside of brackets."""
    return [part for part in _divide(text, " \t") if part]


def _arguments(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    return _divide(text, ",")


def _divide(text: str, separators: str) -> list[str]:
    parts = []
    depth = start = 0
    for position, character in enumerate(text):
        if character in "({":
            depth += 1
        elif character in ")}":
            depth = max(0, depth - 1)
        elif depth == 0 and character in separators:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def _pair(arguments: str) -> tuple[str, str]:
    """The two sides of an ``ifeq``, in any of its spellings."""
    text = arguments.strip()
    if text.startswith("("):
        inner = text[1 : _closing(text, 0)]
        parts = _arguments(inner)
    else:
        parts = [part.strip("\"'") for part in _parts(text)]
    one = parts[0] if parts else ""
    return one.strip(), (",".join(parts[1:])).strip()


def known_values(values: Mapping[str, bool]) -> dict[str, bool]:
    """``values`` and what holds for every x86-64 tree with a libc."""
    return {"ARCH_X86_64": True, "ARCH_ARM_64": False, "ARCH_ARM_32": False, **values}
