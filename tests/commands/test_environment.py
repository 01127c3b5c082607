"""The user's git config, environment, locale and umask change no byte of any result."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.commands.ports import COMMANDS, SERVE_C, Port, edit, port_fixture, state
from tests.support import Upstream, git

__all__ = ["port_fixture"]

GITCONFIG = """\
[alias]
\tlog = !touch pwned
\tfetch = !touch pwned
\tls-tree = !touch pwned
[core]
\thooksPath = {hooks}
\tautocrlf = true
\teol = crlf
\tsafecrlf = true
\tquotePath = false
\tpager = touch pwned
\teditor = touch pwned
\tfsmonitor = touch pwned
\tsshCommand = touch pwned
\tgitProxy = touch pwned
\tattributesFile = {hooks}/attributes
\texcludesFile = {hooks}/excludes
\tabbrev = 4
\tcommentChar = F
\tfileMode = false
\tsymlinks = false
\tignoreCase = true
\tprecomposeUnicode = true
\tsharedRepository = 0600
\tbigFileThreshold = 1
\tsparseCheckout = true
\tworktree = /nonexistent
[commit]
\tgpgsign = true
\ttemplate = {hooks}/excludes
\tcleanup = scissors
[tag]
\tgpgSign = true
\tforceSignAnnotated = true
[gpg]
\tprogram = touch
[user]
\tname = Somebody Else
\temail = else@example.org
\tuseConfigOnly = true
[diff]
\tnoprefix = true
\tmnemonicPrefix = true
\texternal = touch pwned
\tcontext = 9
\tinterHunkContext = 9
\talgorithm = patience
\trenames = copies
\tsrcPrefix = x/
\tdstPrefix = y/
\tsubmodule = log
\tsuppressBlankEmpty = true
\trelative = true
\torderFile = {hooks}/order
\tcolorMoved = zebra
\tindentHeuristic = false
\twordRegex = .
[format]
\tsignature = hostile
\tsignatureFile = {hooks}/excludes
\tsuffix = .diff
\tsubjectPrefix = HOSTILE
\tnumbered = true
\tattach = true
\tthread = deep
\tsignOff = true
\tcoverLetter = true
\tto = a@example.org
\theaders = "X-Hostile: 1\\n"
\tpretty = "%H hostile"
\tnotes = true
\tuseAutoBase = true
\toutputDirectory = /tmp/hostile
\tencodeEmailHeaders = false
\tfilenameMaxLength = 8
\tforceInBodyFrom = true
\tfrom = Hostile <h@example.org>
\tmboxrd = true
[log]
\tdate = relative
\tshowSignature = true
\tdecorate = full
\tfollow = true
\tmailmap = true
[mailmap]
\tfile = {hooks}/mailmap
[color]
\tui = always
[column]
\tui = always
[i18n]
\tcommitEncoding = ISO-8859-1
\tlogOutputEncoding = UTF-16
[init]
\ttemplateDir = {hooks}/template
\tdefaultBranch = hostile
\tdefaultObjectFormat = sha256
[fetch]
\tfsckObjects = false
\tprune = true
\trecurseSubmodules = true
\tparallel = 9
[transfer]
\thideRefs = refs/tags
[protocol]
\tallow = never
[protocol "ext"]
\tallow = always
[url "/nonexistent/"]
\tinsteadOf = /
[url "ext::touch pwned "]
\tpushInsteadOf = /
[uploadpack]
\tpackObjectsHook = touch pwned
[submodule]
\trecurse = true
[merge]
\tconflictStyle = diff3
\trenames = false
[apply]
\twhitespace = fix
\tignoreWhitespace = change
[am]
\tkeepcr = false
[rerere]
\tenabled = true
[index]
\tversion = 4
\tsparse = true
[feature]
\tmanyFiles = true
[status]
\tshowUntrackedFiles = all
\tshort = true
\tbranch = true
[checkout]
\tdefaultRemote = hostile
[filter "hostile"]
\tsmudge = touch pwned
\tclean = touch pwned
\trequired = true
[diff "hostile"]
\ttextconv = touch pwned
[safe]
\tbareRepository = explicit
[include]
\tpath = {hooks}/more
"""

#: What git takes from the environment, each with a value that would be seen.
GIT_VARIABLES = {
    "GIT_DIR": "/nonexistent",
    "GIT_WORK_TREE": "/nonexistent",
    "GIT_INDEX_FILE": "/nonexistent/index",
    "GIT_OBJECT_DIRECTORY": "/nonexistent/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nonexistent",
    "GIT_COMMON_DIR": "/nonexistent",
    "GIT_NAMESPACE": "hostile",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_EXTERNAL_DIFF": "touch pwned",
    "GIT_DIFF_OPTS": "--unified=9",
    "GIT_CONFIG": "/nonexistent",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "diff.noprefix",
    "GIT_CONFIG_VALUE_0": "true",
    "GIT_CONFIG_KEY_1": "url./nonexistent/.insteadOf",
    "GIT_CONFIG_VALUE_1": "/",
    "GIT_CONFIG_PARAMETERS": "'diff.noprefix=true'",
    "GIT_AUTHOR_NAME": "Hostile",
    "GIT_AUTHOR_EMAIL": "hostile@example.org",
    "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Hostile",
    "GIT_COMMITTER_EMAIL": "hostile@example.org",
    "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
    "GIT_EDITOR": "touch pwned",
    "GIT_SEQUENCE_EDITOR": "touch pwned",
    "GIT_PAGER": "touch pwned",
    "GIT_SSH_COMMAND": "touch pwned",
    "GIT_SSH": "/nonexistent",
    "GIT_ASKPASS": "touch pwned",
    "GIT_PROXY_COMMAND": "touch pwned",
    "GIT_TEMPLATE_DIR": "/nonexistent",
    "GIT_EXEC_PATH": "/nonexistent",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ICASE_PATHSPECS": "1",
    "GIT_GLOB_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "0",
    "GIT_REPLACE_REF_BASE": "refs/tags/",
    "GIT_GRAFT_FILE": "/nonexistent",
    "GIT_SHALLOW_FILE": "/nonexistent",
    "GIT_QUARANTINE_PATH": "/nonexistent",
    "GIT_ALLOW_PROTOCOL": "ext",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_FLUSH": "1",
    "GIT_REDIRECT_STDERR": "2>&1",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_PYTHON_GIT_EXECUTABLE": "/nonexistent/git",
    "GIT_PYTHON_REFRESH": "error",
    "GIT_PYTHON_TRACE": "full",
    "PAGER": "touch pwned",
    "EDITOR": "touch pwned",
    "LESS": "hostile",
    "TEXTDOMAINDIR": "/nonexistent",
    "GREP_OPTIONS": "--hostile",
    "POSIXLY_CORRECT": "1",
    "CFLAGS": "--hostile",
    "MAKEFLAGS": "--hostile",
    "CPATH": "/nonexistent",
    "C_INCLUDE_PATH": "/nonexistent",
    "SOURCE_DATE_EPOCH": "1",
}

#: Locale, time zone and the like, with a umask.
LOCALES: list[tuple[dict[str, str | None], int]] = [
    (
        {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "COLUMNS": "20", "LINES": "3"},
        0o077,
    ),
    (
        {
            "LC_ALL": "tr_TR.UTF-8",
            "LANGUAGE": "tr",
            "TZ": "America/St_Johns",
            "TERM": "dumb",
            "PYTHONHASHSEED": "1",
            "HOME": "/nonexistent",
        },
        0o000,
    ),
    (
        {
            "LC_ALL": "",
            "LANG": "de_DE.ISO-8859-1",
            "TZ": ":nonsense",
            "PYTHONIOENCODING": "ascii",
            "PYTHONUTF8": "0",
            "PYTHONHASHSEED": "2",
            "PYTHONOPTIMIZE": "2",
            "TMPDIR": "/nonexistent",
            "NO_COLOR": "1",
        },
        0o022,
    ),
]


def run(
    port: Port, *args: str, env: Mapping[str, str | None] | None = None, umask: int = 0o022
) -> subprocess.CompletedProcess[bytes]:
    """Run porttool with these changes (None: without) to the environment."""
    merged = {**os.environ, **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", "porttool", "-C", str(port.root), *args],
        cwd=port.root.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={name: value for name, value in merged.items() if value is not None},
        umask=umask,
        check=False,
    )


class Work:
    """A job that goes through every door to git, done at the same place again and again."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.saved = port.root.parent / "saved"
        git(port.upstream.path, "checkout", "--quiet", "-B", "odd", "v1.0")
        port.upstream.commit("Serve", {"main.c": SERVE_C})
        port.upstream.commit(
            "Grüße: ein Ümlaut\n\nWarum: 日本語.\n",
            {"src/grün.c": "int x;\n", "crlf.txt": "one\r\ntwo\r\n", "spaces.txt": " \t \n\n"},
            author="Jürgen Œuvre <j@example.org>",
        )
        git(port.upstream.path, "mv", "notes.txt", "moved.txt")
        port.upstream.commit("Move notes", {"moved.txt": "first\n" + "line 2\nline 3\n" * 9})
        for path in port.patches.iterdir():
            path.unlink()
        names = port.upstream.format_patches(port.patches, "v1.0")
        port.series.write_text("".join(f"{path.name}\n" for path in names[:2]))
        names[2].rename(port.root.parent / "later.patch")
        git(port.upstream.path, "checkout", "--quiet", "main")
        assert run(port, "refresh").returncode == 0
        assert run(port, "apply").returncode == 0
        tree = Upstream(port.root / ".porttool/tree", 1_750_000_000)
        text = (tree.path / "src/util.c").read_text()
        tree.commit("Doppelt: größer", {"src/util.c": text.replace("n + n", "2 * n")})
        (tree.path / "src/util.c").chmod(0o755)
        tree.commit("Make it executable")
        shutil.copytree(port.root, self.saved, symlinks=True)

    def result(self, env: Mapping[str, str | None] | None = None, umask: int = 0o022) -> object:
        """Do the job anew; gives all that came of it."""
        shutil.rmtree(self.port.root)
        shutil.copytree(self.saved, self.port.root, symlinks=True)
        shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)
        said = []
        # Takes up the worktree's commits: format-patch, worktree, fetch, export, emit.
        for args in (("refresh", "--json"), ("apply", "--json"), ("status", "--json"), ("check",)):
            done = run(self.port, *args, env=env, umask=umask)
            assert done.returncode == 0, (args, done.stdout, done.stderr)
            assert b"Traceback" not in done.stderr
            said.append(json.loads(done.stdout) if "--json" in args else done.stdout)
        head = git(self.port.root / ".porttool/tree", "rev-parse", "HEAD")
        files = state(self.port.root, (".porttool",))
        contents = {name: content for name, (_, content) in files.items()}
        tree = state(self.port.root / ".porttool/tree", (".git",))
        worktree = {n: (mode[:4], c) for n, (mode, c) in tree.items() if n != ".git"}
        return said, head, contents, worktree


