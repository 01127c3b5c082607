import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.ports import (
    COMMANDS,
    MAIN_C,
    SERVE_C,
    Port,
    edit,
    invoke,
    new_file,
    port_fixture,
    state,
)
from tests.support import git

__all__ = ["port_fixture"]

#: What `check` reports as drift (4) is an error (1) elsewhere.
LOCK_READERS = [name for name in COMMANDS if name not in ("check", "audit-deps")]


def test_the_port_is_sound_before_anything_is_broken(port: Port) -> None:
    before = port.kept()
    for args in COMMANDS.values():
        outcome = port.run(*args)
        assert outcome.code == 0, (args, outcome)
        assert "Traceback" not in outcome.err
    assert port.kept() == before


# ---- refs and URLs

BAD_REFS = ["v9.9", "--output=x", "-x", "a..b", "HEAD@{1}", "", "v1.0^{}", "v1.0~1", "v1.0\nv1.1"]
BAD_REFS += [":/First", "HEAD:main.c", "refs/heads/*", "v1.0.lock", "@", "0" * 40, "é v"]


@pytest.mark.parametrize("ref", BAD_REFS)
def test_refuses_a_ref_that_is_none(port: Port, ref: str) -> None:
    outcome = port.refuses("refresh", f"--onto={ref}")
    outcome.says(repr(ref)[1:-1])
    fresh = port.root.parent / "fresh"
    outcome = port.refuses("init", port.upstream.path, fresh, f"--ref={ref}")
    outcome.says(repr(ref)[1:-1])


