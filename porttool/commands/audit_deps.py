"""``porttool audit-deps``: what C code needs from the C library, the system and the kernel."""

from typing import TYPE_CHECKING, Any

from porttool.audit import AuditReport
from porttool.audit.failures import fail_if_unparsed
from porttool.audit.status import Judgement
from porttool.commands.answers import SITES_ON_TERMINAL, Answer, Output, require_forms, show
from porttool.commands.auditing import fail_on
from porttool.commands.subjects import Request, audited
from porttool.errors import ExitCode, UserError

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Group


def audit_deps(request: Request, output: Output) -> ExitCode:
    """Audit folders and files of C, or the port in the workspace when there are no paths.

    The port is audited with its series applied, or, unpatched, all of the pin as it is. Raises
    :class:`CheckFailed` after reporting when a file did not parse or a need has a status of
    ``fail_on``, :class:`UserError` when there is nothing to audit or the release is not known.
    """
    require_forms(output, "an audit", sarif=True, html=True)
    failing = request.target.failing
    found = audited(request)
    judgement = None if found.provides is None else found.against(found.provides)
    show(_answer(request.subject, found.report, judgement), output)
    fail_if_unparsed(found.report, patched=not request.paths and not request.unpatched)
    if judgement is not None:
        fail_on(judgement, failing)
    return ExitCode.OK


def _answer(subject: str, report: AuditReport, judgement: Judgement | None) -> Answer:
    from porttool.audit import reports, sarif, statusreports

    def markdown() -> str:
        if judgement is None:
            return reports.markdown(report)
        return statusreports.markdown(report, judgement)

    def table(box: "Box | None", wide: bool) -> "Group":
        limit = None if box is None else SITES_ON_TERMINAL[wide]
        if judgement is None:
            return reports.table(report, site_limit=limit, box=box)
        return statusreports.table(report, judgement, site_limit=limit, box=box)

    def document() -> dict[str, Any]:
        if judgement is None:
            raise UserError("--sarif needs a release", fix="name one with --release")
        return sarif.to_sarif([sarif.of(report, judgement)])

    def page() -> bytes:
        from porttool.commands.audit_page import audit_page

        return audit_page(subject, report, judgement)

    return Answer(lambda: reports.to_json(report, judgement), markdown, table, document, page)
