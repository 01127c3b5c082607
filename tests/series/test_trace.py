"""Lines of a pin under a series: against the tree that the series really makes."""

from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series.importer import import_series
from porttool.series.patch import parse
from porttool.series.trace import Line, Step, follow, steps
from tests.support import Upstream, git

PIN = "".join(f"line {n}\n" for n in range(1, 41)).replace("line 20", "x = fork();")


def series(root: Path, *commits: tuple[str, dict[str, str | None]]) -> tuple[Step, ...]:
    """The series that makes these commits, on a pin of ``a.c`` and ``b.c``."""
    upstream = Upstream.make(root / "up", {"a.c": PIN, "b.c": "int b;\n"}, "base")
    for subject, files in commits:
        upstream.commit(subject, files)
    patches = [
        parse(path.name, path.read_bytes()) for path in upstream.format_patches(root, "base")
    ]
    store = Repository.init_bare(root / "store.git")
    store.run("fetch", "--quiet", str(upstream.path), "base:refs/up/base")
    base = git(upstream.path, "rev-parse", "base^{commit}")
    return steps(store, import_series(store, base, patches))


def end(made: tuple[Step, ...], number: int, path: bytes = b"a.c", word: bytes = b"fork") -> object:
    found = follow(made, Line(path, number), word)
    return found if isinstance(found, str) else (found.path, found.number)


def test_a_line_is_followed_to_the_patch_that_removes_it(tmp_path: Path) -> None:
    above = "new 1\nnew 2\n" + PIN.replace("line 5\n", "")
    made = series(
        tmp_path,
        ("Above", {"a.c": above}),
        ("Move", {"a.c": None, "src/c.c": above}),
        ("Daemon", {"src/c.c": above.replace("x = fork();\n", "")}),
    )
    assert end(made, 20) == "0003-Daemon.patch"
    assert end(made, 5) == "0001-Above.patch"
    assert end(made, 1) == (b"src/c.c", 3)
    assert end(made, 4) == (b"src/c.c", 6)
    assert end(made, 21) == (b"src/c.c", 21)
    assert end(made, 40) == (b"src/c.c", 40)
    assert end(made, 1, b"b.c") == (b"b.c", 1)


def test_a_rewritten_line_that_still_has_the_name_is_not_removed(tmp_path: Path) -> None:
    rewritten = PIN.replace("x = fork();", "forked = 1;\ny = fork();")
    made = series(
        tmp_path,
        ("Rename", {"a.c": rewritten}),
        ("Stay", {"a.c": rewritten.replace("y = fork();", "y = 0;")}),
    )
    assert end(made, 20) == "0002-Stay.patch"
    assert end(made[:1], 20) == (b"a.c", 21)
    assert end(made, 20, word=b"vfork") == "0001-Rename.patch"


@pytest.mark.parametrize("number", [1, 20, 40])
def test_a_deleted_file_takes_its_lines_with_it(tmp_path: Path, number: int) -> None:
    made = series(tmp_path, ("Other", {"b.c": "int c;\n"}), ("Gone", {"a.c": None}))
    assert end(made, number) == "0002-Gone.patch"