BAD_URLS = [
    "ext::sh -c touch% pwned",
    "ext::/bin/true",
    "fd::17",
    "-upayload",
    "--upload-pack=touch pwned",
    "ssh://-oProxyCommand=touch pwned/x",
    "ssh://user@-oProxyCommand=touch/x",
    "-oProxyCommand=touch:x",
    "user@-oProxyCommand=x:y",
    "transport::http://x",
    "foo://example.org/x",
    "ftp://example.org/x",
    "EXT::x",
    "",
    "bundled:../../x",
    "bundled:nothing",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_refuses_a_url_that_could_run_something(port: Port, url: str) -> None:
    outcome = port.refuses("init", "--name", "x", "--", url, "fresh")
    outcome.says(url.removeprefix("bundled:"))
    # Before git sees it, although git itself would not run most of them either.
    assert "is refused" in outcome.err or "no bundled upstream" in outcome.err
    text = port.config.read_text(), port.lock.read_text()
    for path, old in zip((port.config, port.lock), text, strict=True):
        path.write_text(old.replace(f'"{port.upstream.path}"', f'"{url}"'))
    for command in ("fetch", "status"):
        port.refuses(*COMMANDS[command]).says()


def test_refuses_control_characters_in_a_url(port: Port) -> None:
    for path in (port.config, port.lock):
        path.write_text(path.read_text().replace(str(port.upstream.path), "a\\u0000b\\u001b[1m"))
    outcome = port.refuses("fetch")
    outcome.says("refused")
    assert "\x1b" not in outcome.err


def test_an_upstream_that_is_not_there(port: Port) -> None:
    port.refuses("init", port.root / "nowhere", "fresh").says("cannot fetch", "nowhere")
    port.refuses("init", "file:///nowhere/at/all", "fresh").says("/nowhere/at/all")
    port.refuses("init", port.root, "fresh").says("cannot fetch")  # a folder, but no repository


def test_init_into_something(port: Port) -> None:
    port.refuses("init", port.upstream.path, port.root).says("in the way")
    port.refuses("init", port.upstream.path, port.lock).says("in the way")
    port.refuses("init", port.upstream.path, port.lock / "below").says(str(port.lock))


@pytest.mark.parametrize("name", ["", "Upper", "a_b", "-x", "a b", "../x", "a--b", "ukmetrics\n"])
def test_init_refuses_a_name_that_cannot_be_a_library(port: Port, name: str) -> None:
    port.refuses("init", port.upstream.path, "fresh", f"--name={name}").says("name")


def test_init_refuses_a_release_that_is_none(port: Port) -> None:
    port.refuses("init", port.upstream.path, "fresh", "--unikraft=latest").says("latest")


def test_init_here_leaves_the_folder_that_one_stands_in(port: Port) -> None:
    here = port.root.parent / "here"
    here.mkdir(mode=0o750)
    os.chdir(here)
    inode = here.stat().st_ino
    assert invoke("init", port.upstream.path, ".", "--name", "x").code == 0
    assert here.stat().st_ino == inode
    assert sorted(os.listdir(".")) == [".gitignore", "patches", "porttool.toml", "upstream.lock"]  # noqa: PTH208


def test_an_empty_upstream(port: Port) -> None:
    empty = port.root.parent / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    port.refuses("init", empty, "fresh").says("no commits")
    port.refuses("init", empty, "fresh", "--ref=v1").says("v1")


def test_an_upstream_without_c(port: Port) -> None:
    port.upstream.commit("No C", {"main.c": None, "src/util.c": None}, "v2")
    port.refuses("init", port.upstream.path, "fresh").says("no C sources")


def test_a_tag_of_something_that_is_no_commit(port: Port) -> None:
    git(port.upstream.path, "tag", "v9", "v1.0:main.c")
    git(port.upstream.path, "tag", "-a", "-m", "tree", "v8", "v1.0^{tree}")
    port.refuses("init", port.upstream.path, "fresh", "--ref=v9").says("v9")
    outcome = invoke("init", port.upstream.path, "fresh", "--name=x")
    assert outcome.code == 0, outcome
    assert "v1.1" in outcome.out


# ---- the lock


def edits(port: Port) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Every field of the lock: what it says, what it is edited to, what the error must say."""
    text = port.lock.read_text()
    values = dict(re.findall(r'^(\w+) = "?([^"\n]*)"?$', text.split("[series]")[0], re.MULTILINE))
    second = git(port.upstream.path, "rev-parse", "v1.1")
    return {
        "schema": ("schema = 1", "schema = 2", ("schema",)),
        "name": ('name = "small"', 'name = "other"', ("name", "small", "other")),
        "url": (values["url"], values["url"] + "x", ("URL", values["url"])),
        "ref-tag": ('ref = "v1.0"', 'ref = "v1.1"', ("v1.1", values["commit"], second)),
        "ref-gone": ('ref = "v1.0"', 'ref = "v7"', ("v7",)),
        "ref-commit": ('ref = "v1.0"', f'ref = "{second}"', (second, values["commit"])),
        "ref-option": ('ref = "v1.0"', 'ref = "--output=x"', ("ref", "--output=x")),
        "commit": (values["commit"], second, (second, values["commit"])),
        "commit-gone": (values["commit"], "1" * 40, ("v1.0 moved", "1" * 40)),
        "commit-tree": (values["commit"], values["tree"], ("v1.0 moved", values["tree"])),
        "tree": (values["tree"], "2" * 40, ("tree", "2" * 40, values["tree"])),
        "date": (values["date"], "2001-01-01T00:00:00+00:00", ("date", "2001", values["date"])),
        "commit-form": (values["commit"], "v1.0", ("commit",)),
        "tree-form": (values["tree"], "--all", ("tree",)),
        "date-gone": ("date = ", "other = ", ("date",)),
    }


#: Facts about what porttool made: a refresh takes an edit of patches/ up and writes them anew.
DERIVED = {
    "license": ('license = "MIT"', 'license = "GPL-2.0-only"', ("licence", "GPL-2.0-only", "MIT")),
    "digest": ('digest = "sha256:', 'digest = "sha256:0', ("series", "sha256:0")),
    "series-tree": ("[series]", None, ("tree", "3" * 40)),
    "unikraft": ('unikraft = "0.16.3"', 'unikraft = "0.17.0"', ("0.17.0", "0.16.3")),
}
PINNED = ["schema", "name", "url", "ref-tag", "ref-gone", "ref-commit", "ref-option", "commit"]
PINNED += ["commit-gone", "commit-tree", "tree", "date", "commit-form", "tree-form", "date-gone"]


@pytest.mark.parametrize("field", PINNED)
def test_an_edited_lock_says_which_fact_does_not_hold(port: Port, field: str) -> None:
    old, new, says = edits(port)[field]
    text = port.lock.read_text()
    assert old in text
    port.lock.write_text(text.replace(old, new, 1))
    for command in LOCK_READERS:
        port.refuses(*COMMANDS[command]).says("upstream.lock", *says)
    outcome = port.run("check")
    assert outcome.code == 4, outcome
    assert says[0] in outcome.out


@pytest.mark.parametrize("field", DERIVED)
def test_an_edited_fact_about_the_series_or_the_target(port: Port, field: str) -> None:
    sound = port.kept()
    old, new, says = DERIVED[field]
    text = port.lock.read_text()
    if new is None:
        text = re.sub(r'(\[series\]\n.*\ntree = )"\w+"', rf'\1"{"3" * 40}"', text)
    port.lock.write_text(text.replace(old, new or old, 1))
    assert port.lock.read_bytes() != sound["upstream.lock"][1]
    for command in ("apply", "apply-to", "emit"):
        if command in COMMANDS:
            port.refuses(*COMMANDS[command]).says("upstream.lock", *says)
    outcome = port.run("check")
    assert outcome.code == 4, outcome
    assert says[0] in outcome.out
    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    assert port.kept() == sound


DAMAGED = {
    "empty": b"",
    "binary": bytes(range(256)),
    "nul": b"schema = 1\n\0\n",
    "half": b'schema = 1\n[upstream]\nname = "sm',
    "bom": b"\xef\xbb\xbf[upstream\n",
    "latin-1": b'schema = 1\nname = "\xe9"\n',
    "deep": b"a = " + b"[" * 5000,
    "other-kind": b'schema = 1\nupstream = 3\nseries = "x"\ntarget = []\nport = 1\nemit = 1\n',
    "twice": b"schema = 1\nschema = 1\n",
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_lock(port: Port, how: str) -> None:
    port.lock.write_bytes(DAMAGED[how])
    for command in LOCK_READERS:
        port.refuses(*COMMANDS[command]).says("upstream.lock", str(port.lock))
    assert port.run("check").code == 4


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_porttool_toml(port: Port, how: str) -> None:
    port.config.write_bytes(DAMAGED[how])
    for args in COMMANDS.values():
        port.refuses(*args).says("porttool.toml", str(port.config))


@pytest.mark.parametrize("name", ["upstream.lock", "porttool.toml"])
def test_a_file_that_is_missing_or_a_folder(port: Port, name: str) -> None:
    path = port.root / name
    path.unlink()
    for command in LOCK_READERS:
        port.refuses(*COMMANDS[command]).says(name)
    path.mkdir()
    for command in LOCK_READERS:
        port.refuses(*COMMANDS[command]).says(name)


def test_a_lock_with_a_commit_that_upstream_never_had(port: Port) -> None:
    text = re.sub(r'commit = "\w+"', f'commit = "{"1" * 40}"', port.lock.read_text())
    port.lock.write_text(text.replace('ref = "v1.0"', 'ref = "main"'))
    port.refuses("fetch").says("upstream has no commit", "1" * 40, "pinned as main")


def test_a_folder_that_is_no_workspace(port: Port) -> None:
    nowhere = port.root.parent / "nowhere"
    before = state(port.root.parent)
    for folder in (nowhere, port.upstream.path, port.lock):
        for args in COMMANDS.values():
            outcome = invoke("-C", folder, *args)
            assert outcome.code == 1, outcome
            outcome.says(str(folder))
    assert state(port.root.parent) == before
    assert not (port.upstream.path / ".porttool").exists()


def test_a_tag_that_moved(port: Port) -> None:
    assert port.run("fetch").code == 0
    old = git(port.upstream.path, "rev-parse", "v1.0")
    git(port.upstream.path, "tag", "--force", "v1.0", "v1.1")
    new = git(port.upstream.path, "rev-parse", "v1.0")
    for command in ("fetch", "refresh", "apply", "status"):
        port.refuses(*COMMANDS[command]).says("the tag v1.0 moved", old, new)
    assert port.run("check").code == 4
    # What the error proposes must work.
    assert port.run("refresh", "--onto", "v1.0").code == 0
    assert new in port.lock.read_text()
    assert port.run("check").code == 0


def test_a_tag_that_is_gone(port: Port) -> None:
    assert port.run("fetch").code == 0
    git(port.upstream.path, "tag", "--delete", "v1.0")
    for command in ("fetch", "refresh"):
        port.refuses(*COMMANDS[command]).says("v1.0")
    assert port.run("refresh", "--onto", "v1.1").code == 0


def test_a_branch_that_moved_is_no_error(port: Port) -> None:
    assert port.run("refresh", "--onto", "main").code == 0
    port.upstream.commit("Third", {"notes.txt": "other\n"})
    before = port.kept()
    assert port.run("refresh").code == 0
    assert port.kept() == before


# ---- series

GOOD_SERIES = {
    "options": "0001-Serve.patch -p1\n0002-Add-a-file.patch -p1\n",
    "extra-word": "0001-Serve.patch extra\n0002-Add-a-file.patch\n",
    "tabs": "\t0001-Serve.patch -p1\n \t0002-Add-a-file.patch\t\n",
    "crlf": "0001-Serve.patch\r\n\r\n# comment\r\n0002-Add-a-file.patch\r\n",
    "no-newline": "0001-Serve.patch\n0002-Add-a-file.patch",
    "blank": "\n\n0001-Serve.patch\n \t\n0002-Add-a-file.patch\n\n\n",
    "comment-behind": "0001-Serve.patch # why\n0002-Add-a-file.patch\t# -R\n",
    "dot": "./0001-Serve.patch\n0002-Add-a-file.patch\n",
}


@pytest.mark.parametrize("how", GOOD_SERIES)
def test_series_lines_that_are_odd_but_plain(port: Port, how: str) -> None:
    tree = re.findall(r'^tree = "(\w+)"', port.lock.read_text(), re.MULTILINE)[1]
    port.series.write_text(GOOD_SERIES[how], newline="")
    assert port.run("refresh").code == 0
    assert tree in port.lock.read_text()
    once = state(port.root)
    assert port.run("refresh").code == 0
    assert state(port.root) == once
    assert port.run("check").code == 0


def test_series_reads_a_number_sign_inside_a_name_as_quilt_does(port: Port) -> None:
    (port.patches / "0001-Serve.patch").rename(port.patches / "a#b.patch")
    port.series.write_text("a#b.patch\n0002-Add-a-file.patch\n")
    assert port.run("refresh").code == 0
    assert "a#b.patch" in port.series.read_text()


BAD_SERIES = {
    "missing": (b"0003-none.patch\n", ("0003-none.patch", "no such patch")),
    "indented-comment": (b"  # indented\n", ("#", "first column")),
    "twice": (b"0001-Serve.patch\n", ("0001-Serve.patch", "twice")),
    "twice-dot": (b"./0001-Serve.patch\n", ("0001-Serve.patch", "twice")),
    "parent": (b"../x.patch\n", ("../x.patch", "outside")),
    "parent-inside": (b"sub/../../x.patch\n", ("sub/../../x.patch", "outside")),
    "absolute": (b"/etc/passwd\n", ("/etc/passwd", "outside")),
    "option": (b"-R\n", ("-R",)),
    "fuzz": (b"0003.patch -F3\n", ("-F3",)),
    "reject-option": (b"0003.patch --output=/tmp/x\n", ("--output=/tmp/x",)),
    "folder": (b"folder.patch\n", ("folder.patch",)),
    "link-out": (b"link.patch\n", ("link.patch", "leads out")),
    "link-loop": (b"loop.patch\n", ("loop.patch",)),
    "link-dead": (b"dead.patch\n", ("dead.patch",)),
    "pipe": (b"pipe.patch\n", ("pipe.patch",)),
    "nul": (b"a\0b.patch\n", ("series", "NUL")),
    "all-nul": (b"\0" * 100, ("series", "NUL")),
    "utf-16": ("0001-Serve.patch\n".encode("utf-16"), ("series",)),
    "not-utf-8": (b"\xff\xfe.patch\n", ("series", "no such patch")),
    "escape": (b"\x1b[31mred.patch\n", ("red.patch",)),
    "number": (b"0001-Serve.patch -p99999999999999999999\n", ("0001-Serve.patch",)),
    "digits": (b"0003-Say.patch -p" + b"9" * 5000 + b"\n", ("0003-Say.patch",)),
}


@pytest.mark.parametrize("how", BAD_SERIES)
def test_series_lines_that_are_refused(port: Port, how: str) -> None:
    line, says = BAD_SERIES[how]
    (port.patches / "folder.patch").mkdir()
    (port.patches / "link.patch").symlink_to(port.lock)
    (port.patches / "loop.patch").symlink_to("loop.patch")
    (port.patches / "dead.patch").symlink_to("nothing.patch")
    if how == "pipe":
        os.mkfifo(port.patches / "pipe.patch")
    port.series.write_bytes(port.series.read_bytes() + line)
    for command in ("refresh", "apply", "status"):
        outcome = port.refuses(command)
        outcome.says(*says)
        assert "\x1b" not in outcome.err


def test_series_that_names_itself(port: Port) -> None:
    port.series.write_text(port.series.read_text() + "series\n")
    port.refuses("refresh").says("series changes nothing")


def test_series_with_a_byte_order_mark(port: Port) -> None:
    port.series.write_bytes(b"\xef\xbb\xbf" + port.series.read_bytes())
    for command in ("refresh", "apply", "status"):
        port.refuses(*COMMANDS[command]).says("byte order mark")


def test_series_that_is_no_file(port: Port) -> None:
    port.series.unlink()
    port.series.mkdir()
    port.refuses("refresh").says(str(port.series))
    port.series.rmdir()
    port.series.symlink_to("nothing")
    port.refuses("refresh").says(str(port.series))
    port.series.unlink()
    port.series.symlink_to(port.lock)
    port.refuses("refresh").says(str(port.series))


def test_patches_that_is_no_folder(port: Port) -> None:
    shutil.move(port.patches, port.root / "moved")
    port.patches.write_text("no folder\n")
    for command in ("refresh", "apply", "status"):
        port.refuses(*COMMANDS[command]).says(str(port.patches))
    port.patches.unlink()
    port.patches.symlink_to("moved")
    port.refuses("refresh").says(str(port.patches), "link")
    port.patches.unlink()
    port.patches.symlink_to("patches")
    port.refuses("refresh").says(str(port.patches))


def test_a_missing_patch(port: Port) -> None:
    (port.patches / "0002-Add-a-file.patch").unlink()
    for args in COMMANDS.values():
        if args[0] != "audit-deps":
            port.refuses(*args).says("0002-Add-a-file.patch", "no such patch")


def test_patches_gone_altogether(port: Port) -> None:
    shutil.rmtree(port.patches)
    port.refuses("apply").says("patches")
    port.refuses("refresh").says(str(port.patches))


# ---- paths in patches

OUTSIDE = ["../x", "src/../../x", "..", "/etc/passwd", ".git/config", ".GIT/hooks/pre-commit"]
OUTSIDE += ["src/.git/config", ".Git", "src/./x", "a//b", ".", "src/..", "x/../y"]


def patches_naming(path: str) -> dict[str, str]:
    """The ways in which a patch can name a path."""
    quoted = '"' + "".join(f"\\{byte:03o}" for byte in f"b/{path}".encode()) + '"'
    body = "@@ -0,0 +1 @@\n+x\n"
    return {
        "plus": f"--- /dev/null\n+++ b/{path}\n{body}",
        "git": f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n"
        f"+++ b/{path}\n{body}",
        "empty": f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex 0000000..e69de29\n",
        "quoted": f"--- /dev/null\n+++ {quoted}\n{body}",
        "minus": f"--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        "rename": f"diff --git a/notes.txt b/{path}\nsimilarity index 100%\n"
        f"rename from notes.txt\nrename to {path}\n",
        "copy": f"diff --git a/notes.txt b/{path}\nsimilarity index 100%\n"
        f"copy from notes.txt\ncopy to {path}\n",
        "away": f"diff --git a/{path} b/x\nsimilarity index 100%\n"
        f"rename from {path}\nrename to x\n",
        "mode": f"diff --git a/{path} b/{path}\nold mode 100644\nnew mode 100755\n",
        "beside-rename": "diff --git a/notes.txt b/x\nsimilarity index 90%\nrename from notes.txt\n"
        f"rename to x\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-line 1\n+line one\n",
    }


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_patch_that_names_a_path_outside(port: Port, path: str) -> None:
    sound = port.series.read_text()
    for how, text in patches_naming(path).items():
        port.series.write_text(sound)
        port.add("0003-evil.patch", f"Subject: Evil\n\n{text}")
        for command in ("refresh", "apply"):
            outcome = port.refuses(command)
            outcome.says("0003-evil.patch")
            assert "outside" in outcome.err or "not a patch" in outcome.err, (how, outcome)
        assert not (port.root / ".porttool/tree").exists(), how


@pytest.mark.parametrize("path", ["/tmp/x", "../x", "../../x", ".git/config", "a/../../x"])
def test_a_path_without_prefix(port: Port, path: str) -> None:
    port.patches.joinpath("0003-evil.patch").write_text(
        f"Evil\n\n--- {path}\n+++ {path}\n@@ -0,0 +1 @@\n+x\n"
    )
    sound = port.series.read_text()
    for option in ("", " -p0", " -R", " -p0 -R", " --strip=0"):
        port.series.write_text(f"{sound}0003-evil.patch{option}\n")
        if path == ".git/config" and "0" not in option:
            continue  # -p1 makes plain "config" of it, as every reader does
        port.refuses("refresh").says("0003-evil.patch")


def link(path: str, target: str) -> str:
    return (
        f"Subject: Link\n\n---\ndiff --git a/{path} b/{path}\nnew file mode 120000\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{target}\n"
        "\\ No newline at end of file\n"
    )


def test_a_patch_through_a_link_that_the_series_made(port: Port, tmp_path: Path) -> None:
    outside = tmp_path / "w" / "outside"
    outside.mkdir()
    (outside / "there").write_text("line 1\n")
    port.add("0003-link.patch", link("out", str(outside)))
    sound = port.series.read_text()
    moved = "diff --git a/notes.txt b/out/x\nrename from notes.txt\nrename to out/x\n"
    for text in (
        new_file("out/x"),
        edit("out/there", "line 1\n", "x\n", "line 1\n"),
        f"Subject: Move\n\n{moved}",
        f"Subject: Copy\n\n{moved.replace('rename', 'copy')}",
        link("out/x", "y"),
    ):
        port.series.write_text(sound)
        port.add("0004-through.patch", text)
        for command in ("refresh", "apply"):
            outcome = port.refuses(command, code=3 if command == "refresh" else 1)
            outcome.says("0004-through.patch" if command == "refresh" else "series was edited")
    # Both in one patch.
    port.series.write_text(sound.replace("0003-link.patch\n", ""))
    port.add("0005-both.patch", link("out", str(outside)) + new_file("out/x").split("---\n")[1])
    port.refuses("refresh", code=3).says("0005-both.patch")


def test_a_link_that_leads_out_is_only_a_link(port: Port, tmp_path: Path) -> None:
    secret = tmp_path / "secret.c"
    secret.write_text("int the_secret;\n")
    port.add("0003-link.patch", link("src/secret.c", str(secret)))
    port.config.write_text(port.config.read_text().replace('"main.c"', '"src/secret.c", "main.c"'))
    outcome = port.run("refresh")
    everything = b"".join(content for _, content in state(port.root).values())
    assert b"the_secret" not in everything
    assert "the_secret" not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    assert secret.read_text() == "int the_secret;\n"


def test_a_file_in_the_place_of_a_folder(port: Port) -> None:
    port.add("0003-file.patch", new_file("src"))
    port.refuses("refresh", code=3).says("0003-file.patch", "src")


def test_a_folder_in_the_place_of_a_file(port: Port) -> None:
    port.add("0003-folder.patch", new_file("main.c/x.c"))
    port.refuses("refresh", code=3).says("0003-folder.patch", "main.c")


# ---- patches that are none

BINARY = "Subject: B\n\n---\ndiff --git a/b b/b\nnew file mode 100644\n"
NO_PATCHES = {
    "empty": (b"", "changes nothing"),
    "message-only": (b"From: A <a@b>\nSubject: Nothing\n\nbody\n", "changes nothing"),
    "nul": (b"\0" * 64, "0003"),
    "truncated": (edit("main.c", "one", "x").rsplit("\n", 3)[0].encode(), "hunk"),
    "truncated-header": (b"diff --git a/main.c b/main.c\n--- a/main.c\n+++ b/main.c\n", "0003"),
    "binary-names-only": (
        b"diff --git a/b b/b\nindex 1111111..2222222 100644\nBinary files a/b and b/b differ\n",
        "--binary",
    ),
    "binary-plain": (b"Binary files a/b and b/b differ\n", "0003"),
    "binary-no-data": (f"{BINARY}GIT binary patch\n".encode(), "no data"),
    "binary-bad-zlib": (f"{BINARY}GIT binary patch\nliteral 5\nMcmZQz00000\n\n".encode(), "0003"),
    "binary-bad-base85": (f"{BINARY}GIT binary patch\nliteral 5\nZ~~~~~\n\n".encode(), "0003"),
    "combined": (b"diff --cc main.c\nindex 1,2..3\n--- a/main.c\n+++ b/main.c\n", "combined"),
    "combined-hunk": (
        b"diff --cc main.c\n--- a/main.c\n+++ b/main.c\n@@@ -1,1 -1,1 +1,1 @@@\n  x\n",
        "combined",
    ),
    "submodule": (
        b"diff --git a/m b/m\nnew file mode 160000\nindex 0000000..1111111\n--- /dev/null\n"
        b"+++ b/m\n@@ -0,0 +1 @@\n+Subproject commit 1111111111111111111111111111111111111111\n",
        "submodule",
    ),
    "odd-mode": (b"diff --git a/m b/m\nnew file mode 100777\n", "mode"),
    "loose-hunk": (b"diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n", "0003"),
    "hunk-only": (b"@@ -1 +1 @@\n-a\n+b\n", "0003"),
    "wrong-count": (b"--- a/main.c\n+++ b/main.c\n@@ -1,2 +1,1 @@\n-a\n+b\n+c\n", "hunk"),
    "huge-count": (b"--- a/main.c\n+++ b/main.c\n@@ -1,%s +1 @@\n-a\n" % (b"9" * 5000), "0003"),
    "no-newline-first": (b"--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n\\ No newline\n", "0003"),
    "no-lines": (b"--- a/main.c\n+++ b/main.c\n@@ -0,0 +0,0 @@\n\\ No newline\n", "0003"),
    "both-null": (b"--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n", "/dev/null"),
    "nul-in-path": (b'--- /dev/null\n+++ "b/x\\000y"\n@@ -0,0 +1 @@\n+x\n', "0003"),
    "nul-in-message": (b"Subject: a\0b\n\nc\0d\n\n---\n" + new_file("x").encode(), "0003"),
    "nul-in-author": (b"From: a\0b <a@b>\n" + new_file("x").encode(), "0003"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>\n", "changes nothing"),
    "conflict-markers": (b"<<<<<<< HEAD\n=======\n>>>>>>> x\n", "changes nothing"),
}


@pytest.mark.parametrize("how", NO_PATCHES)
def test_a_patch_that_is_none(port: Port, how: str) -> None:
    content, says = NO_PATCHES[how]
    port.add("0003-odd.patch", content)
    code = 3 if how in ("binary-bad-zlib", "no-lines") else 1
    port.refuses("refresh", code=code).says("0003-odd.patch", says)


HEADERS = {
    "old-date": "From: A <a@b>\nDate: Thu, 1 Jan 1960 00:00:00 +0000\n",
    "far-zone": "From: A <a@b>\nDate: Thu, 1 Jan 2020 00:00:00 +2359\n",
    "far-date": "From: A <a@b>\nDate: Thu, 1 Jan 9999 00:00:00 +0000\n",
    "no-date": "From: A <a@b>\nDate: yesterday\n",
    "angle": "From: a@b <c\n",
    "angles": "From: <<a@b>> <c@d>\n",
    "empty-address": "From: A <>\n",
    "only-address": "From: <a@b>\n",
    "no-address": "From: somebody\n",
    "unknown-charset": "From: =?x-none?q?a=20b?= <a@b>\n",
    "bad-word": "From: =?utf-8?b?!!!?= <a@b>\n",
    "surrogate": "From: =?utf-7?q?+2AA-?= <a@b>\n",
    "latin-1": b"From: Andr\xe9 <a@b>\n".decode("latin-1"),
    "newline-word": "From: =?utf-8?q?a=0Ab?= <a@b>\nSubject: =?utf-8?q?s=0At?=\n",
    "crlf": "From: A <a@b>\r\nDate: Thu, 1 Jan 2020 00:00:00 +0000\r\n",
}


@pytest.mark.parametrize("how", HEADERS)
def test_an_odd_header_is_kept_and_stays_as_it_is(port: Port, how: str) -> None:
    text = HEADERS[how].encode("latin-1") + b"Subject: Odd\n\nWhy.\n\n---\n"
    content = text + new_file("x").split("---\n", 1)[1].encode()
    port.add("0003-odd.patch", content)
    outcome = port.run("refresh")
    assert outcome.code == 0, outcome
    once = state(port.root)
    assert once["patches/0003-odd.patch"][1].startswith(text)
    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    assert state(port.root) == once


# ---- exit 3: a decision is needed


def test_a_patch_that_does_not_apply(port: Port) -> None:
    port.add("0003-late.patch", edit("notes.txt", "line 9", "x").replace(" line 8", " line eight"))
    outcome = port.refuses("refresh", code=3)
    outcome.says(
        "0003-late.patch", "does not apply", "notes.txt, hunk 1", "- line eight", "+ line 8"
    )


def test_the_second_hunk_is_named(port: Port) -> None:
    second = edit("notes.txt", "line 15", "y").split("+++ b/notes.txt\n")[1]
    text = edit("notes.txt", "line 5\n", "x\n") + second.replace(" line 14", " other")
    port.add("0003-late.patch", text)
    port.refuses("refresh", code=3).says("0003-late.patch", "notes.txt, hunk 2")


def test_a_hunk_that_fits_twice(port: Port) -> None:
    body = "".join(f"int f{n}(void)\n{{\n\treturn 0;\n}}\n\n" for n in range(4))
    port.add("0003-many.patch", new_file("src/many.c", body))
    hunk = "@@ -8,4 +8,4 @@\n {\n-\treturn 0;\n+\treturn 1;\n }\n \n"
    port.add("0004-one.patch", f"Subject: One\n\n--- a/src/many.c\n+++ b/src/many.c\n{hunk}")
    outcome = port.refuses("refresh", code=3)
    outcome.says("0004-one.patch", "more than one place", "src/many.c, hunk 1", "2, 7, 12")


def test_onto_where_a_patch_does_not_apply(port: Port) -> None:
    port.upstream.commit("Third", {"main.c": MAIN_C.replace("main(void)", "main(int c)")}, "v2.0")
    outcome = port.refuses("refresh", "--onto", "v2.0", code=3)
    outcome.says("0001-Serve.patch", "main.c, hunk 1")
    assert port.run("check").code == 4
    assert port.run("refresh", "--abort").code == 0
    assert port.run("check").code == 0


@pytest.mark.parametrize(
    "text",
    [
        edit("nothing.c", "a", "b", "a\n"),
        new_file("main.c"),
        "Subject: Move\n\ndiff --git a/main.c b/notes.txt\nrename from main.c\n"
        "rename to notes.txt\n",
        "Subject: Gone\n\ndiff --git a/nothing b/nothing\ndeleted file mode 100644\n",
        "Subject: Mode\n\ndiff --git a/main.c b/main.c\nold mode 100755\nnew mode 100644\n",
    ],
)
def test_files_that_are_not_as_the_patch_has_them(port: Port, text: str) -> None:
    port.add("0003-odd.patch", text)
    port.refuses("refresh", code=3).says("0003-odd.patch")


# ---- the worktree


def test_an_edit_in_the_worktree_is_not_lost(port: Port) -> None:
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    (tree / "main.c").write_text("mine\n")
    port.add("0003-main.patch", edit("main.c", "three", "drei", SERVE_C))
    port.refuses("refresh").says("uncommitted", str(tree))
    assert (tree / "main.c").read_text() == "mine\n"


def test_a_file_in_the_way_in_the_worktree(port: Port) -> None:
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    (tree / "fresh.c").write_text("mine\n")
    port.add("0003-fresh.patch", new_file("fresh.c"))
    port.refuses("refresh").says("fresh.c")
    assert (tree / "fresh.c").read_text() == "mine\n"


def test_apply_to_something_that_is_there(port: Port) -> None:
    (port.root.parent / "elsewhere").mkdir()
    (port.root.parent / "elsewhere/mine").write_text("mine\n")
    port.refuses("apply", "--to", "elsewhere").says("in the way", "elsewhere")
    port.refuses("apply", "--to", port.lock).says("in the way")
    port.refuses("apply", "--to", port.lock / "below").says(str(port.lock))
    port.refuses("apply", "--to", port.root).says("in the way")


def damage(path: Path, how: Callable[[Path], object]) -> None:
    for each in sorted(path.rglob("*"), reverse=True):
        if each.is_file():
            how(each)


def test_a_damaged_store_or_cache(port: Port, sealed_environment: Path) -> None:
    for folder in (port.root / ".porttool/store.git", sealed_environment / ".cache"):
        for how in (lambda p: p.write_bytes(b""), lambda p: p.unlink()):
            assert port.run("apply", "--force").code == 0
            damage(folder, how)
            before = port.kept()
            outcome = port.run("refresh")
            assert outcome.code in (0, 1), outcome
            if outcome.code:
                outcome.says(str(folder))
                shutil.rmtree(folder)
            assert port.kept() == before
            shutil.rmtree(port.root / ".porttool", ignore_errors=True)
