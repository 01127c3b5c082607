"""Why something is needed: how the program's entries come to it through its own functions."""

import difflib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import pairwise

from porttool.audit.model import AuditReport, Call, Function, Kind, Need, Site
from porttool.audit.status import Judged


class Entry(StrEnum):
    """How a function comes to run though no own function calls it, the likeliest first.

    ``main`` is the program's or the one that the series puts in its place. ``table`` is a
    variable or a type at file scope. What nothing calls may be a constructor, or an interface
    for others, or unused. ``recursion`` is only reached from itself.
    """

    MAIN = "main"
    TABLE = "table"
    UNCALLED = "uncalled"
    RECURSION = "recursion"


@dataclass(frozen=True, slots=True)
class Step:
    """A function on a path, and where in it the next one is called or the need stands."""

    function: Function
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """The shortest path to one function that has the need, from an entry of the best sort.

    The last step is that function, its sites are the need's. ``entries`` is the number of entries
    from which there is a path to it.
    """

    entry: Entry
    steps: tuple[Step, ...]
    entries: int


@dataclass(frozen=True, slots=True)
class Why:
    """All about one need.

    ``calls`` are those on any path to it. ``brings`` are the needs that come with a header.
    """

    need: Need
    paths: tuple[Path, ...]
    calls: tuple[Call, ...]
    brings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A need that was asked for: its paths, and what the release has of it (None: not known)."""

    why: Why
    judged: Judged | None

    @property
    def need(self) -> Need:
        """The need itself."""
        return self.why.need


@dataclass(frozen=True, slots=True)
class Node:
    """A function in the tree of paths.

    ``calls`` are the places where the function above names it, ``uses`` those of the need in it.
    A function is expanded where it comes first: ``above`` says that this was before. ``cut``
    counts the functions below it that are left out because the tree is large.
    """

    function: Function
    entry: Entry | None
    calls: tuple[Site, ...]
    uses: tuple[Site, ...]
    children: tuple["Node", ...] = ()
    above: bool = False
    cut: int = 0


def matching(report: AuditReport, name: str) -> tuple[Need, ...]:
    """The needs that ``name`` (a name, or a glob) means, in the order of the report.

    ``stat`` also means ``struct stat``, and ``<stdio.h>`` is ``stdio.h``.
    """
    asked = name.removeprefix("<").removesuffix(">")
    return tuple(need for need in report.needs if _is_meant(need, asked))


def _is_meant(need: Need, asked: str) -> bool:
    return any(
        each == asked or fnmatchcase(each, asked)
        for each in (need.name, need.name.rpartition(" ")[2])
    )


def similar(report: AuditReport, name: str) -> list[str]:
    """Names of needs that are written much like ``name``."""
    return difflib.get_close_matches(name, [need.name for need in report.needs])


class Graph:
    """Who calls whom of the upstream's functions. ``hook`` is what stands in the place of main."""

    def __init__(self, report: AuditReport, hook: str = "main") -> None:
        self._report = report
        self._mains = {"main", hook}
        self._callers: dict[Function, list[Function]] = {}
        self._callees: dict[Function, list[Function]] = {}
        self._sites: dict[tuple[Function, Function], list[Site]] = {}
        self._by_name: dict[str, set[Function]] = {}
        for call in report.calls:
            self._add(call)

    def _add(self, call: Call) -> None:
        for function in (call.caller, call.callee):
            self._by_name.setdefault(function.name, set()).add(function)
        if call.caller == call.callee:
            return
        sites = self._sites.setdefault((call.caller, call.callee), [])
        if not sites:
            self._callers.setdefault(call.callee, []).append(call.caller)
            self._callees.setdefault(call.caller, []).append(call.callee)
        sites.append(call.site)

    def why(self, need: Need) -> Why:
        """The paths to a need: the shortest to each function that has it, sorted by entry."""
        uses = self._uses(need)
        relevant = self._backwards(uses)
        paths = [self._path(function, sites) for function, sites in uses.items()]
        paths.sort(key=_order)
        calls = tuple(
            call
            for call in self._report.calls
            if call.caller in relevant and call.callee in relevant
        )
        brings: tuple[str, ...] = ()
        if need.kind is Kind.HEADER:
            brings = tuple(
                e.name for e in self._report.needs if e.header == need.name and e != need
            )
        return Why(need, tuple(paths), calls, brings)

    def tree(self, need: Need, limit: int) -> tuple[Node, ...]:
        """The paths from every entry, as trees of at most ``limit`` functions together."""
        uses = self._uses(need)
        relevant = self._backwards(uses)
        return _Growth(self, uses, relevant, limit).trees()

    def entry(self, function: Function) -> Entry | None:
        """How a function is entered from outside; None when own functions call it."""
        if function.name in self._mains:
            return Entry.MAIN
        if not function.name:
            return Entry.TABLE
        return None if self._callers.get(function) else Entry.UNCALLED

    def entries(self, relevant: Iterable[Function]) -> list[tuple[Entry, Function]]:
        """The entries among some functions, and one of each ring that nothing else calls."""
        functions = set(relevant)
        found = [(sort, each) for each in functions if (sort := self.entry(each)) is not None]
        left = functions - self._forwards((each for _, each in found), functions)
        while left:
            first = min(left)
            found.append((Entry.RECURSION, first))
            left -= self._forwards([first], functions)
        return sorted(found, key=lambda pair: (list(Entry).index(pair[0]), pair[1]))

    def callees(self, function: Function, among: Set[Function]) -> list[Function]:
        """The functions that a function names, of some, in the order of the places."""
        found = [each for each in self._callees.get(function, ()) if each in among]
        return sorted(found, key=lambda each: min(self._sites[function, each]))

    def sites(self, caller: Function, callee: Function) -> tuple[Site, ...]:
        """Where one function names another, sorted."""
        return tuple(sorted(self._sites[caller, callee]))

    def _uses(self, need: Need) -> dict[Function, tuple[Site, ...]]:
        """The functions that have a need, each with the places in it."""
        found: dict[Function, list[Site]] = {}
        for site in need.sites:
            found.setdefault(self._holder(site), []).append(site)
        return {function: tuple(sites) for function, sites in found.items()}

    def _holder(self, site: Site) -> Function:
        """The function a place is in; it may stand in a file that another one includes."""
        here = Function(site.file, site.function)
        named = self._by_name.get(site.function, set())
        if site.function and here not in named and len(named) == 1:
            return next(iter(named))
        return here

    def _backwards(self, functions: Iterable[Function]) -> set[Function]:
        return _reached(functions, self._callers)

    def _forwards(self, functions: Iterable[Function], among: set[Function]) -> set[Function]:
        return _reached(functions, self._callees, lambda each: each in among)

    def _path(self, function: Function, uses: tuple[Site, ...]) -> Path:
        relevant = self._backwards([function])
        entries = self.entries(relevant)
        best = entries[0][0]
        starts = [each for sort, each in entries if sort is best]
        steps = self._shortest(starts, function, relevant)
        hops = (self.sites(one, other) for one, other in pairwise(steps))
        return Path(
            best,
            tuple(map(Step, steps, [*hops, uses])),
            len(entries),
        )

    def _shortest(
        self, starts: Sequence[Function], end: Function, relevant: set[Function]
    ) -> list[Function]:
        before: dict[Function, Function | None] = dict.fromkeys(starts)
        waiting = deque(starts)
        while waiting and end not in before:
            function = waiting.popleft()
            for callee in self.callees(function, relevant):
                if callee not in before:
                    before[callee] = function
                    waiting.append(callee)
        steps = [end]
        while (caller := before[steps[-1]]) is not None:
            steps.append(caller)
        return steps[::-1]


