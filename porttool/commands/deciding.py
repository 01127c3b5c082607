"""What a command says when a maintainer has to decide something about the series."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.text import Text

from porttool import ui
from porttool.commands import verdicts
from porttool.port import Port
from porttool.series.decision import SeriesDecision
from porttool.series.importer import DoesNotApply
from porttool.series.why import Culprit

_DIFF_LINES = 40
_DIFF_STYLE = {"+": "green", "-": "red", "@": "cyan"}


@contextmanager
def deciding(port: Port, *, as_json: bool) -> Iterator[None]:
    """Report what is known about a decision that is needed in the block, and pass it on."""
    try:
        yield
    except DoesNotApply as error:
        error.fix = error.fix or "mend the patch in patches/ and refresh again"
        raise
    except SeriesDecision as error:
        if as_json:
            ui.show_json(_document(port, error))
        else:
            if error.outcomes:
                ui.show(verdicts.table(error.outcomes))
            if error.culprit is not None:
                _show_culprit(error.culprit)
        raise


def _document(port: Port, decision: SeriesDecision) -> dict[str, Any]:
    stop, culprit = decision.stop, decision.culprit
    return {
        "schema": 1,
        "changed": False,
        "outcomes": verdicts.document(decision.outcomes),
        "culprit": None if culprit is None else asdict(culprit),
        "stopped": None
        if stop is None
        else {
            "patch": stop.name,
            "reason": str(stop.reason),
            "worktree": str(port.workspace.work),
            "conflicts": list(stop.conflicts),
        },
    }


def _show_culprit(culprit: Culprit) -> None:
    """The upstream commit that a patch breaks at, and what it changed of the lines in question."""
    ui.show(
        Text.assemble(
            ("breaks at ", "bold"),
            (culprit.commit[:12], "yellow"),
            f" of {culprit.date[:10]}: {culprit.subject}",
        )
    )
    lines = culprit.diff.splitlines()
    for line in lines[:_DIFF_LINES]:
        ui.show(Text(f"  {line}", _DIFF_STYLE.get(line[:1], "")))
    if len(lines) > _DIFF_LINES:
        ui.show(Text(f"  … {ui.count(len(lines) - _DIFF_LINES, 'line')} more", "dim"))
