"""Every test runs sealed: no user or system git config, no home, no locale of the machine."""

import os
from pathlib import Path

import pytest

KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV", "PORTTOOL_UNIKRAFT", "CI")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option that renews what was seen in real trees of Unikraft."""
    parser.addoption(
        "--record-unikraft",
        action="store_true",
        help="write tests/unikraft_real/record.toml; with -m unikraft, without -n",
    )


@pytest.fixture(autouse=True)
def sealed_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Seal the environment; gives the HOME of the test."""
    home = tmp_path_factory.mktemp("home")
    _share_audits(home, tmp_path_factory)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    pytest_vars = {k: v for k, v in os.environ.items() if k.startswith("PYTEST_")}
    for name in list(os.environ):
        monkeypatch.delenv(name)
    settings = {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada Author",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Carl Committer",
        "GIT_COMMITTER_EMAIL": "carl@example.org",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    for name, value in (kept | pytest_vars | settings).items():
        monkeypatch.setenv(name, value)
    return home


def _share_audits(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let all tests of a run, in all its processes, use what one audit found.

    It is keyed by the content of everything that was read, and takes most of the time of an emit.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "audits"
    shared.mkdir(exist_ok=True)
    cache = home / ".cache" / "porttool"
    cache.mkdir(parents=True)
    (cache / "audits").symlink_to(shared)
