"""``audit-deps --why``: how the program comes to something that it needs."""

from collections.abc import Sequence

from porttool.audit import AuditReport
from porttool.audit.failures import fail_if_unparsed
from porttool.audit.questions.paths import Found, Graph, matching, similar
from porttool.audit.status import Judgement
from porttool.commands.answers import Answer, Output, require_forms, show
from porttool.commands.auditing import fail_on
from porttool.commands.subjects import Request, audited
from porttool.errors import ExitCode, UserError
from porttool.workspace import Workspace


def why(name: str, request: Request, output: Output) -> ExitCode:
    """Show the paths to the needs that ``name``, a name or a glob, means.

    Raises :class:`UserError` when there is none, :class:`CheckFailed` after reporting when a file
    did not parse, or one of these needs has a status of ``fail_on``.
    """
    require_forms(output, "--why", sarif=False, html=False)
    failing = request.target.failing
    found = audited(request)
    judgement = None if found.provides is None else found.against(found.provides)
    needs = matching(found.report, name)
    if not needs:
        close = similar(found.report, name)
        raise UserError(
            f"nothing needs {name}",
            where=None if not request.paths else ", ".join(map(str, request.paths)),
            fix=f"did you mean {', '.join(close)}?" if close else "porttool audit-deps lists all",
        )
    graph = Graph(found.report, _hook(request))
    judged = () if judgement is None else judgement.needs
    of_need = {(each.need.kind, each.need.name): each for each in judged}
    answers = [Found(graph.why(need), of_need.get((need.kind, need.name))) for need in needs]
    release = None if judgement is None else judgement.release
    show(_answer(found.report, name, release, graph, answers), output)
    fail_if_unparsed(found.report, patched=not request.paths and not request.unpatched)
    if release is not None:
        fail_on(Judgement(release, tuple(e.judged for e in answers if e.judged)), failing)
    return ExitCode.OK


def _hook(request: Request) -> str:
    """What the series puts in the place of main; main itself without a port."""
    if request.paths:
        return "main"
    return Workspace.open(request.workspace).config.entry_function


def _answer(
    report: AuditReport, name: str, release: str | None, graph: Graph, found: Sequence[Found]
) -> Answer:
    from porttool.audit.questions import pathsreports

    return Answer(
        lambda: pathsreports.to_json(report, name, release, found),
        lambda: pathsreports.markdown(name, found),
        lambda box, wide: pathsreports.table(graph, found, box=box),
    )
