"""Results of earlier audits: used while nothing changed, and never when something did."""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from porttool.audit import AuditReport, audit, cache, preprocess, unit
from porttool.audit.preprocess import Preprocessed
from tests.audit.trees import build_tree, functions
from tests.support import porttool

FILES = {
    "src/a.c": '#include <stdio.h>\n#include "own.h"\nint f(void) { return puts("") + OWN; }\n',
    "src/b.c": "int undeclared(void) { return gettid(); }\n",
    "later/own.h": "#define OWN getpid()\n",
}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that the preprocessor is run for."""
    found: list[str] = []
    original = preprocess.preprocess

    def note(source: Path, *rest: object) -> Preprocessed:
        found.append(source.name)
        return original(source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(unit, "preprocess", note)
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return build_tree(tmp_path / "tree", {**FILES, "first/other.h": ""})


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., AuditReport]:
    def audited(root: Path, provided: Collection[str] = ()) -> AuditReport:
        sources = sorted(root.glob("src/*.c"))
        folders = [root / "first", root / "later"]
        return audit(root, sources, folders, provided=provided, cache=tmp_path / "cache")

    return audited


Run = Callable[..., AuditReport]


def test_nothing_is_preprocessed_when_nothing_changed(
    tree: Path, run: Run, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(tree)
    assert runs == ["a.c", "b.c"]
    assert {"puts", "getpid", "gettid"} <= functions(before)
    monkeypatch.setattr("porttool.audit.engine.preprocess", None)
    assert run(tree) == before
    assert runs == ["a.c", "b.c"]


def test_tree_elsewhere_is_known_by_its_contents(tree: Path, run: Run, runs: list[str]) -> None:
    before = run(tree)
    elsewhere = tree.rename(tree.with_name("elsewhere"))
    assert run(elsewhere) == before
    assert runs == ["a.c", "b.c"]


def test_changed_header_concerns_the_files_that_read_it(
    tree: Path, run: Run, runs: list[str]
) -> None:
    run(tree)
    (tree / "later" / "own.h").write_text("#define OWN getgid()\n")
    assert "getgid" in functions(run(tree))
    assert runs == ["a.c", "b.c", "a.c"]
    (tree / "later" / "own.h").write_text("#define OWN getpid()\n")
    assert "getpid" in functions(run(tree))
    assert runs == ["a.c", "b.c", "a.c"]


def test_header_that_comes_before_the_one_that_was_read(
    tree: Path, run: Run, runs: list[str]
) -> None:
    run(tree)
    (tree / "first" / "own.h").write_text("#define OWN getgid()\n")
    assert "getgid" in functions(run(tree))
    assert runs == ["a.c", "b.c", "a.c"]


def test_flags_and_folders_are_part_of_the_key(
    tree: Path, run: Run, runs: list[str], tmp_path: Path
) -> None:
    run(tree)
    sources = [tree / "src" / "a.c"]
    audit(tree, sources, [tree / "later"], ["OWN=1"], cache=tmp_path / "cache")
    assert runs == ["a.c", "b.c", "a.c"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0\xff" * 9])
def test_damaged_entry_is_done_again(
    tree: Path, run: Run, runs: list[str], tmp_path: Path, damage: bytes
) -> None:
    before = run(tree)
    for entry in (tmp_path / "cache").glob("*/*"):
        entry.write_bytes(entry.read_bytes()[:90] + damage)
    assert run(tree) == before
    assert runs == ["a.c", "b.c", "a.c", "b.c"]
    assert run(tree) == before
    assert len(runs) == 4


def test_entry_of_another_form_is_done_again(
    tree: Path, run: Run, runs: list[str], tmp_path: Path
) -> None:
    before = run(tree)
    for entry in (tmp_path / "cache").glob("*/*"):
        for line in (lines := cache._read(entry)):
            line[-1] = [["src/a.c", 1]]
        cache._write(entry, lines)
    assert run(tree) == before
    assert runs == ["a.c", "b.c", "a.c", "b.c"]


def test_file_that_does_not_parse_is_not_kept(tree: Path, run: Run, runs: list[str]) -> None:
    (tree / "src" / "b.c").write_text("int f( {\n")
    assert run(tree).failed == run(tree).failed
    assert runs == ["a.c", "b.c", "b.c"]


def test_header_that_a_condition_asks_for(tree: Path, run: Run, runs: list[str]) -> None:
    text = "#if __has_include(<new.h>)\nint f(void) { return getgid(); }\n#endif\n"
    (tree / "src" / "b.c").write_text(text)
    run(tree)
    run(tree)
    assert runs == ["a.c", "b.c"]
    (tree / "first" / "new.h").write_text("")
    assert "getgid" in functions(run(tree))
    (tree / "first" / "new.h").unlink()
    assert "getgid" not in functions(run(tree))


def test_header_that_a_macro_asks_for_is_not_kept(tree: Path, run: Run, runs: list[str]) -> None:
    text = "#define NAME <new.h>\n#if __has_include(NAME)\n#endif\nint x;\n"
    (tree / "src" / "b.c").write_text(text)
    run(tree)
    run(tree)
    assert runs == ["a.c", "b.c", "b.c"]


def test_file_name_from_a_macro_is_known(tree: Path, run: Run, runs: list[str]) -> None:
    text = '#define NAME "own.h"\n#include NAME\nint f(void) { return OWN; }\n'
    (tree / "src" / "b.c").write_text(text)
    run(tree)
    (tree / "src" / "own.h").write_text("#define OWN getgid()\n")
    assert "getgid" in functions(run(tree))


def test_cache_that_cannot_be_written_is_no_obstacle(tree: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert run(tree) == run(tree)


def test_report_is_kept_as_a_whole(
    tree: Path, run: Run, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(tree)
    monkeypatch.setattr(cache.Found, "decode", lambda _: pytest.fail("not needed"))
    assert run(tree) == before
    assert runs == ["a.c", "b.c"]


def test_report_that_is_kept_knows_what_else_changed(tree: Path, run: Run) -> None:
    """What a release provides, and where a function stands that is not audited."""
    (tree / "src" / "b.c").write_text("int mine(void) { return other() + mine(); }\n")
    before = run(tree)
    assert "mine" not in {need.name for need in before.needs}
    assert "mine" in {need.name for need in run(tree, provided=["mine"]).needs}
    (tree / "more.c").write_text("int other(void)\n{\n\treturn 1;\n}\n")
    [other] = [need for need in run(tree).needs if need.name == "other"]
    assert [(site.file, site.line) for site in other.elsewhere] == [("more.c", 1)]


def test_cache_is_bounded(
    tree: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tree)
    kept = sum(path.stat().st_size for path in (tmp_path / "cache").glob("*/*"))
    monkeypatch.setattr(cache, "SIZE_LIMIT", kept // 2)
    (tree / "src" / "b.c").write_text("int x;\n")
    run(tree)
    assert sum(path.stat().st_size for path in (tmp_path / "cache").glob("*/*")) <= kept // 2


def test_command_keeps_results_unless_told_otherwise(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = cache.default_folder()
    arguments = ("audit-deps", str(tree), "--json")
    first = porttool(*arguments, "--no-cache", cwd=tmp_path)
    assert not kept.exists()
    assert porttool(*arguments, cwd=tmp_path).stdout == first.stdout
    assert kept.exists()
    assert porttool(*arguments, cwd=tmp_path).stdout == first.stdout
