"""Real trees of Unikraft, from the folder that PORTTOOL_UNIKRAFT names, and real QEMU."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.served import copy_port, environment, free_port
from tests.support import git
from tests.unikraft_real import record

HOW = (
    "set PORTTOOL_UNIKRAFT to a folder with <release>/{unikraft,lib-musl,lib-lwip} and archives/ "
    "(docs/porting.md, section 6)"
)
LIBRARIES = ("unikraft", "lib-musl", "lib-lwip")


@dataclass(frozen=True, slots=True)
class Unikernel:
    """A port that was emitted and built for one release."""

    release: str
    port: Path
    trees: Path
    home: Path
    report: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.port / "build" / f"unikraft-{self.release}"

    def porttool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run porttool on the port, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "porttool", "-C", str(self.port), *arguments],
            capture_output=True,
            text=True,
            env=environment(self.home),
            check=False,
            timeout=1800,
        )


@dataclass(slots=True)
class Booted:
    """A running ``porttool boot``."""

    process: subprocess.Popen[str]
    report: dict[str, Any]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.report["url"])

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])


@contextmanager
def boot(unikernel: Unikernel, *options: str) -> Iterator[Booted]:
    """Boot a unikernel until the block ends, and hold it to a clean end."""
    command = [sys.executable, "-m", "porttool", "-C", str(unikernel.port), "boot", "--json"]
    with subprocess.Popen(
        [*command, "--port", str(free_port()), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(unikernel.home),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            text = ""
            for line in process.stdout:
                text += line
                if line == "}\n":
                    break
            if not text:
                process.wait()
                reader.join()
                raise AssertionError("".join(lines))
            yield Booted(process, json.loads(text), lines)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0, "".join(lines)
        finally:
            process.kill()
    reader.join()


def _trees(release: str) -> Path:
    """The folder with the trees of a release; skips when there is none."""
    given = os.environ.get("PORTTOOL_UNIKRAFT")
    if not given:
        pytest.skip(HOW)
    trees = Path(given) / release
    missing = [name for name in LIBRARIES if not (trees / name).is_dir()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not in {trees}; {HOW}")
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("qemu-system-x86_64 is not installed (Debian package qemu-system-x86)")
    return trees


@pytest.fixture(scope="session", params=record.releases())
def unikernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Unikernel:
    """The repository's own port, built once for each release, whichever worker comes first."""
    release = str(request.param)
    trees = _trees(release)
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / f"unikernel-{release}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "report.json").exists():
            _make(release, trees, folder)
    report = json.loads((folder / "report.json").read_bytes())
    return Unikernel(release, folder / "port", trees, folder / "home", report)


def _make(release: str, trees: Path, folder: Path) -> None:
    (folder / "home").mkdir()
    port = copy_port(folder / "port")
    settings = port / "porttool.toml"
    settings.write_text(
        re.sub(r'(?m)^unikraft = ".*"$', f'unikraft = "{release}"', settings.read_text())
    )
    made = Unikernel(release, port, trees, folder / "home", {})
    refreshed = made.porttool("refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    built = made.porttool(
        "build", "--unikraft", str(trees / "unikraft"),
        "--libs", f"{trees}/lib-musl:{trees}/lib-lwip",
        "--archives", str(trees.parent / "archives"), "--json",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (folder / "report.json").write_text(built.stdout)


@pytest.fixture(scope="session")
def booted(unikernel: Unikernel) -> Iterator[Booted]:
    """The unikernel, booted once for all tests of its release that change nothing."""
    with boot(unikernel) as running:
        yield running


# --- the record -----------------------------------------------------------------------------------

_outcomes: dict[str, list[bool]] = {}
_seen: dict[str, tuple[Unikernel, Booted]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how each test of a release ended."""
    report = yield
    values = getattr(item, "funcargs", {})
    if "unikernel" in values and not report.skipped and (report.when == "call" or report.failed):
        release = values["unikernel"].release
        _outcomes.setdefault(release, []).append(report.passed)
        if "booted" in values:
            _seen[release] = values["unikernel"], values["booted"]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the record of the releases of which every test passed."""
    if session.config.getoption("--record-unikraft"):
        record.write(
            _entry(release, len(outcomes))
            for release, outcomes in _outcomes.items()
            if all(outcomes) and release in _seen
        )


def _entry(release: str, passed: int) -> record.Entry:
    unikernel, booted = _seen[release]
    os.environ.update(environment(unikernel.home))
    commits = {
        name: git(unikernel.trees / name, "rev-parse", "HEAD")
        for name in LIBRARIES
        if (unikernel.trees / name / ".git").exists()
    }
    return record.Entry(
        release,
        record.current(unikernel.port, release),
        passed,
        unikernel.report["seconds"],
        unikernel.report["size"],
        booted.report["first_scrape_seconds"],
        booted.report["samples"],
        f"{_version('gcc')}, {_version('qemu-system-x86_64')}, {booted.report['accelerator']}",
        commits,
    )


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+\.\d+\.\d+", said)
    return f"{program} {match[0] if match else 'of an unknown version'}"
