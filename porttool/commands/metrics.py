"""``porttool metrics``: metrics of one's own libraries, and the reference of all metrics."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.errors import ExitCode, UserError
from porttool.unikraft import metrics_reference, own_metrics
from porttool.unikraft.metrics_reference import Reference
from porttool.unikraft.own_metrics import Update
from porttool.unikraft.scan.entries import of_folder
from porttool.unikraft.table import Family
from porttool.workspace import Workspace


def scan(
    workspace_folder: Path,
    folder: Path,
    tree: Path | None,
    output: Path | None,
    *,
    check: bool,
    as_json: bool,
) -> ExitCode:
    """Bring the workspace's metrics up to the entries of a library or an application.

    With ``check`` nothing is written, and the exit code is 4 when something would be.
    """
    workspace = Workspace.open(workspace_folder)
    for each in (folder, *([tree] if tree else [])):
        if not each.is_dir():
            raise UserError("there is no such folder", where=str(each))
    path = output or workspace.metrics
    update = own_metrics.update(path, of_folder(folder, tree), workspace.config.unikraft)
    there = path.exists()
    differs = update.text.encode() != path.read_bytes() if there else bool(update.entries)
    if differs and not check:
        _write(path, update.text)
    code = ExitCode.CHECK_FAILED if check and differs else ExitCode.OK
    if as_json:
        ui.show_json(_document(path, update, differs=differs, written=differs and not check))
        return code
    ui.show(*view(str(path), update, differs=differs, check=check))
    if update.dangling:
        ui.note(f"porttool emit refuses a family whose entry is gone: edit or remove it in {path}")
    return code


def doc(*, as_json: bool) -> ExitCode:
    """Write the reference of all metrics that porttool ships to stdout."""
    found = metrics_reference.reference()
    if as_json:
        ui.show_json(_reference(found))
    else:
        ui.write(metrics_reference.markdown(found))
    return ExitCode.OK


def _reference(found: Reference) -> dict[str, object]:
    return {
        "schema": 1,
        "releases": list(found.releases),
        "families": [
            {
                "name": each.family.name,
                "help": each.family.help,
                "type": each.family.type,
                "unit": each.family.unit,
                "collector": each.family.collector,
                "entries": list(each.entries),
                "requires": list(each.symbols),
                "releases": list(each.releases),
            }
            for each in found.families
        ],
        "node_exporter": {
            "version": found.node_exporter.version,
            "collectors": [
                {
                    "name": collector.name,
                    "default": collector.default,
                    "families": [
                        {
                            "name": answer.family,
                            "has": "lib-ukmetrics"
                            if answer.mapped
                            else "exporter"
                            if answer.by_exporter
                            else None,
                            "why": answer.why,
                        }
                        for answer in collector.answers
                    ],
                }
                for collector in found.node_exporter.collectors
            ],
        },
    }


def view(path: str, update: Update, *, differs: bool, check: bool) -> list[RenderableType]:
    """What a scan shows: what the file has now, and what happened to entries and families."""
    rows = list(_rows(update))
    summary = Text(_summary(path, update, differs=differs, check=check))
    return [summary, _table(rows)] if rows else [summary]


def _write(path: Path, text: str) -> None:
    """Exchange a file as a whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(text.encode())
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _summary(path: str, update: Update, *, differs: bool, check: bool) -> str:
    found = ui.count(len(update.entries), "entry", "entries")
    if not differs:
        return f"{path}  {found} found, up to date"
    new = ui.count(len(update.added), "new family", "new families")
    return f"{path}  {found} found, {new}{'; not written' if check else ''}"


def _rows(update: Update) -> Iterator[tuple[str, str, str]]:
    """What happened, to what, and more of it."""
    requires = {entry.key: entry.requires for entry in update.entries}
    for family in update.added:
        (key,) = family.samples[0].entries
        symbols = " ".join(symbol for symbol in requires[key] if symbol != "LIBUKSTORE")
        yield "new", family.name, f"{family.type} from {key}" + (symbols and f", with {symbols}")
    for key in update.changed:
        yield "changed", key, "another id, type or guard than before"
    for key in update.gone:
        yield "gone", key, "the library does not have it any more"
    for name in update.dropped:
        yield "removed", name, "its entry is gone, and nobody had edited it"
    for name in update.dangling:
        yield "dangling", name, "its entry is gone"
    for left in update.left:
        yield "left out", left.entry, left.why
    for key in update.shipped:
        yield "known", key, "porttool has metrics of it"


_STYLES = {"new": "green", "gone": "yellow", "dangling": "bold red"}


def _table(rows: list[tuple[str, str, str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for what, name, more in rows:
        table.add_row(Text(what, _STYLES.get(what, "")), name, more)
    return table


def _document(path: Path, update: Update, *, differs: bool, written: bool) -> dict[str, object]:
    return {
        "schema": 1,
        "file": str(path),
        "changed": differs,
        "written": written,
        "entries": [
            {
                "library": entry.library,
                "name": entry.name,
                "type": entry.type,
                "id": entry.id,
                "value": entry.value,
                "header": entry.header,
                "requires": list(entry.requires),
                **({"object": entry.object} if entry.dynamic else {}),
            }
            for entry in update.entries
        ],
        "added": [_family(family) for family in update.added],
        "changed_entries": list(update.changed),
        "gone": list(update.gone),
        "removed": list(update.dropped),
        "dangling": list(update.dangling),
        "left_out": [{"entry": left.entry, "why": left.why} for left in update.left],
        "known": list(update.shipped),
    }


def _family(family: Family) -> dict[str, object]:
    (sample,) = family.samples
    return {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "entries": list(sample.entries),
        "object_label": sample.object_label,
    }
