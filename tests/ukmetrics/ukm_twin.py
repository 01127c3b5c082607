"""Builds a host twin with lib-ukmetrics, a library full of traps, and one that prints samples."""

import atexit
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from porttool.hosttwin.kconfig import TWIN, write_config
from porttool.unikraft.table import (
    Catalogue,
    load_catalogue,
    load_mapping,
    merge_families,
    metric_table,
    shipped_catalogue,
    shipped_mapping,
)
from tests.unikraft.toyport import ukmetrics

HERE = Path(__file__).parent
UKMETRICS = TWIN.parent / "ukmetrics"
RELEASE = "0.16.3"
MAX_OBJECTS = 48

VARIANTS = {
    "gcc": ["CC=gcc"],
    "gcc-sanitized": ["CC=gcc", "SANITIZE=1"],
    "musl": ["CC=musl-gcc"],
}


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    type: str
    unit: str
    labels: tuple[tuple[str, str], ...]
    value: float
    help: str


@dataclass(slots=True)
class Run:
    """What one run of the consumer printed."""

    settings: dict[str, str] = field(default_factory=dict)
    labels: list[tuple[str, str]] = field(default_factory=list)
    rounds: list[list[Sample]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    console: str = ""

    def values(self, name: str, label: str | None = None, round_: int = 0) -> dict[str, float]:
        """Value of each sample of a family, by the value of a label."""
        return {
            dict(s.labels)[label] if label else "": s.value
            for s in self.rounds[round_]
            if s.name == name
        }


def emit_ukmetrics(folder: Path, table: str) -> Path:
    """lib-ukmetrics as it is emitted, with a table."""
    shutil.copytree(UKMETRICS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "Config.uk").write_text(ukmetrics().config())
    (folder / "metric_table.c").write_text(table)
    return folder


def make_twin(libraries: list[Path], out: Path, *arguments: str) -> Path:
    """Build, asserting that it works and is quiet about warnings."""
    done = subprocess.run(
        [
            *("make", "-j2", "-f", str(TWIN / "twin.mk"), f"TWIN={TWIN}", f"O={out}"),
            *("L=" + ":".join(map(str, libraries)), *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return out / "twin"


@cache
def build(variant: str) -> Path:
    """The twin of a variant, built once a test run."""
    if variant == "musl" and not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed (package musl-tools)")
    work = Path(tempfile.mkdtemp(prefix="ukm-twin-"))
    atexit.register(shutil.rmtree, work)
    traps = [load_catalogue(HERE / "traps" / name) for name in ("catalogue.toml", "objects.toml")]
    shipped = shipped_catalogue(RELEASE)
    catalogue = Catalogue(
        RELEASE, 2, (*shipped.entries, *(entry for trap in traps for entry in trap.entries))
    )
    mapping = merge_families(
        [*shipped_mapping().families, *load_mapping(HERE / "traps" / "mapping.toml").families]
    )
    libraries = [
        emit_ukmetrics(work / "lib-ukmetrics", metric_table(catalogue, mapping)),
        HERE / "traps",
        HERE / "consumer",
    ]
    out = work / "build"
    settings = {
        "LIBUKMETRICS_MAX_OBJECTS": str(MAX_OBJECTS),
        "LIBUKMETRICS_MEMORY_PERLIB": "y",
        "LIBUKMETRICS_MOUNTS": "y",
    }
    write_config(libraries, out, settings)
    return make_twin(libraries, out, *VARIANTS[variant])


def run(twin: Path, *parameters: str) -> Run:
    """Run the consumer; the twin must end by itself, with 0."""
    done = subprocess.run(
        [str(twin), *parameters, "--"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    result = Run(console=done.stderr)
    pending: list[str] = []
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == "sample":
            pending = rest.split("|")
        elif word == "help":
            name, type_, unit = pending[0].split(" ")
            labels = tuple((n, v) for n, _, v in (pair.partition("=") for pair in pending[1:-1]))
            sample = Sample(name, type_, unit, labels, float(pending[-1]), rest)
            result.rounds[-1].append(sample)
        elif word == "round":
            result.rounds.append([])
        elif word == "returned":
            result.returned.append(int(rest))
        elif word == "label":
            name, _, value = rest.partition("=")
            result.labels.append((name, value))
        else:
            result.settings[word] = rest
    return result