def test_nothing_of_the_user_changes_a_byte(port: Port, sealed_environment: Path) -> None:
    work = Work(port)
    expected = work.result()
    cache = {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    for env, umask in LOCALES:
        assert work.result(env | cache, umask) == expected, env

    hooks = sealed_environment / "hooks"
    (hooks / "template/hooks").mkdir(parents=True)
    marker = sealed_environment / "pwned"
    for folder in (hooks, hooks / "template/hooks"):
        for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-commit"):
            (folder / name).write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
            (folder / name).chmod(0o755)
    (hooks / "attributes").write_text("* text eol=crlf ident filter=hostile diff=hostile -diff\n")
    (hooks / "excludes").write_text("*\n")
    (hooks / "order").write_text("z*\n")
    (hooks / "mailmap").write_text("Hostile <h@example.org> <j@example.org>\n")
    config = GITCONFIG.format(hooks=hooks).replace("touch pwned", f"touch {marker}")
    (sealed_environment / ".gitconfig").write_text(config)
    xdg = sealed_environment / ".config/git"
    xdg.mkdir(parents=True)
    for name, text in (("config", config), ("attributes", "* -diff\n"), ("ignore", "*\n")):
        (xdg / name).write_text(text)
    unsealed: dict[str, str | None] = {"GIT_CONFIG_GLOBAL": None, "GIT_CONFIG_NOSYSTEM": None}
    assert work.result(unsealed) == expected
    variables = {
        name: value.replace("touch pwned", f"touch {marker}")
        for name, value in GIT_VARIABLES.items()
    }
    assert work.result(unsealed | variables) == expected
    assert not marker.exists()
    assert not (Path.cwd() / "pwned").exists()


def test_a_relative_cache_folder(port: Port) -> None:
    env = {"XDG_CACHE_HOME": "somewhere/cache"}
    for args in (("refresh",), ("apply",)):
        done = run(port, *args, env=env)
        assert done.returncode == 0, (args, done.stderr)


def fake_git(folder: Path, script: str) -> dict[str, str | None]:
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "git is not installed"),
        ("#!/bin/sh\necho git version 2.20.1\n", "git is too old: git version 2.20.1"),
        ("#!/bin/sh\necho what\n", "git is too old: what"),
        ("#!/bin/sh\nexit 3\n", "git does not run"),
        ("#!/nonexistent\n", "git does not run"),
        ("\x7fELF\0\0", "git does not run"),
    ],
)
def test_without_a_git_that_does(port: Port, script: str | None, says: str) -> None:
    folder = port.root.parent / "bin"
    env = fake_git(folder, script) if script is not None else {"PATH": "/nonexistent"}
    before = state(port.root.parent)
    commands = [("fetch",), ("init", str(port.upstream.path), "fresh")]
    if script is None:
        commands += [*COMMANDS.values(), ("init", "bundled:slim-exporter", "fresh")]
    for args in commands:
        done = run(port, *args, env=env)
        text = done.stderr.decode()
        assert done.returncode == 1, (args, text)
        assert says in text, (args, text)
        assert "Traceback" not in text
        assert "fix: install git" in text
    assert state(port.root.parent) == before


