"""The rule that ranks exporters, step by step, and how a ranking reads."""

import re
from pathlib import Path

import pytest

from porttool.audit import FileResult, Kind
from porttool.audit.groups import LIBRARY
from porttool.audit.questions.ranking import CRITERIA, Audited, Candidate, figures_of, rank
from porttool.audit.questions.rankingreports import RULE, markdown, table, to_json
from porttool.audit.status import Judged, Status
from tests.audit.questions.rendering import golden, on_terminal
from tests.audit.questions.reports import RELEASE, judged, judgement, report

BROKEN = FileResult("b.c", False, "b.c:3: syntax error before }")


def candidate(name: str, *needs: Judged, lines: int = 10, failed: bool = False) -> Candidate:
    found = report(*needs, failed=(BROKEN,) if failed else ())
    return Candidate(name, audited=Audited(found, judgement(*needs), lines))


GOOD, ABSENT = judged("getpid"), judged("getifaddrs", Status.ABSENT)
STUBBED, RUNTIME = judged("fork", Status.STUBBED), judged("inotify_init", Status.RUNTIME)
HEADER = judged("sys/inotify.h", Status.ABSENT, Kind.HEADER)
LIB = judged("api_open", group=LIBRARY)
PATH = judged("/proc/stat", Status.PROVIDED, Kind.PATH, group="procfs")
THREAD = judged("pthread_create", group="pthread")

#: What makes the second of two candidates stand behind the first, criterion by criterion.
PAIRS = {
    "files not parsed": (candidate("z", ABSENT, RUNTIME), candidate("a", GOOD, failed=True)),
    "missing": (candidate("z", STUBBED, THREAD, LIB), candidate("a", ABSENT)),
    "stubbed": (candidate("z", THREAD, LIB, PATH), candidate("a", STUBBED)),
    "libraries": (candidate("z", THREAD, PATH), candidate("a", LIB)),
    "uses": (candidate("z", GOOD, PATH), candidate("a", THREAD)),
    "paths": (candidate("z", GOOD, judged("dup")), candidate("a", PATH)),
    "needs": (candidate("z", GOOD, lines=99), candidate("a", GOOD, judged("dup"))),
    "lines": (candidate("z", GOOD, lines=9), candidate("a", GOOD, lines=10)),
}


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_first_criterion_that_differs_decides(criterion: str) -> None:
    first, second = PAIRS[criterion]
    ranked = rank([second, first])
    assert [each.candidate.name for each in ranked] == ["z", "a"]
    assert ranked[1].because.startswith(f"{criterion}: ")


def test_the_same_figures_are_settled_by_name() -> None:
    ranked = rank([candidate("b", GOOD), candidate("a", GOOD)])
    assert [(each.candidate.name, each.rank) for each in ranked] == [("a", 1), ("b", 2)]
    assert ranked[1].because == "the same figures: by name"


def test_who_could_not_be_got_has_no_rank_and_comes_last() -> None:
    ranked = rank([Candidate("a", error="cannot fetch"), candidate("b", ABSENT, failed=True)])
    assert [(each.candidate.name, each.rank) for each in ranked] == [("b", 1), ("a", None)]
    assert ranked[1].figures is None


def test_a_constant_of_a_header_that_is_missing_is_not_missing_twice() -> None:
    constant = judged("IN_CREATE", Status.ABSENT, Kind.CONSTANT)
    known = candidate("a", HEADER, constant).audited
    assert known is not None
    figures = figures_of(known)
    assert (figures.absent, figures.missing, figures.needs) == (1, 1, 2)


def test_what_only_is_declared_is_missing() -> None:
    known = candidate("a", judged("setsid", Status.DECLARED_ONLY), RUNTIME, ABSENT, GOOD).audited
    assert known is not None
    assert figures_of(known).missing == 3


@pytest.mark.parametrize(
    ("name", "group", "use"),
    [
        ("execvp", "unistd", "processes"),
        ("waitpid", "process", "processes"),
        ("thrd_create", "threads", "threads"),
        ("sigaction", "signal", "signals"),
        ("alarm", "unistd", "signals"),
    ],
)
def test_uses(name: str, group: str, use: str) -> None:
    known = candidate("a", judged(name, group=group)).audited
    assert known is not None
    assert figures_of(known).uses == (use,)


RANKED = rank(
    [
        Candidate(
            "https://example.org/big-exporter@v2.1",
            "v2.1",
            "1" * 40,
            candidate("", ABSENT, RUNTIME, HEADER, LIB, PATH, THREAD, lines=12345).audited,
        ),
        candidate("small", GOOD, STUBBED),
        candidate("torn", GOOD, failed=True),
        Candidate("gone", error="no such folder"),
    ]
)


@pytest.mark.parametrize("width", [80, 160])
def test_golden_terminal(width: int) -> None:
    from rich.box import SIMPLE_HEAD

    shown = table(RANKED, RELEASE, box=SIMPLE_HEAD, wide=width > 120)
    assert on_terminal(shown, width) == golden(f"ranking-{width}.txt")


def test_golden_pipe_and_markdown() -> None:
    assert on_terminal(table(RANKED, RELEASE, box=None, wide=True), 1000) == golden("ranking.txt")
    assert markdown(RANKED, RELEASE) == golden("ranking.md")


def test_json_has_figures_and_needs() -> None:
    document = to_json(RANKED, RELEASE)
    assert document["criteria"] == [*CRITERIA, "name"]
    assert [each["name"] for each in document["candidates"]] == [
        *("small", "https://example.org/big-exporter@v2.1", "torn", "gone")
    ]
    big, gone = document["candidates"][1], document["candidates"][3]
    assert (big["figures"]["missing"], big["figures"]["libraries"]) == (3, ["unistd.h"])
    assert big["because"] == "missing: 3 against 0"
    assert (gone["figures"], gone["rank"], gone["error"]) == (None, None, "no such folder")


def test_the_rule_is_the_documented_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "audit.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \| fewer", text, re.MULTILINE)
    assert [name for _, name in rows] == list(CRITERIA)
    assert ", ".join(CRITERIA) in RULE
