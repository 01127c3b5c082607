"""``audit-deps --releases``: what each release of Unikraft has of the needs."""

from collections.abc import Sequence

from porttool.audit import AuditReport
from porttool.audit.failures import fail_if_unparsed
from porttool.audit.questions.matrix import matrix
from porttool.audit.status import Judgement
from porttool.commands.answers import Answer, Output, require_forms, show
from porttool.commands.auditing import fail_on
from porttool.commands.subjects import Request, audited
from porttool.errors import ExitCode, UserError
from porttool.unikraft import provides as known


def releases(request: Request, output: Output) -> ExitCode:
    """Hold the needs against every release that porttool knows, oldest first.

    Raises :class:`CheckFailed` after reporting when a file did not parse, or a need has a status
    of ``fail_on`` in one of the releases, the first of which is named.
    """
    require_forms(output, "--releases", sarif=True, html=True)
    if request.target.release is not None or request.target.catalogue is not None:
        raise UserError("--releases goes with neither --release nor --catalogue")
    failing = request.target.failing
    found = audited(request)
    judgements = [found.against(known.shipped(release)) for release in known.releases()]
    show(_answer(request.subject, found.report, judgements), output)
    fail_if_unparsed(found.report, patched=not request.paths and not request.unpatched)
    for judgement in judgements:
        fail_on(judgement, failing)
    return ExitCode.OK


def _answer(subject: str, report: AuditReport, judgements: Sequence[Judgement]) -> Answer:
    from porttool.audit import sarif
    from porttool.audit.questions import matrixreports

    found = matrix(judgements)

    def page() -> bytes:
        from porttool.commands.audit_page import releases_page

        return releases_page(subject, report, found)

    return Answer(
        lambda: matrixreports.to_json(report, found),
        lambda: matrixreports.markdown(report, found),
        lambda box, wide: matrixreports.table(report, found, box=box, wide=wide),
        lambda: sarif.to_sarif(sarif.of(report, judgement) for judgement in judgements),
        page,
    )
