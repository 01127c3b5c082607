"""Series from elsewhere, made by the tools that people come from."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands.ports import Outcome, invoke
from tests.support import SMALL_C, Upstream, git, make_workspace, snapshot, write_files

MAIN = SMALL_C["main.c"]


class Bare:
    """A workspace without patches, and its upstream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upstream, self.root = make_workspace(folder)
        assert self.run("refresh").code == 0

    def run(self, *args: str | Path) -> Outcome:
        return invoke("-C", self.root, *args)

    def series(self) -> list[str]:
        return (self.root / "patches/series").read_text().splitlines()

    def applied(self) -> Path:
        assert self.run("apply", "--to", self.folder / "applied").code == 0
        return self.folder / "applied"


@pytest.fixture
def port(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def commits(upstream: Upstream) -> str:
    """Three commits on upstream's side branch; gives the tree they make."""
    git(upstream.path, "checkout", "--quiet", "-b", "side")
    author = "Zoë Ünicode <zoe@example.org>"
    upstream.commit("Say 1: naïve\n\nBecause.", {"main.c": MAIN.replace("one", "1")}, author=author)
    upstream.commit("Add café", {"data.txt": "caf\u00e9\r\nplain\n"})
    upstream.commit("Say 3", {"main.c": MAIN.replace("one", "1").replace("three", "3")})
    return git(upstream.path, "rev-parse", "HEAD^{tree}")


def test_a_mailbox_with_a_cover_letter(port: Bare) -> None:
    tree = commits(port.upstream)
    mbox = port.folder / "series.mbox"
    options = ("--stdout", "--cover-letter", "--binary", "--attach=xx")
    for extra in (options[:3], options):
        mbox.write_text(
            git(port.upstream.path, "format-patch", *extra, "v1.0..side") + "\n",
            "utf-8",
            "surrogateescape",
            newline="",
        )
        done = port.run("import", mbox)
        assert done.code == 0, done
        assert "it holds no patch: *** SUBJECT HERE ***" in done.err
        assert len(re.findall("^new  ", done.out, re.MULTILINE)) == 3
        assert port.series() == ["0001-say-1-na-ve.patch", "0002-add-caf.patch", "0003-say-3.patch"]
        assert tree in (port.root / "upstream.lock").read_text()
        first = (port.root / "patches/0001-say-1-na-ve.patch").read_text()
        assert "\n\nBecause.\n" in first
        log = git(port.applied(), "log", "-3", "--format=%s|%an|%ae|%ad", "--date=raw").split("\n")
        assert log[2].startswith("Say 1: naïve|Zoë Ünicode|zoe@example.org|17000")
        assert port.run("check").code == 0
        git(port.applied(), "worktree", "remove", "--force", ".")
        assert port.run("drop", "0001", "0002", "0003").code == 0


@pytest.mark.skipif(shutil.which("quilt") is None, reason="needs quilt")
def test_a_series_of_quilt_with_comments_and_options(port: Bare) -> None:
    source = port.folder / "source"
    write_files(source, SMALL_C)

    def quilt(*args: str) -> None:
        env = {**os.environ, "QUILT_PATCHES": "debian/patches"}
        command = ["quilt", "--quiltrc", "-", *args]
        subprocess.run(command, cwd=source, env=env, capture_output=True, check=True)

    (source / "debian/patches").mkdir(parents=True)
    quilt("new", "-p0", "first.patch")
    quilt("add", "main.c")
    (source / "main.c").write_text(MAIN.replace("one", "1"))
    quilt("refresh")
    quilt("new", "second.patch")
    quilt("add", "new.h")
    (source / "new.h").write_text("#define NEW\n")
    quilt("refresh")
    series = source / "debian/patches/series"
    series.write_text("# what Debian needs\n" + series.read_text())
    (series.parent / "forgotten.patch").write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    done = port.run("import", source)
    assert done.code == 0, done
    assert "its series does not name them: forgotten.patch" in done.err
    assert port.series() == ["# what Debian needs", "first.patch", "second.patch"]
    applied = port.applied()
    assert (applied / "main.c").read_bytes() == (source / "main.c").read_bytes()
    assert (applied / "new.h").read_text() == "#define NEW\n"
    assert port.run("check").code == 0


def test_a_folder_of_patches_and_one_diff(port: Bare) -> None:
    commits(port.upstream)
    port.upstream.format_patches(port.folder / "out", "v1.0")
    assert port.run("import", port.folder / "out").code == 0
    assert len(port.series()) == 3
    diff = port.folder / "0001-Say-1-na-ve.patch"
    diff.write_text(
        "--- a/LICENSE\n+++ b/LICENSE\n@@ -1 +1,2 @@\n Permission is hereby granted,"
        " free of charge, to any person obtaining a copy\n+more\n"
    )
    done = port.run("import", diff)
    assert done.code == 0, done
    # The name was taken.
    assert port.series()[3] != "0001-Say-1-na-ve.patch"
    assert "+more" in (port.root / "patches" / port.series()[3]).read_text()


def test_a_file_beside_the_series_keeps_its_name(port: Bare) -> None:
    (port.root / "patches/fix.diff").write_text("mine\n")
    commits(port.upstream)
    diff = git(port.upstream.path, "diff", "v1.0", "side", "--", "main.c") + "\n"
    write_files(port.folder, {"theirs/fix.diff": diff, "theirs/series": "fix.diff\n"})
    assert port.run("import", port.folder / "theirs").code == 0
    assert (port.root / "patches/fix.diff").read_text() == "mine\n"
    assert port.series() == ["0001-fix.patch"]


def test_a_mail_with_cr_in_every_line_brings_none(port: Bare) -> None:
    commits(port.upstream)
    mails = git(port.upstream.path, "format-patch", "--stdout", "v1.0..side~2") + "\n"
    (port.folder / "dos.mbox").write_bytes(mails.encode().replace(b"\n", b"\r\n"))
    assert port.run("import", port.folder / "dos.mbox").code == 0
    (name,) = port.series()
    assert b"\r" not in (port.root / "patches" / name).read_bytes()


def test_what_does_not_apply_changes_nothing(port: Bare) -> None:
    commits(port.upstream)
    paths = port.upstream.format_patches(port.folder / "out", "v1.0")
    paths[0].unlink()
    before = snapshot(port.root)
    refused = port.run("import", port.folder / "out")
    assert refused.code == 3
    assert "0003-Say-3.patch does not apply: main.c, hunk 1" in refused.err
    assert "porttool init --ref" in refused.err
    assert snapshot(port.root) == before
    empty = port.folder / "empty"
    empty.mkdir()
    port.run("import", empty).says("there is no patch in it")
    port.run("import", port.folder / "nowhere").says("nothing to import")
    assert snapshot(port.root) == before
