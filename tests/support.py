"""What tests build things with: repositories and workspaces from dicts, porttool as a process."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: A tree: path to content; None removes the path.
Files = Mapping[str, str | bytes | None]

IDENTITY = ("-c", "user.name=Ada Author", "-c", "user.email=ada@example.org")


def write_files(root: Path, files: Files) -> None:
    """Write (or remove) files below ``root``."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def git(root: Path, *args: str, stdin: bytes | None = None) -> str:
    """Run git in ``root``; gives its stdout without the last line end."""
    done = subprocess.run(
        ["git", "-C", str(root), *args], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, (args, done.stderr.decode("utf-8", "replace"))
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def snapshot(root: Path, *, without: tuple[str, ...] = (".porttool", "build")) -> dict[str, bytes]:
    """Every file below ``root`` with its content, but for the tool's own folders."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] not in without
    }


def tree_of_folder(root: Path, without: tuple[str, ...] = ()) -> str:
    """The git tree id of the files below a folder."""
    exclude = [f":!/{name}" for name in without]
    git(root, "init", "--quiet")
    git(root, "add", "--all", "--force", "--", ".", *exclude)
    return git(root, "write-tree")


@dataclass
class Upstream:
    """A git repository that plays an upstream; commits get rising dates."""

    path: Path
    clock: int = 1_700_000_000

    @classmethod
    def make(cls, path: Path, files: Files, tag: str | None = "v1.0") -> "Upstream":
        """A repository with one commit of ``files``."""
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--initial-branch=main")
        made = cls(path)
        made.commit("First", files, tag)
        return made

    def commit(
        self, message: str, files: Files | None = None, tag: str | None = None, author: str = ""
    ) -> str:
        """Commit changes to ``files`` (or what lies in the folder); gives the commit id."""
        write_files(self.path, files or {})
        self.clock += 60
        os.environ["GIT_AUTHOR_DATE"] = os.environ["GIT_COMMITTER_DATE"] = f"{self.clock} +0100"
        git(self.path, "add", "--all")
        extra = ("--author", author) if author else ()
        git(self.path, "commit", "--quiet", "--message", message, *extra)
        if tag:
            git(self.path, "tag", tag)
        del os.environ["GIT_AUTHOR_DATE"], os.environ["GIT_COMMITTER_DATE"]
        return git(self.path, "rev-parse", "HEAD")

    def format_patches(self, folder: Path, base: str) -> list[Path]:
        """``git format-patch base..HEAD`` into ``folder``."""
        args = ("--keep-subject", "--full-index", "--binary", "--no-signature", "--zero-commit")
        git(self.path, "format-patch", "--quiet", *args, "-o", str(folder), base)
        return sorted(folder.glob("*.patch"))


def porttool(
    *args: str | Path, cwd: Path, check: int | None = 0, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run porttool as its users do, in a process of its own; ``check`` is the wanted exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "porttool", *map(str, args)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env={**os.environ, **(env or {})},
        check=False,
    )
    if check is not None:
        assert done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done


#: A C upstream that the audit and the emitter take.
SMALL_C = {
    "main.c": (
        '#include <stdio.h>\n\nint main(void)\n{\n\tprintf("one\\n");\n'
        '\tprintf("two\\n");\n\tprintf("three\\n");\n\treturn 0;\n}\n'
    ),
    "LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy\n",
}


def make_workspace(tmp_path: Path, files: Files | None = None) -> tuple[Upstream, Path]:
    """An upstream of ``files`` at ``v1.0`` and a fresh workspace that pins it."""
    upstream = Upstream.make(tmp_path / "upstream", files or SMALL_C)
    workspace = tmp_path / "port"
    porttool("init", upstream.path, workspace, "--name", "small", cwd=tmp_path)
    return upstream, workspace


def add_patches(upstream: Upstream, workspace: Path, base: str = "v1.0") -> list[str]:
    """Put upstream's commits since ``base`` into the series of ``workspace``; gives their names."""
    paths = upstream.format_patches(workspace / "patches", base)
    names = [path.name for path in paths]
    (workspace / "patches" / "series").write_text("".join(f"{name}\n" for name in names))
    git(upstream.path, "reset", "--quiet", "--hard", base)
    return names
