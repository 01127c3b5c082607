"""How the answers of audit-deps are written: as JSON, as Markdown, or for a terminal or a pipe."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porttool import ui
from porttool.errors import UserError

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Group


#: Places shown for one need on a terminal up to 120 columns, and on a wider one. JSON, Markdown
#: and pipes get them all.
SITES_ON_TERMINAL = (4, 12)


class Format(StrEnum):
    """What goes to stdout."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"


@dataclass(frozen=True, slots=True)
class Output:
    """How a result is wanted: its ``format`` on stdout, and a page at ``html`` beside it."""

    format: Format = Format.TABLE
    html: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A result in every form that it has; each is made when it is wanted.

    ``table`` takes the box of a terminal's tables, or None for text of one line an entry, and
    whether the terminal is wider than 120 columns. ``sarif`` and ``page`` (the content of an
    HTML file) are None where the result has no such form.
    """

    json: Callable[[], dict[str, Any]]
    markdown: Callable[[], str]
    table: Callable[["Box | None", bool], "Group"]
    sarif: Callable[[], dict[str, Any]] | None = None
    page: Callable[[], bytes] | None = None


def require_forms(output: Output, question: str, *, sarif: bool, html: bool) -> None:
    """Raise :class:`UserError` for a form that the answer to ``question`` does not have."""
    if output.format is Format.SARIF and not sarif:
        raise UserError(f"--sarif does not go with {question}", fix="use --json")
    if output.html is not None:
        from porttool.pages import page

        if not html:
            raise UserError(f"--html does not go with {question}", fix="use --markdown or --json")
        page.require_place(output.html)


def show(answer: Answer, output: Output) -> None:
    """Write the page, if one is wanted, and the result to stdout."""
    from rich.box import SIMPLE_HEAD

    from porttool.audit.reports import as_text

    if output.html is not None and answer.page is not None:
        from porttool.pages import page

        page.write(output.html, answer.page())
    console = ui.stdout()
    if output.format is Format.JSON:
        ui.show_json(answer.json())
    elif output.format is Format.SARIF and answer.sarif is not None:
        ui.show_json(answer.sarif())
    elif output.format is Format.MARKDOWN:
        console.out(answer.markdown(), end="")
    elif console.is_terminal:
        ui.show(answer.table(SIMPLE_HEAD, console.width > 120))
    else:
        console.out(as_text(answer.table(None, True)), end="")
