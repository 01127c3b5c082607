"""What changed between two versions, and how that reads."""

from dataclasses import replace

import pytest
from rich.box import SIMPLE_HEAD

from porttool.audit import FileResult, Kind
from porttool.audit.questions.changes import Change, Version, changes
from porttool.audit.questions.changesreports import markdown, summary, table, to_json
from porttool.audit.status import Judged, Status
from tests.audit.questions.rendering import golden, on_terminal
from tests.audit.questions.reports import judged, judgement, report


def version(ref: str, *needs: Judged, failed: tuple[FileResult, ...] = ()) -> Version:
    return Version(ref, "2" * 40, report(*needs, failed=failed), judgement(*needs))


OLD = version(
    "v1.0",
    judged("dup"),
    judged("fork", Status.STUBBED, reason="links, but is a stub: ENOSYS at run time"),
    judged("index", Status.PROVIDED),
    judged("strlcpy", Status.OWN),
)
NEW = version(
    "v2.0",
    judged("getifaddrs", Status.ABSENT, reason="nothing defines it", line=7),
    judged("getuid"),
    judged("index", Status.OWN, reason="upstream brings it: b.c:3"),
    judged("strlcpy"),
    judged("ifaddrs.h", Status.ABSENT, Kind.HEADER, reason="no library has this header"),
    failed=(FileResult("b.c", False, "b.c:3: syntax error before }"),),
)
CHANGED = changes(OLD.judgement, NEW.judgement)


def test_each_change() -> None:
    assert [(each.change, each.judged.need.name, each.before) for each in CHANGED] == [
        (Change.ADDED, "getifaddrs", None),
        (Change.ADDED, "ifaddrs.h", None),
        (Change.ADDED, "getuid", None),
        (Change.WORSE, "index", Status.PROVIDED),
        (Change.BETTER, "strlcpy", Status.OWN),
        (Change.REMOVED, "fork", Status.STUBBED),
        (Change.REMOVED, "dup", Status.PROVIDED),
    ]


def test_a_need_that_only_moved_did_not_change() -> None:
    assert not changes(judgement(judged("dup", line=3)), judgement(judged("dup", line=9)))


def test_one_name_of_two_kinds_is_two_needs() -> None:
    before, after = judged("stat"), judged("stat", kind=Kind.TYPE)
    found = changes(judgement(before), judgement(after))
    assert [each.change for each in found] == [Change.ADDED, Change.REMOVED]


@pytest.mark.parametrize("width", [80, 160])
def test_golden_terminal(width: int) -> None:
    shown = table(OLD, NEW, CHANGED, box=SIMPLE_HEAD, site_limit=4)
    assert on_terminal(shown, width) == golden(f"changes-{width}.txt")


def test_golden_pipe_and_markdown() -> None:
    assert on_terminal(table(OLD, NEW, CHANGED, box=None), 1000) == golden("changes.txt")
    assert markdown(OLD, NEW, CHANGED) == golden("changes.md")


def test_json() -> None:
    document = to_json(OLD, NEW, CHANGED)
    assert document["from"]["ref"] == "v1.0"
    assert document["to"]["files"][1]["parsed"] is False
    assert document["changes"][3]["before"] == "provided"
    assert document["changes"][3]["need"]["status"] == "own"


def test_summary_of_no_change() -> None:
    same = replace(OLD, ref="v1.1")
    assert summary(OLD, same, ()) == "v1.0 → v1.1: no need was added or removed; Unikraft 0.16.3"
