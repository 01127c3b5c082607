"""A patch for upstream: on upstream alone, without what only this port cares about, as a mail."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from porttool import __version__
from porttool.errors import DecisionNeeded, UserError
from porttool.git import Repository
from porttool.port import Port
from porttool.series import exporter
from porttool.series.folder import PatchFile
from porttool.series.importer import import_series
from porttool.series.message import one_line, split_trailers, trailer_name, with_trailers
from porttool.series.operate import items
from porttool.series.operation import Item
from porttool.series.outcome import Outcome, Verdict
from porttool.series.patch import Message, split_header
from porttool.series.rebase import Pick, rebase
from porttool.series.refresh import Plan, Source, conclude, settle
from porttool.upstream.lock import Pin

#: What a patch says of itself for this port alone: Yocto's field and those of DEP-3.
_OURS = (b"upstream-status", b"forwarded", b"applied-upstream")

_STATUS = re.compile(rb"^Upstream-Status:[ \t]*(.*(?:\n[ \t]+.*)*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Letter:
    """Patches for upstream as a mailbox, one mail each, and the upstream commit they apply to."""

    content: bytes
    names: tuple[str, ...]
    base: Pin


def write(port: Port, source: Source, chosen: Sequence[int], base: Pin) -> Letter:
    """The patches ``chosen`` of the series, on the upstream commit ``base`` and nothing else.

    Raises :class:`UserError` for one that is not ``Upstream-Status: Pending`` or that upstream has,
    and :class:`DecisionNeeded` for one that does not apply there alone.
    """
    todo = items(source)
    picked = [todo[at] for at in sorted(set(chosen))]
    for item in picked:
        _require_pending(item)
    picks = [_for_upstream(item) for item in picked]
    moved = rebase(port.store, port.lock.pin.commit, base.commit, picks)
    for item, outcome in zip(picked, moved.outcomes, strict=False):
        _require_fits(todo, item, outcome, base)
    content = _format(port.store, base.commit, moved.head, len(picks))
    return Letter(content, tuple(item.name for item in picked), base)


def record(port: Port, source: Source, letter: Letter, where: str) -> Plan:
    """The plan that marks the patches of a letter as submitted; ``where`` says where or when."""
    line = b"Upstream-Status: Submitted [%s]" % one_line(where, "place to send it to")
    files = []
    for file, item in zip(source.files, items(source), strict=True):
        if file.name in letter.names:
            head, diff = split_header(file.content)
            content = _STATUS.sub(lambda _: line, head, count=1) + diff
            item = replace(item, content=content)
        files.append(item.file)
    pin = port.lock.pin
    imported = import_series(port.store, pin.commit, [file.patch for file in files])
    commits = [patch.commit for patch in imported.patches]
    known: list[tuple[PatchFile, str | None]] = list(zip(files, commits, strict=True))
    settled = settle(port.store, pin.commit, imported.head, known, port.series.names)
    return conclude(port, source, pin, settled)


def _require_pending(item: Item) -> None:
    header, _ = split_header(item.content)
    found = _STATUS.search(header)
    status = found[1].decode("utf-8", "replace").strip() if found is not None else None
    if status is None or not re.match(r"Pending\b", status):
        raise UserError(
            f"{item.name} is not marked as Pending",
            where=item.name,
            why=f"its Upstream-Status is {status}" if status else "it has no Upstream-Status",
            fix="porttool edit it, and put Upstream-Status: Pending at the end of its message",
        )


def _for_upstream(item: Item) -> Pick:
    patch = item.file.patch
    body, trailers = split_trailers(patch.message.text)
    text = with_trailers(body, [line for line in trailers if trailer_name(line) not in _OURS])
    subject, _, rest = text.partition(b"\n")
    old = patch.message
    message = Message(subject, rest.strip(b"\n"), old.name, old.email, old.date)
    return Pick(replace(patch, message=message), item.commit, item.parent)


def _require_fits(todo: Sequence[Item], item: Item, outcome: Outcome, base: Pin) -> None:
    if outcome.verdict is Verdict.ABSORBED:
        raise UserError(
            f"upstream has {item.name} already, in {base.ref}",
            fix=f"porttool refresh --onto {base.ref} --drop-absorbed",
        )
    if outcome.verdict not in (Verdict.CONFLICT, Verdict.AMBIGUOUS):
        return
    touched = {diff.path for diff in item.file.patch.files}
    before = todo[: todo.index(item)]
    needed = [each.name for each in before if touched & {d.path for d in each.file.patch.files}]
    on_same = f"the series changes the same files before it: {', '.join(needed)}" if needed else ""
    ambiguous = outcome.verdict is Verdict.AMBIGUOUS
    what = "has no certain place on" if ambiguous else "does not apply to"
    raise DecisionNeeded(
        f"{item.name} {what} upstream's {base.ref} alone",
        why=on_same or "upstream changed what it changes",
        fix="send those with it, or porttool move it before them"
        if needed
        else f"porttool refresh --onto {base.ref} first",
    )


def _format(store: Repository, base: str, head: str, count: int) -> bytes:
    options = ["--zero-commit", "--stat=72", f"--signature=porttool {__version__}"]
    options += ["--subject-prefix=PATCH", f"--base={base}", "--encoding=UTF-8", "--no-thread"]
    options += ["--numbered" if count > 1 else "--no-numbered", "--no-attach", "--no-notes"]
    return store.run("format-patch", "--stdout", *options, *exporter.DIFF_FORMAT, f"{base}..{head}")
