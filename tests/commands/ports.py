"""Ports for the tests of bad input: copies of one small port, and porttool in this process."""

import difflib
import os
import shutil
import signal
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from porttool.cli import app
from tests.support import SMALL_C, Upstream, add_patches, git, make_workspace, porttool

MAIN_C = SMALL_C["main.c"]
SERVE_C = MAIN_C.replace("int main(void)", "int small_serve(const struct ukm_config *config)")
SERVE_C = SERVE_C.replace("{\n", "{\n\t(void)config;\n", 1)
SERVE_C = SERVE_C.replace("#include <stdio.h>\n", "#include <stdio.h>\n#include <ukm.h>\n")

FILES: dict[str, str] = {
    **SMALL_C,
    "src/util.c": '#include "util.h"\n\nint twice(int n)\n{\n\treturn n + n;\n}\n',
    "src/util.h": "int twice(int n);\n",
    "notes.txt": "".join(f"line {n}\n" for n in range(1, 31)),
}

#: Commands that work on a workspace, as they are typed.
COMMANDS: dict[str, tuple[str, ...]] = {
    "fetch": ("fetch",),
    "apply": ("apply",),
    "apply-to": ("apply", "--to", "elsewhere"),
    "refresh": ("refresh",),
    "status": ("status",),
    "check": ("check",),
    "audit-deps": ("audit-deps",),
    "emit": ("emit",),
    "run": ("run", "--build-only"),
}
_AVAILABLE = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
COMMANDS = {name: args for name, args in COMMANDS.items() if args[0] in _AVAILABLE}


@dataclass(frozen=True)
class Outcome:
    """How porttool ended, and what it said."""

    code: int
    out: str
    err: str

    def says(self, *texts: str) -> None:
        """Assert that the error names all of this, is marked as one, and is no traceback."""
        assert "error: " in self.err, self
        assert "Traceback" not in self.err, self.err
        assert "internal error" not in self.err, self.err
        for text in texts:
            assert text in self.err, (text, self.err)


def invoke(*args: str | Path) -> Outcome:
    """Run porttool in this process: quicker than ``support.porttool``. Nothing may hang."""
    signal.alarm(30)
    try:
        return _invoke(args)
    finally:
        signal.alarm(0)


def _invoke(args: tuple[str | Path, ...]) -> Outcome:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True)
class Port:
    """A workspace with a series of two patches, and its upstream with the tags v1.0 and v1.1."""

    upstream: Upstream
    root: Path

    @property
    def patches(self) -> Path:
        return self.root / "patches"

    @property
    def series(self) -> Path:
        return self.patches / "series"

    @property
    def lock(self) -> Path:
        return self.root / "upstream.lock"

    @property
    def config(self) -> Path:
        return self.root / "porttool.toml"

    def run(self, *args: str | Path) -> Outcome:
        """Run porttool on this workspace."""
        return invoke("-C", self.root, *args)

    def kept(self) -> dict[str, tuple[str, bytes]]:
        """What the user versions: all of the workspace but what follows from it."""
        return state(self.root, (".porttool", "build"))

    def refuses(self, *args: str | Path, code: int = 1) -> Outcome:
        """Run porttool; it must fail with ``code`` and change nothing. Gives what it said."""
        before = state(self.root.parent)
        outcome = self.run(*args)
        assert outcome.code == code, outcome
        assert state(self.root.parent) == before
        return outcome

    def add(self, name: str, content: str | bytes) -> None:
        """Put a patch file behind the others in the series."""
        data = content.encode() if isinstance(content, str) else content
        (self.patches / name).write_bytes(data)
        with self.series.open("a") as handle:
            handle.write(f"{name}\n")


def state(
    root: Path, without: tuple[str, ...] = (".porttool", ".git")
) -> dict[str, tuple[str, bytes]]:
    """All below ``root``: kind and mode, content. Without porttool's own folder and git's."""
    found: dict[str, tuple[str, bytes]] = {}
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in without]
        for name in [*folders, *names]:
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                content = os.fsencode(path.readlink())
            else:
                content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[os.fsencode(path.relative_to(root)).decode("latin-1")] = (oct(mode), content)
    return found


def new_file(path: str, text: str = "new\n") -> str:
    """A patch that creates a file."""
    lines = text.splitlines(keepends=True)
    body = "".join(f"+{line}" for line in lines)
    return (
        f"Subject: Add a file\n\n---\ndiff --git a/{path} b/{path}\nnew file mode 100644\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    )


def edit(path: str, old: str, new: str, text: str | None = None) -> str:
    """A patch that replaces ``old`` by ``new`` in a file, here with its content ``text``."""
    before = FILES[path] if text is None else text
    assert old in before
    after = before.replace(old, new, 1)
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(lines[0], lines[1], f"a/{path}", f"b/{path}"))
    return f"Subject: Edit a file\n\n---\ndiff --git a/{path} b/{path}\n{diff}"


def build(folder: Path) -> Port:
    """Make the port anew; :func:`port` copies one instead."""
    upstream, root = make_workspace(folder, FILES)
    upstream.commit("Second", {"notes.txt": FILES["notes.txt"] + "the end\n"}, "v1.1")
    git(upstream.path, "reset", "--quiet", "--hard", "v1.0")
    upstream.commit("Serve", {"main.c": SERVE_C})
    upstream.commit("Add a file", {"src/extra.c": "int extra;\n"})
    add_patches(upstream, root)
    git(upstream.path, "reset", "--quiet", "--hard", "v1.1")
    porttool("refresh", cwd=root)
    for derived in (".porttool", "build"):
        shutil.rmtree(root / derived)
    return Port(upstream, root)


_template: list[Port] = []


def copy(folder: Path, template: Path) -> Port:
    """A copy of the port below ``folder``; ``template`` is where the original is made once."""
    if not _template:
        _template.append(build(template))
    original = _template[0]
    for path in (original.upstream.path, original.root):
        shutil.copytree(path, folder / path.name, symlinks=True)
    made = Port(Upstream(folder / original.upstream.path.name, 1_800_000_000), folder / "port")
    for path in (made.config, made.lock):
        text = path.read_text().replace(str(original.upstream.path), str(made.upstream.path))
        path.write_text(text)
    return made


@pytest.fixture(name="port")
def port_fixture(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Port:
    """A port of one's own."""
    template: Callable[[], Path] = lambda: tmp_path_factory.mktemp("template")  # noqa: E731
    folder = tmp_path / "w"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return copy(folder, _template[0].root.parent if _template else template())
