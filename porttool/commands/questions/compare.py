"""``audit-deps --compare``: which of several exporters would need least."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from porttool.audit import AuditReport
from porttool.audit.questions.ranking import Audited, Candidate, Ranked, rank
from porttool.audit.status import Status
from porttool.commands.answers import Answer, Output, require_forms, show
from porttool.commands.auditing import require_includes
from porttool.commands.questions.candidates import tree_of
from porttool.commands.subjects import (
    Request,
    audit_unpatched,
    judgement_of,
    known_provides,
    note_headers,
    require_no_flags,
)
from porttool.errors import CheckFailed, ExitCode, UserError
from porttool.git import GitError
from porttool.unikraft.provides import Provides


def compare(names: Sequence[str], request: Request, output: Output) -> ExitCode:
    """Rank the exporters ``names``: git URLs, with ``@`` and a ref or without, and folders.

    Each is audited as it is, without a series. Raises :class:`CheckFailed` after reporting when
    one could not be got or not be parsed, or needs something of a status of ``fail_on``.
    """
    require_forms(output, "--compare", sarif=False, html=False)
    if not names:
        raise UserError("--compare takes git URLs or folders", fix="name the candidates")
    failing = request.target.failing
    require_includes(request.includes)
    require_no_flags(request.build, "--compare")
    provides = known_provides(request.target, request.workspace)
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        ranked = rank(
            [
                _candidate(name, Path(scratch) / str(number), provides, request)
                for number, name in enumerate(dict.fromkeys(names))
            ]
        )
    for each in ranked:
        if each.candidate.audited is not None:
            note_headers(each.candidate.audited.report)
            break
    show(_answer(ranked, provides.release), output)
    _fail_if_unknown(ranked)
    _fail_on(ranked, failing)
    return ExitCode.OK


def _candidate(name: str, scratch: Path, provides: Provides, request: Request) -> Candidate:
    try:
        tree = tree_of(name, scratch)
        report = audit_unpatched(tree.path, request, provides)
        lines = _lines(tree.path, report)
    except (UserError, GitError) as error:
        return Candidate(name, error=": ".join(filter(None, (error.what, error.why))))
    found = Audited(report, judgement_of(report, provides), lines)
    if tree.pin is None:
        return Candidate(name, audited=found)
    return Candidate(name, tree.pin.ref, tree.pin.commit, found)


def _lines(tree: Path, report: AuditReport) -> int:
    """How many lines of the sources are not blank; a file that cannot be read has none."""
    lines = 0
    for file in report.files:
        with suppress(OSError), (tree / file.path).open("rb") as handle:
            lines += sum(bool(line.strip()) for line in handle)
    return lines


def _answer(ranked: Sequence[Ranked], release: str) -> Answer:
    from porttool.audit.questions import rankingreports

    return Answer(
        lambda: rankingreports.to_json(ranked, release),
        lambda: rankingreports.markdown(ranked, release),
        lambda box, wide: rankingreports.table(ranked, release, box=box, wide=wide),
    )


def _fail_if_unknown(ranked: Sequence[Ranked]) -> None:
    """Raise :class:`CheckFailed` when not all is known of every candidate."""
    lines = []
    for each in ranked:
        candidate = each.candidate
        if candidate.audited is None:
            lines.append(f"{candidate.name}: {candidate.error}")
        else:
            lines += [f"{candidate.name}: {file.error}" for file in candidate.audited.report.failed]
    if lines:
        raise CheckFailed(
            "not all is known of every candidate",
            why="\n".join(lines[:10] + ([f"and {len(lines) - 10} more"] if lines[10:] else [])),
            fix="--include DIR for a header that was not found; or leave the candidate out",
        )


def _fail_on(ranked: Sequence[Ranked], failing: Sequence[Status]) -> None:
    lines = []
    for each in ranked:
        if each.candidate.audited is not None:
            judgement = each.candidate.audited.judgement
            counts = [
                f"{len(found)} {status}" for status in failing if (found := judgement.of(status))
            ]
            lines += [f"{each.candidate.name}: {', '.join(counts)}"] if counts else []
    if lines:
        raise CheckFailed(
            f"candidates with needs of status {', '.join(dict.fromkeys(failing))}",
            why="\n".join(lines),
            fix="leave them out, or plan a patch",
        )