def shell(port: Port, script: str) -> subprocess.CompletedProcess[bytes]:
    command = f'{sys.executable} -m porttool -C "{port.root}"'
    return subprocess.run(
        ["bash", "-c", script.replace("porttool", command)], capture_output=True, check=False
    )


def test_where_stdout_cannot_be_written(port: Port) -> None:
    for args in ("status", "refresh --json", "--help"):
        done = shell(port, f"porttool {args} > /dev/full")
        assert b"Traceback" not in done.stderr, done.stderr
        assert b"Exception ignored" not in done.stderr, done.stderr
        assert done.returncode == 1, (args, done)
    done = shell(port, "porttool status > /dev/full")
    assert b"No space left on device" in done.stderr


def test_where_nobody_reads_stdout(port: Port) -> None:
    done = shell(port, "porttool status | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (0, b"")
    for closed in (">&-", "<&- >&- 2>&-"):
        done = shell(port, f"porttool refresh {closed}")
        assert done.returncode == 0, (closed, done)
        assert b"Traceback" not in done.stderr
    done = shell(port, "porttool -C /nonexistent status >&- 2>&-")
    assert done.returncode == 1


def test_an_error_that_names_what_no_encoding_holds(port: Port) -> None:
    port.add("0003-grün.patch", edit("notes.txt", "line 5\n", "x\n").replace("Edit", "Ändere"))
    os.rename(  # noqa: PTH104 - bytes
        os.fsencode(port.patches / "0003-grün.patch"), os.fsencode(port.patches) + b"/\xff.patch"
    )
    port.series.write_bytes(port.series.read_bytes().replace("0003-grün".encode(), b"\xff"))
    for env in ({"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}):
        for args in (("refresh",), ("status", "--json")):
            done = run(port, *args, env=env)
            assert done.returncode == 0, (env, args, done.stderr)
            if args[-1] == "--json":
                json.loads(done.stdout)
    assert b"\xff.patch" in port.series.read_bytes()
