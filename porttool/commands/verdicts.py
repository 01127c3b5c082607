"""How verdicts look, in every command that shows them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.series.outcome import Outcome, Verdict

STYLE = {
    Verdict.CONFLICT: "bold red",
    Verdict.AMBIGUOUS: "bold magenta",
    Verdict.ABSORBED: "cyan",
    Verdict.PARTLY_ABSORBED: "cyan",
    Verdict.MERGED: "yellow",
    Verdict.MOVED: "blue",
    Verdict.OFFSET: "green",
    Verdict.CLEAN: "green",
}


def document(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The outcomes as JSON."""
    return [asdict(each) | {"verdict": str(each.verdict)} for each in outcomes]


def table(outcomes: Sequence[Outcome], holder: str = "upstream") -> Table:
    """One line a patch: its verdict on the new upstream, and the facts behind it.

    ``holder`` is who has what a patch need not do any more.
    """
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for each in outcomes:
        text = Text(each.name)
        for fact in facts(each, holder):
            text.append(f"\n  {fact}", "dim")
        made.add_row(Text(str(each.verdict), STYLE[each.verdict]), text)
    return made


def facts(outcome: Outcome, holder: str = "upstream") -> list[str]:
    """What stands behind a verdict, a line each; ``holder`` is that of :func:`table`."""
    said = [f"{move.old} → {move.new}, {move.similarity} % similar" for move in outcome.moves]
    away = sorted({abs(hunk.offset) for hunk in outcome.hunks if hunk.offset})
    if away:
        said.append(f"offset up to {ui.count(away[-1], 'line')}")
    if outcome.upstream is not None:
        said.append(f"upstream took it in {outcome.upstream[:12]}")
    elif outcome.verdict is Verdict.PARTLY_ABSORBED:
        there = ", ".join(
            f"{hunk.file} hunk {hunk.number}" if hunk.number else hunk.file
            for hunk in outcome.absorbed_hunks
        )
        said.append(f"{holder} has {there}")
    if outcome.solution is not None:
        said.append(str(outcome.solution))
    if outcome.conflicts:
        said.append(f"conflict in {', '.join(outcome.conflicts)}")
    return said
