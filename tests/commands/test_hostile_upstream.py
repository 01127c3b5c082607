"""What an upstream, or a patch, may try on the machine of whoever ports it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.commands.ports import COMMANDS, MAIN_C, SERVE_C, Port, invoke, port_fixture, state
from tests.support import Upstream, add_patches, git, write_files

__all__ = ["port_fixture"]

PWNED = "pwned"

ODD_NAMES = (
    "a space.c",
    "$(touch pwned).c",
    "`touch pwned`.c",
    "; touch pwned;.c",
    "new\nline.c",
    'quo"te.c',
    "quo'te.c",
    "back\\slash.c",
    "-rf.c",
    "--output=pwned.c",
    "\x1b[31mred.c",
    "tab\there.c",
    "$(shell touch pwned).c",
    "ünïcode.c",
    " leading.c",
    "trailing .c ",
    "#comment.c",
    "%.c",
    "~/x.c",
    "a:b.c",
    "x=y.c",
)

ATTRIBUTES = """\
* filter=evil ident text eol=crlf working-tree-encoding=UTF-16 diff=evil merge=evil export-subst
*.c text=auto eol=crlf ident filter=evil
[attr]evil filter=evil
*.h evil
notes.txt export-ignore
"""

GITMODULES = """\
[submodule "one"]
\tpath = one
\turl = ext::touch pwned
[submodule "two"]
\tpath = two
\turl = ./-u
\tupdate = !touch pwned
"""


def assert_untouched(root: Path) -> None:
    """Nothing was run: no file of that name, anywhere."""
    found = [path for path in root.rglob("*") if path.name == PWNED]
    assert not found, found


def evil_tree(outside: Path) -> dict[str, str | bytes | None]:
    files: dict[str, str | bytes | None] = dict.fromkeys(ODD_NAMES, "int odd;\n")
    files |= {
        "main.c": "/* $Id$ $Format:%H$ */\n" + MAIN_C,
        "crlf.c": "int crlf;\r\n",
        "notes.txt": "notes\n",
        ".gitattributes": ATTRIBUTES,
        "src/.gitattributes": ATTRIBUTES,
        "src/a.c": "/* $Id$ */\nint a;\n",
        "src/a.h": "int a;\n",
        ".gitconfig": "[core]\n\tfsmonitor = touch pwned\n",
        ".lfsconfig": "[lfs]\n\turl = ext::touch pwned\n",
        "hooks/post-checkout": "#!/bin/sh\ntouch pwned\n",
        "Makefile": "X := $(shell touch pwned)\nall:\n\ttouch pwned\n",
        "configure": "#!/bin/sh\ntouch pwned\n",
        "conftest.py": "open('pwned', 'w')\n",
        "sitecustomize.py": "open('pwned', 'w')\n",
    }
    (outside / "secret.mk").write_text("CFLAGS += -DTHE_SECRET=1\n")
    (outside / "secret.h").write_text("int the_secret;\n")
    return files


def plainly(path: Path) -> None:
    """Let the git of this test commit what lies there, whatever its attributes say."""
    (path / ".git/info/attributes").write_text("* -text -ident -filter -working-tree-encoding\n")


def make_evil(port: Port, outside: Path) -> Upstream:
    """An upstream that tries all at once, on its v6.6.6."""
    outside.mkdir()
    evil = Upstream.make(port.root.parent / "evil", {"main.c": MAIN_C}, None)
    write_files(evil.path, evil_tree(outside))
    for name in ("hooks/post-checkout", "configure"):
        (evil.path / name).chmod(0o755)
    links = {
        "out": str(outside),
        "Makefile.inc": str(outside / "secret.mk"),
        "passwd.c": "/etc/passwd",
        "zero.c": "/dev/zero",
        "zero.h": "/dev/zero",
        "stdin.h": "/dev/stdin",
        "loop.c": "loop.c",
        "LICENSE": str(outside / "secret.h"),
        "up": "../../../../../../..",
    }
    for name, target in links.items():
        (evil.path / name).symlink_to(target)
    plainly(evil.path)
    git(evil.path, "add", "--all")
    git(evil.path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor.c")
    git(evil.path, "update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},COPYING")
    (evil.path / ".gitmodules").write_text("")  # git itself would refuse to commit the evil one
    git(evil.path, "add", ".gitmodules")
    git(evil.path, "commit", "--quiet", "-m", "Evil\x1b[31m")
    git(evil.path, "tag", "v6.6.6")
    hooks = evil.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "pre-receive", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {port.root.parent}/{PWNED}\n")
        (hooks / name).chmod(0o755)
    touch = f"touch {port.root.parent}/{PWNED}"
    for key, value in (
        ("core.fsmonitor", touch),
        ("core.sshCommand", touch),
        ("core.pager", touch),
        ("core.alternateRefsCommand", touch),
        ("filter.evil.smudge", touch),
        ("filter.evil.clean", touch),
        ("diff.evil.textconv", touch),
        ("diff.external", touch),
        ("uploadpack.packObjectsHook", touch),
        ("remote.origin.uploadpack", touch),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"),
        ("gc.auto", "1"),
    ):
        git(evil.path, "config", key, value)
    return evil


def test_nothing_of_a_hostile_upstream_is_run_or_written_outside(port: Port) -> None:
    here = port.root.parent
    outside = here / "outside"
    evil = make_evil(port, outside)
    before = state(outside), state(evil.path)
    workspace = here / "evil-port"
    outcome = invoke("init", evil.path, workspace, "--name=small")
    assert outcome.code == 0, outcome
    assert "THE_SECRET" not in outcome.out
    assert "\x1b" not in outcome.out + outcome.err
    (workspace / "porttool.toml").write_text(
        f'[upstream]\nname = "small"\nurl = "{evil.path}"\n[target]\nunikraft = "0.16.3"\n'
        '[port]\nsources = ["main.c", "src/a.c", "crlf.c"]\nincludes = ["src", "."]\n'
    )
    git(evil.path, "-c", "core.fsmonitor=false", "checkout", "--quiet", "-f", "-B", "mine")
    (evil.path / "main.c").write_text(f"/* $Id$ $Format:%H$ */\n{SERVE_C}")
    git(
        evil.path,
        "-c",
        "core.fsmonitor=false",
        "commit",
        "--quiet",
        "-m",
        "Serve\x1b[31m\x07",
        "main.c",
    )
    git(evil.path, "config", "--unset", "diff.external")
    (here / PWNED).unlink(missing_ok=True)  # git itself, run by this test, may have been caught
    add_patches(evil, workspace, "v6.6.6")
    (here / PWNED).unlink(missing_ok=True)
    before = state(outside), state(evil.path)
    for args in (("refresh",), *COMMANDS.values()):
        outcome = invoke("-C", workspace, *args)
        assert outcome.code == 0, (args, outcome)
        assert "\x1b" not in outcome.out + outcome.err
        assert "THE_SECRET" not in outcome.out + outcome.err
    assert_untouched(here)
    assert (state(outside), state(evil.path)) == before
    everything = state(workspace, ())
    assert not any(b"the_secret" in content for _, content in everything.values())
    assert not any(name.startswith("root:") for name in everything)
    assert not any(b"root:x:0:0" in content for _, content in everything.values())


def test_every_byte_of_the_worktree_is_upstreams(port: Port) -> None:
    evil = make_evil(port, port.root.parent / "outside")
    workspace = port.root.parent / "evil-port"
    assert invoke("init", evil.path, workspace, "--name=small").code == 0
    assert invoke("-C", workspace, "apply", "--to", "tree").code == 0
    listed = git(evil.path, "ls-tree", "-r", "-z", "v6.6.6").split("\0")
    checked = 0
    for mode, _, oid, path in (line.replace("\t", " ").split(" ", 3) for line in listed if line):
        file = port.root.parent / "tree" / path.replace("tab here", "tab\there")
        if mode == "160000":
            assert not file.exists() or not any(file.iterdir())
            continue
        content = os.fsencode(file.readlink()) if mode == "120000" else file.read_bytes()
        blob = subprocess.run(
            ["git", "-C", evil.path, "cat-file", "blob", oid], capture_output=True, check=True
        )
        assert content == blob.stdout, path
        checked += 1
    assert checked > len(ODD_NAMES)


@pytest.mark.parametrize("name", [".git", ".GIT", "..", ".", "a/b", ".gitmodules-link"])
def test_a_tree_that_git_should_never_hold(port: Port, name: str) -> None:
    path = port.upstream.path
    blob = git(path, "rev-parse", "v1.0:main.c")
    mode = b"120000" if name == ".gitmodules-link" else b"100644"
    entry = name.removesuffix("-link").encode()
    raw = b"%s %s\0%s" % (mode, entry, bytes.fromhex(blob))
    tree = git(path, "hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=raw)
    commit = git(path, "commit-tree", "-m", "evil", tree)
    git(path, "tag", "v6", commit)
    port.refuses("init", path, "fresh", "--name=x").says("cannot fetch", str(path))


def test_submodules_that_would_run_something(port: Port) -> None:
    path = port.upstream.path
    blob = git(path, "hash-object", "-w", "--stdin", stdin=GITMODULES.encode())
    git(path, "update-index", "--add", "--cacheinfo", f"100644,{blob},.gitmodules")
    git(path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},one")
    git(path, "commit", "--quiet", "-m", "Submodules")
    git(path, "tag", "v6")
    outcome = port.run("init", path, "fresh", "--name=x")
    assert outcome.code == 1, outcome
    assert_untouched(port.root.parent)


def test_a_series_that_adds_attributes_and_odd_names(port: Port) -> None:
    """The same tricks in a patch: they are bytes in a tree, and nothing else."""
    path = port.upstream.path
    git(path, "checkout", "--quiet", "-B", "odd", "v1.0")
    write_files(path, dict.fromkeys(ODD_NAMES, "int odd;\n"))
    port.upstream.commit("Odd names", {"main.c": SERVE_C}, author="Ünï Cödé <u@example.org>")
    plainly(path)
    write_files(path, {".gitattributes": ATTRIBUTES})
    git(path, "add", ".gitattributes")
    git(path, "commit", "--quiet", "-m", "Attributes")
    for old in port.patches.iterdir():
        old.unlink()
    add_patches(port.upstream, port.root)
    outcome = port.run("refresh")
    assert outcome.code == 0, outcome
    assert "\x1b" not in outcome.out + outcome.err
    once = state(port.root)
    assert port.run("apply").code == 0
    assert (port.root / ".porttool/tree/new\nline.c").read_text() == "int odd;\n"
    # Taken up from the worktree, the same again.
    tree = port.root / ".porttool/tree"
    git(tree, "commit", "--quiet", "--amend", "--no-edit", "--date=2024-01-01T00:00:00Z")
    assert port.run("refresh").code == 0
    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    assert {name for name in once if "odd" in name.lower()} <= set(state(port.root))
    assert_untouched(port.root.parent)


def test_a_markup_like_name_is_shown_as_it_is(port: Port) -> None:
    odd = port.root.parent / "[bold]odd[/x]"
    odd.parent.mkdir()
    port.root.rename(odd)
    outcome = invoke("-C", odd, "apply")
    assert outcome.code == 0, outcome
    assert "[bold]odd[/x]" in outcome.out
    outcome = invoke("-C", odd, "status")
    assert "[bold]odd[/x]" in outcome.out
    (odd / "upstream.lock").write_text("")
    assert "[bold]odd[/x]" in invoke("-C", odd, "status").err
