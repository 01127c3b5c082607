"""``audit-deps --since``: what a newer upstream needs that an older one does not."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from porttool.audit.failures import fail_if_unparsed
from porttool.audit.questions.changes import Change, Changed, Version, changes
from porttool.audit.sarif import Baseline, Finding
from porttool.audit.status import Judgement
from porttool.commands.answers import SITES_ON_TERMINAL, Answer, Output, require_forms, show
from porttool.commands.auditing import (
    fail_on,
    require_includes,
)
from porttool.commands.questions.candidates import Tree, exported, is_repository, mirror_of
from porttool.commands.session import opened
from porttool.commands.subjects import (
    Request,
    audit_unpatched,
    judgement_of,
    known_provides,
    note_headers,
    require_no_flags,
)
from porttool.errors import ExitCode, UserError
from porttool.port import find_pin
from porttool.unikraft.provides import Provides
from porttool.upstream.lock import Pin
from porttool.upstream.store import Mirror


@dataclass(frozen=True, slots=True)
class Span:
    """From which ref to which. ``since`` is the pin when it is None, ``until`` what is newest."""

    since: str | None = None
    until: str | None = None


def since(span: Span, path: str | None, request: Request, output: Output) -> ExitCode:
    """Compare the needs of two refs of the port's upstream, or of the repository at ``path``.

    ``path`` is a git URL or a folder; without ``until`` a folder counts as it is now. Neither has
    a series. Raises :class:`CheckFailed` after reporting when a file did not parse, or an added
    need (or one that got worse) has a status of ``fail_on``.
    """
    require_forms(output, "--since", sarif=True, html=False)
    require_includes(request.includes)
    require_no_flags(request.build, "--since")
    failing = request.target.failing
    provides = known_provides(request.target, request.workspace)
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        before, after = (
            _of_port(span, request.workspace, Path(scratch))
            if path is None
            else _of_repository(span, path, Path(scratch))
        )
        old = _version(before, path, provides, request)
        new = _version(after, path, provides, request)
    note_headers(new.report)
    changed = changes(old.judgement, new.judgement)
    show(_answer(old, new, changed), output)
    for version in (old, new):
        fail_if_unparsed(version.report, patched=False)
    fail_on(_unfavourable(new.judgement, changed), failing)
    return ExitCode.OK


def _of_port(span: Span, workspace: Path, scratch: Path) -> tuple[Tree, Tree]:
    with opened(workspace, "audit-deps", contact=True) as port:
        old = port.lock.pin if span.since is None else find_pin(port.mirror, span.since)
        new = _newer(port.mirror, old) if span.until is None else find_pin(port.mirror, span.until)
        return _tree(port.mirror, old, scratch), _tree(port.mirror, new, scratch)


def _of_repository(span: Span, path: str, scratch: Path) -> tuple[Tree, Tree]:
    if span.since is None:
        raise UserError("--until without --since is for the port in a workspace, not for paths")
    mirror = mirror_of(path)
    old = find_pin(mirror, span.since)
    before = _tree(mirror, old, scratch)
    if span.until is not None:
        return before, _tree(mirror, find_pin(mirror, span.until), scratch)
    if is_repository(path):
        return before, _tree(mirror, _newer(mirror, old), scratch)
    return before, Tree(Path(path), None)


def _newer(mirror: Mirror, pin: Pin) -> Pin:
    """The newest release after ``pin``, else the newest commit."""
    newest = [*mirror.newer(pin), *mirror.newer_releases(pin)]
    if not newest:
        raise UserError(
            f"upstream has nothing newer than {pin.ref}",
            where=mirror.url,
            fix="name an older ref with --since, or another one with --until",
        )
    return find_pin(mirror, newest[-1])


def _tree(mirror: Mirror, pin: Pin, scratch: Path) -> Tree:
    return Tree(exported(mirror.repository, pin, scratch), pin)


def _version(tree: Tree, path: str | None, provides: Provides, request: Request) -> Version:
    report = audit_unpatched(tree.path, request, provides)
    judgement = judgement_of(report, provides)
    if tree.pin is None:
        return Version(path or ".", None, report, judgement)
    return Version(tree.pin.ref, tree.pin.commit, report, judgement)


def _unfavourable(after: Judgement, changed: tuple[Changed, ...]) -> Judgement:
    """The needs that are new, or worse than they were."""
    worse = (Change.ADDED, Change.WORSE)
    return Judgement(after.release, tuple(e.judged for e in changed if e.change in worse))


def _answer(old: Version, new: Version, changed: tuple[Changed, ...]) -> Answer:
    from porttool.audit import sarif
    from porttool.audit.questions import changesreports

    return Answer(
        lambda: changesreports.to_json(old, new, changed),
        lambda: changesreports.markdown(old, new, changed),
        lambda box, wide: changesreports.table(
            old,
            new,
            changed,
            box=box,
            site_limit=None if box is None else SITES_ON_TERMINAL[wide],
        ),
        lambda: sarif.to_sarif([sarif.Run(new.judgement.release, new.report, _findings(changed))]),
    )


def _findings(changed: tuple[Changed, ...]) -> tuple[Finding, ...]:
    baselines = {Change.ADDED: Baseline.NEW, Change.REMOVED: Baseline.ABSENT}
    return tuple(
        Finding(each.judged, baselines.get(each.change, Baseline.UPDATED)) for each in changed
    )
