"""The repository's own port: slim-exporter v1.1.0 with the series in patches/."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from porttool.series import folder
from tests.support import git, porttool, snapshot, tree_of_folder

ROOT = Path(__file__).parent.parent
PORT = ("porttool.toml", "upstream.lock", "patches")


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """A copy of the repository's port, so that the tests leave the repository alone."""
    for name in PORT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / "port" / name)
        else:
            (tmp_path / "port").mkdir(exist_ok=True)
            shutil.copy2(source, tmp_path / "port" / name)
    return tmp_path / "port"


@pytest.fixture
def pinned(port: Path, tmp_path: Path) -> Path:
    """The pin without its series, as plain files in a folder without git."""
    porttool("apply", "--to", tmp_path / "pinned", cwd=port)
    count = len(folder.read(port / "patches").files)
    git(tmp_path / "pinned", "reset", "--quiet", "--hard", f"HEAD~{count}")
    (tmp_path / "pinned" / ".git").unlink()
    return tmp_path / "pinned"


def series_tree(port: Path) -> str:
    report = json.loads(porttool("apply", "--json", cwd=port).stdout)
    return str(report["tree"])


def test_a_refresh_changes_nothing(port: Path) -> None:
    before = snapshot(port)
    report = json.loads(porttool("refresh", "--json", cwd=port).stdout)
    assert report["changed"] is False
    assert {patch["fate"] for patch in report["patches"]} == {"unchanged"}
    assert len(report["patches"]) >= 7
    assert snapshot(port) == before
    porttool("check", cwd=port)


def test_quilt_gives_the_same_tree(port: Path, pinned: Path) -> None:
    subprocess.run(
        ["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"],
        cwd=pinned,
        check=True,
        capture_output=True,
        env=os.environ | {"QUILT_PATCHES": str(port / "patches")},
    )
    shutil.rmtree(pinned / ".pc")
    assert tree_of_folder(pinned, without=()) == series_tree(port)


def test_git_am_gives_the_same_tree(port: Path, pinned: Path) -> None:
    git(pinned, "init", "--quiet")
    git(pinned, "add", "--all", "--force")
    git(pinned, "commit", "--quiet", "--message", "pin")
    files = folder.read(port / "patches").files
    git(pinned, "am", "--quiet", *(str(port / "patches" / file.name) for file in files))
    assert git(pinned, "rev-parse", "HEAD^{tree}") == series_tree(port)


def test_the_emitted_patches_through_patch_give_the_same_tree(port: Path, pinned: Path) -> None:
    """As Unikraft's build does it: every file of the folder, sorted, to patch -p1."""
    config = port / "porttool.toml"
    config.write_text(config.read_text() + '\n[emit]\nmode = "fetch"\n')
    porttool("emit", cwd=port)
    emitted = port / "build" / "lib-slim-exporter" / "patches"
    assert all(path.suffix == ".patch" for path in emitted.iterdir())
    for path in sorted(emitted.iterdir()):
        subprocess.run(
            ["patch", "-p1"], cwd=pinned, input=path.read_bytes(), check=True, capture_output=True
        )
    assert tree_of_folder(pinned, without=()) == series_tree(port)


def names_of(report: str, kind: str) -> set[str]:
    return {need["name"] for need in json.loads(report)["needs"] if need["kind"] == kind}


def test_the_audit_shows_what_the_series_removes(port: Path, pinned: Path) -> None:
    before = porttool("audit-deps", "--json", pinned, cwd=port, check=None).stdout
    after = porttool("audit-deps", "--json", cwd=port).stdout
    gone = names_of(before, "function") - names_of(after, "function")
    assert {"fork", "setsid", "sigaction", "exit", "opendir"} <= gone
    assert any(name.startswith("/proc") for name in names_of(before, "path"))
    assert names_of(after, "path") == set()
    signals = {need["name"] for need in json.loads(after)["needs"] if need["group"] == "signal"}
    assert signals == set()


def test_the_series_moves_to_the_next_release(port: Path) -> None:
    """Absorbed, partly absorbed, moved and merged patches; the settings follow the files."""
    before = snapshot(port)
    stopped = porttool("refresh", "--onto", "v1.2.0", "--json", cwd=port, check=3)
    assert "--drop-absorbed" in stopped.stderr
    verdicts = [each["verdict"] for each in json.loads(stopped.stdout)["outcomes"]]
    assert verdicts == ["absorbed", "partly absorbed", *["moved"] * 3, "merged", *["moved"] * 8]
    assert snapshot(port) == before
    porttool("refresh", "--onto", "v1.2.0", "--drop-absorbed", cwd=port)
    series = (port / "patches" / "series").read_text()
    assert "# 0001-server-rest-when-a-connection-cannot-be-accepted.patch: upstream took" in series
    assert len(folder.read(port / "patches").files) == 13
    config = (port / "porttool.toml").read_text()
    assert '"src/http/server.c"' in config
    assert "# What patches/0008 leaves" in config
    porttool("check", cwd=port)
    porttool("run", "--build-only", cwd=port)

    before = snapshot(port)
    stopped = porttool("refresh", "--onto", "v2.0.0", cwd=port, check=3)
    assert "0010-collect-the-unikernel-s-figures-from-lib-ukmetrics.patch does not apply" in (
        stopped.stderr
    )
    assert "src/collector.h, hunk 1" in stopped.stderr
    assert snapshot(port) == before

    solve_for_2_0(port / ".porttool" / "work")
    porttool("refresh", "--continue", cwd=port)
    assert 'ref = "v2.0.0"' in (port / "upstream.lock").read_text()
    assert len(folder.read(port / "patches").files) == 13
    porttool("check", cwd=port)
    porttool("run", "--build-only", cwd=port)


def solve_for_2_0(work: Path) -> None:
    """What v2.0.0 asks of patch 0010: its collector has a new form, and a header lists it."""
    header = work / "src" / "collector.h"
    sides = r"<<<<<<< [^\n]*\n(.*?)\|{7} .*?>>>>>>> [^\n]*\n"
    header.write_text(re.sub(sides, r"\1", header.read_text(), flags=re.DOTALL))
    listed = work / "src" / "builtin.h"
    names = listed.read_text().replace("BUILTIN(uname);", "BUILTIN(ukmetrics);\nBUILTIN(uname);")
    listed.write_text(names)
    source = work / "unikraft" / "ukmetrics.c"
    text = source.read_text()
    for old, new in (
        ('#include "collector.h"', '#include "builtin.h"'),
        ("update(struct expo *out, struct buf *scratch)", "collect(const struct scrape *scrape)"),
        (".out = out }", ".out = scrape->out }"),
        ("\t(void)scratch;\n", ""),
        (".update = update", ".collect = collect"),
    ):
        assert old in text
        text = text.replace(old, new)
    source.write_text(text)
