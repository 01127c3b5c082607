"""Needs against several releases, and how the matrix reads."""

import pytest
from rich.box import SIMPLE_HEAD

from porttool.audit import Kind
from porttool.audit.questions.matrix import Turn, matrix
from porttool.audit.questions.matrixreports import LETTERS, markdown, table, to_json, turns
from porttool.audit.status import Judgement, Status
from tests.audit.questions.rendering import golden, on_terminal
from tests.audit.questions.reports import judged, judgement, report

ABSENT, RUNTIME, STUBBED, PROVIDED = (
    Status.ABSENT,
    Status.RUNTIME,
    Status.STUBBED,
    Status.PROVIDED,
)
ROWS = {
    "accept4": (RUNTIME, PROVIDED, PROVIDED),
    "fork": (STUBBED, RUNTIME, RUNTIME),
    "getifaddrs": (ABSENT, ABSENT, ABSENT),
    "pthread_create": (PROVIDED, STUBBED, PROVIDED),
    "puts": (PROVIDED, PROVIDED, PROVIDED),
}
RELEASES = ("0.9.0", "0.13.1", "0.16.3")


def column(number: int) -> Judgement:
    needs = [
        judged(name, each[number], reason="nothing defines it" if each[number] is ABSENT else "")
        for name, each in ROWS.items()
    ]
    path = judged("/proc", ABSENT, Kind.PATH, group="procfs", reason="nothing has this")
    return judgement(*needs, path, release=RELEASES[number])


COLUMNS = [column(number) for number in range(3)]
REPORT = report(*COLUMNS[0].needs)
MATRIX = matrix(COLUMNS)


def test_turns() -> None:
    row = MATRIX.rows[3]
    assert MATRIX.turns(row) == (
        Turn("0.13.1", PROVIDED, STUBBED),
        Turn("0.16.3", STUBBED, PROVIDED),
    )
    assert turns(MATRIX, row) == "provided, from 0.13.1 stubbed, from 0.16.3 provided"
    assert [each.need.name for each in MATRIX.changing()] == ["accept4", "fork", "pthread_create"]
    assert [each.need.name for each in MATRIX.alike(PROVIDED)] == ["puts"]
    assert MATRIX.count("0.13.1", PROVIDED) == 2


def test_every_status_has_a_letter_of_its_own() -> None:
    assert set(LETTERS) == set(Status)
    assert len(set(LETTERS.values())) == len(Status)


@pytest.mark.parametrize("width", [80, 160])
def test_golden_terminal(width: int) -> None:
    shown = table(REPORT, MATRIX, box=SIMPLE_HEAD, wide=width > 120)
    assert on_terminal(shown, width) == golden(f"matrix-{width}.txt")


def test_golden_pipe_and_markdown() -> None:
    assert on_terminal(table(REPORT, MATRIX, box=None), 1000) == golden("matrix.txt")
    assert markdown(REPORT, MATRIX) == golden("matrix.md")


def test_json() -> None:
    need = to_json(REPORT, MATRIX)["needs"][1]
    assert need["statuses"] == ["stubbed", "runtime", "runtime"]
    assert need["changes"] == [{"release": "0.13.1", "before": "stubbed", "after": "runtime"}]
