"""``porttool send``: write patches as mails for upstream, and record that."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from porttool import ui
from porttool.commands.refresh import carry_out
from porttool.commands.session import opened, require_idle
from porttool.errors import ExitCode, UserError
from porttool.port import Port, find_pin
from porttool.series import edit, mail
from porttool.series.operate import items
from porttool.transaction import replace_whole
from porttool.upstream.lock import Pin


def send(
    directory: Path,
    names: Sequence[str],
    *,
    onto: str | None,
    output: Path | None,
    url: str | None,
    record: bool,
    as_json: bool,
) -> ExitCode:
    """Write the patches ``names`` to ``output``, made for upstream's ``onto`` alone.

    With ``record`` they are then marked as submitted, to ``url`` if given.
    """
    with opened(directory, f"send {' '.join(names)}", contact=True) as port:
        require_idle(port)
        source = edit.settled_source(port)
        todo = items(source)
        chosen = [edit.position(todo, name) for name in names]
        base = _base(port, onto)
        letter = mail.write(port, source, chosen, base)
        target = output or Path(f"{Path(letter.names[0]).name.removesuffix('.patch')}.mbox")
        if target.is_dir():
            raise UserError("a folder stands where the file is to go", where=str(target))
        if not target.parent.is_dir():
            raise UserError("there is no such folder", where=str(target.parent))
        where = url or f"{time.strftime('%Y-%m-%d')}, against {base.ref} {base.commit[:12]}"
        plan = mail.record(port, source, letter, where) if record else None
        replace_whole(target, letter.content)
        ui.note(f"{target}: for {base.ref} ({base.commit[:12]}); git send-email takes it")
        sent = {"mail": {"file": os.fspath(target), "ref": base.ref, "commit": base.commit}}
        if plan is not None:
            return carry_out(port, plan, also=sent, as_json=as_json)
        if as_json:
            ui.show_json({"schema": 1, "changed": False} | sent)
    return ExitCode.OK


def _base(port: Port, onto: str | None) -> Pin:
    """What the patch is to apply to: ``onto``, else upstream's newest commit."""
    if onto is None:
        onto = port.mirror.default_branch()
    return port.lock.pin if onto is None else find_pin(port.mirror, onto)
