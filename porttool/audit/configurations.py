"""Which macros to set so that every branch of the upstream's ``#if`` is compiled once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from porttool.audit.conditions import (
    Assignment,
    Branch,
    Conditionals,
    Expression,
    Free,
    join,
    names_in,
    read_conditionals,
    satisfy,
    spell,
)
from porttool.audit.headers import HeaderNames
from porttool.audit.model import Configuration, Unseen
from porttool.audit.unit import UnitResult

#: At most this many configurations are tried besides the one that is given.
CONFIGURATION_LIMIT = 40
#: Ways to make one branch true that are compared.
_SOLUTIONS = 32
#: Macros of compilers and systems begin so; two of them at once make no sense.
_RESERVED = re.compile(r"_[A-Z_]")
#: What only another language or compiler has.
_FOREIGN = {"__cplusplus", "__OBJC__", "__ASSEMBLER__", "lint", "__lint", "__STDC__"}


@dataclass(slots=True)
class _Goal:
    """A branch that is to be compiled, and how often that was tried."""

    file: str
    branch: Branch
    condition: Expression
    tries: int = 0


@dataclass(slots=True)
class Planner:
    """Chooses configurations from what the audit found under those before.

    ``given`` are the names that the user defined, which stay; ``flagged`` those that the build
    defines, which can be taken away.
    """

    root: Path
    headers: HeaderNames
    given: frozenset[str]
    flagged: frozenset[str]
    limit: int = CONFIGURATION_LIMIT
    exhausted: bool = False
    _goals: dict[tuple[str, int], _Goal] = field(default_factory=dict)
    _files: dict[str, Conditionals] = field(default_factory=dict)
    _fixed: set[str] = field(default_factory=set)
    _taken: set[tuple[str, int]] = field(default_factory=set)
    _made: set[tuple[str, ...]] = field(default_factory=set)

    def learn(self, results: Iterable[UnitResult]) -> None:
        """Take in what was compiled under a configuration."""
        for result in results:
            self._taken.update(result.taken)
            self._fixed.update(result.fixed)
            for name in (result.file.path, *result.read):
                if name not in self._files:
                    self._read(name)

    def _read(self, name: str) -> None:
        path = self.root / name
        text = path.read_text("latin-1") if path.is_file() else ""
        found = self._files[name] = read_conditionals(text)
        for branch in found.branches:
            condition = join(found.chain(branch))
            if condition is not None and not names_in(condition) & _FOREIGN:
                self._goals[name, branch.line] = _Goal(name, branch, condition)

    def plan(self) -> list[Configuration]:
        """The configurations to try next; none when there is nothing left to try."""
        free = self._free()
        chosen: list[tuple[bool, frozenset[str], Assignment]] = []
        for key in sorted(self._goals):
            goal = self._goals[key]
            if key in self._taken or goal.tries == 2:
                continue
            if len(chosen) > self.limit:
                break
            goal.tries += 1
            alone = goal.tries == 2
            solution = _smallest(goal.condition, {}, free)
            if solution is None or not solution:
                goal.tries = 2
                continue
            system = _systems(solution)
            for index, (closed, theirs, known) in enumerate(chosen):
                both = None if closed or alone else _smallest(goal.condition, known, free)
                if both is not None and theirs == system == _systems(both):
                    chosen[index] = (False, system, both)
                    break
            else:
                chosen.append((alone, system, solution))
        return self._new(assignment for _, _, assignment in chosen)

    def _new(self, assignments: Iterable[Assignment]) -> list[Configuration]:
        found = []
        for assignment in assignments:
            macros = self._macros(assignment)
            if not macros or macros in self._made:
                continue
            if len(self._made) == self.limit:
                self.exhausted = True
                break
            self._made.add(macros)
            found.append(Configuration(_text(assignment, self.flagged), macros))
        return found

    def _macros(self, assignment: Assignment) -> tuple[str, ...]:
        macros = []
        for name, value in sorted(assignment.items()):
            if value is not None:
                macros.append(f"-D{name}={value}")
            elif name in self.flagged:
                macros.append(f"-U{name}")
        return tuple(macros)

    def _free(self) -> dict[str, bool]:
        """The macros that a build can set: conditions name them, and nobody defines them.

        Or an own file does, but only as a default; then they cannot be left undefined.
        """
        files = self._files.values()
        tested = {name for each in files for name, _ in each.tested}
        defaults = {name for each in files for name in each.defaults}
        defined = {name for each in files for name in each.defines - each.defaults}
        reserved = {name for name in self.flagged if _RESERVED.match(name)}
        taken = defined | self._fixed | self.given | reserved | _FOREIGN
        return {
            name: name not in defaults
            for name in sorted(tested - taken)
            if not name.startswith(("__has_", "__STDC_")) and not self.headers.defines(name)
        }

    def concerned(self, configuration: Configuration, files: Iterable[str]) -> bool:
        """Whether a configuration can make a difference to what consists of ``files``."""
        names = {re.split("=", macro[2:], maxsplit=1)[0] for macro in configuration.macros}
        return any(name in names for file in files for name, _ in self._files[file].tested)

    def condition(self, places: Iterable[tuple[str, int]]) -> str:
        """The condition of all the branches that some lines are in; "" when there is none."""
        branches: dict[str, Branch] = {}
        for file, line in places:
            if file in self._files:
                for branch in self._files[file].around(line):
                    branches.setdefault(branch.text, branch)
        whole = join(branches.values())
        return spell(whole) if whole is not None else ""

    def unseen(self) -> tuple[Unseen, ...]:
        """The branches that were not compiled, but for those that are switched off by a number."""
        return tuple(
            Unseen(goal.file, goal.branch.line, spell(goal.condition))
            for key, goal in sorted(self._goals.items())
            if key not in self._taken and names_in(goal.condition) and not goal.branch.implicit
        )


def _smallest(condition: Expression, known: Assignment, free: Free) -> Assignment | None:
    """Of the first ways to make a condition true the one that defines the fewest macros."""
    ways = islice(satisfy(condition, True, known, free), _SOLUTIONS)
    return min(ways, key=lambda way: sum(value is not None for value in way.values()), default=None)


def _systems(assignment: Assignment) -> frozenset[str]:
    return frozenset(
        name for name, value in assignment.items() if value is not None and _RESERVED.match(name)
    )


def _text(assignment: Assignment, flagged: frozenset[str]) -> str:
    """An assignment as a condition: ``defined(A) && B == 2``."""
    words = []
    for name, value in sorted(assignment.items()):
        if value is None:
            if name in flagged:
                words.append(f"!defined({name})")
        else:
            words.append(f"defined({name})" if value == "1" else f"{name} == {value}")
    return " && ".join(words)


def negated(configuration: Configuration) -> str:
    """What holds where a configuration does not."""
    name = configuration.name
    if " && " in name:
        return f"!({name})"
    if name.startswith("!"):
        return name[1:]
    return name.replace(" == ", " != ") if " == " in name else f"!{name}"


def named_configurations(sets: Sequence[str]) -> tuple[Configuration, ...]:
    """The configurations of ``NAME=DEF,DEF...``, checked by the caller."""
    found = []
    for each in sets:
        name, _, macros = each.partition("=")
        found.append(
            Configuration(name, tuple(f"-D{macro}" for macro in macros.split(",") if macro))
        )
    return tuple(found)