def _order(path: Path) -> tuple[int, int, Function, Function]:
    first, last = path.steps[0].function, path.steps[-1].function
    return list(Entry).index(path.entry), len(path.steps), first, last


def _reached(
    starts: Iterable[Function],
    edges: Mapping[Function, Sequence[Function]],
    wanted: Callable[[Function], bool] = lambda _: True,
) -> set[Function]:
    found = set(starts)
    waiting = list(found)
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in found and wanted(other):
                found.add(other)
                waiting.append(other)
    return found


#: So many functions deep a tree is shown.
_DEEPEST = 40


class _Growth:
    """Grows the trees; each function is expanded once, so that they are no larger than the code."""

    def __init__(
        self,
        graph: Graph,
        uses: Mapping[Function, tuple[Site, ...]],
        relevant: set[Function],
        limit: int,
    ) -> None:
        self._graph = graph
        self._uses = uses
        self._relevant = relevant
        self._left = limit
        self._expanded: set[Function] = set()

    def trees(self) -> tuple[Node, ...]:
        entries = self._graph.entries(self._relevant)
        grown = []
        for sort, function in entries:
            if self._left <= 0:
                break
            grown.append(self._node(function, sort, (), 0))
        if cut := len(entries) - len(grown):
            grown[-1] = replace(grown[-1], cut=grown[-1].cut + cut)
        return tuple(grown)

    def _node(
        self, function: Function, sort: Entry | None, calls: tuple[Site, ...], depth: int
    ) -> Node:
        self._left -= 1
        uses = self._uses.get(function, ())
        callees = self._graph.callees(function, self._relevant)
        if function in self._expanded:
            return Node(function, sort, calls, uses, above=bool(callees))
        self._expanded.add(function)
        children: list[Node] = []
        for callee in callees:
            if self._left <= 0 or depth >= _DEEPEST:
                break
            sites = self._graph.sites(function, callee)
            children.append(self._node(callee, None, sites, depth + 1))
        cut = len(callees) - len(children)
        return Node(function, sort, calls, uses, tuple(children), cut=cut)
