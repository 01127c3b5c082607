"""What an operator needs beside the libraries: scrapes, rules, a dashboard, a runbook."""

from pathlib import Path

import porttool
from porttool.operator import dashboard
from porttool.unikraft import stamped
from porttool.unikraft.emit import Library, Written

FOLDER = "operator"
DASHBOARD = "grafana/unikernels.json"

_COPY = "copy the folder to where your Prometheus is and change it there"

_FILES = Path(__file__).parent / "files"


def operator_files() -> Library:
    """Make the folder in memory. It is the same for every port and release of Unikraft."""
    files = {
        path.relative_to(_FILES).as_posix(): path.read_bytes()
        for path in sorted(_FILES.rglob("*"))
        if path.is_file()
    }
    files[DASHBOARD] = dashboard.grafana_json(dashboard.shipped())
    files[stamped.STAMP] = stamped.stamp({"porttool": porttool.__version__}, files)
    return Library(FOLDER, FOLDER, files)


def write(out: Path) -> Written:
    """Write the folder below ``out``, as :func:`porttool.unikraft.emit.emit` writes libraries.

    Raises :class:`UserError` for a file in it that is not porttool's or was edited.
    """
    made = operator_files()
    folder = out / made.folder
    return Written(made, folder, stamped.write(folder, made.files, _COPY))
