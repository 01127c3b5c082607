"""What benchmarks found, as tables with targets, and its section of ``RESULTS.md``."""

import re
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


class Report:
    """The tables, and each target with what was reached."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._targets: list[str] = []

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        cells = [head, ["---"] * len(head), *rows]
        self.lines += ["", *(f"| {' | '.join(row)} |" for row in cells)]

    def target(self, what: str, value: float, most: float, unit: str = "") -> None:
        """A figure that must be ``most`` or less."""
        self._add(what, f"at most {most:g}{unit}", f"{value:.2f}{unit}", value <= most)

    def at_least(self, what: str, value: float, least: float, unit: str = "") -> None:
        """A figure that must be ``least`` or more."""
        self._add(what, f"at least {least:g}{unit}", f"{value:.2f}{unit}", value >= least)

    def _add(self, what: str, bound: str, measured: str, good: bool) -> None:
        said = "reached" if good else "**missed**"
        self._targets.append(f"| {what} | {bound} | {measured} | {said} |")

    def __str__(self) -> str:
        head = ["| target | | measured | |", "|---|---|---|---|"]
        return "\n".join([*head, *self._targets, *self.lines])


def write(title: str, script: str, report: str) -> None:
    """Put the report into its section of RESULTS.md, at the end if there is none yet."""
    section = f"## {title}\n\n`benchmarks/{script}`\n\n{report}\n"
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n"
    there = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    if there.search(text):
        text = there.sub(lambda found: section + ("\n" if found.end() < len(text) else ""), text)
    else:
        text = f"{text}\n{section}"
    RESULTS.write_text(text, "utf-8")
