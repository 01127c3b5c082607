import subprocess
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.series.seriesfile import parse

#: Every line on which readers of ``series`` disagree, and what quilt makes of it.
ODD_LINES = [
    ("a.patch -p0 -R", ("a.patch", 0, True)),
    ("  # indented", ("#", 1, False)),
    ("a#b.patch", ("a#b.patch", 1, False)),
    ("a.patch extra", ("a.patch", 1, False)),
    ("\ta.patch -p1", ("a.patch", 1, False)),
    ("a.patch # why", ("a.patch", 1, False)),
    ("a.patch\t-p2\t#why", ("a.patch", 2, False)),
    ("a.patch   ", ("a.patch", 1, False)),
    ("#a.patch", None),
    ("", None),
    ("   ", None),
]


@pytest.mark.parametrize(("line", "meaning"), ODD_LINES)
def test_odd_lines_are_read_as_quilt_reads_them(
    line: str, meaning: tuple[str, int, bool] | None, tmp_path: Path
) -> None:
    patches = parse(f"{line}\n".encode(), "series").patches
    assert [(p.name, p.strip, p.reverse) for p in patches] == ([meaning] if meaning else [])
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches" / "series").write_text(f"{line}\nlast.patch\n")
    quilt = subprocess.run(
        ["quilt", "--quiltrc", "-", "series"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name.removeprefix("patches/") for name in quilt.stdout.splitlines()]
    assert names == [*(p.name for p in patches), "last.patch"]


def test_a_patch_named_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(UserError) as caught:
        parse(b"a.patch\n# x\na.patch\n", "series")
    assert caught.value.where == "series:3"
    assert "line 1" in str(caught.value.why)


@pytest.mark.parametrize("line", ["../a.patch", "/a.patch", "a/../../b.patch", "a.patch --fuzz=3"])
def test_what_leaves_the_folder_or_loosens_is_refused(line: str) -> None:
    with pytest.raises(UserError):
        parse(line.encode(), "series")


def test_comments_stay_where_they_were() -> None:
    series = parse(b"# top\n\na.patch -p0 # odd\n# about b\nb.patch\nc.patch\n# end\n", "series")
    assert series.rewritten(["a.patch", "b.patch", "c.patch"]) == (
        "# top\n\n# odd\na.patch\n# about b\nb.patch\nc.patch\n# end\n"
    )
    assert (
        series.rewritten(["b.patch", "a.patch"])
        == "# about b\nb.patch\n# top\n\n# odd\na.patch\n# end\n"
    )


def test_writing_is_stable() -> None:
    series = parse(b"# x\r\na.patch\r\n\n\n", "series")
    text = series.rewritten(["a.patch"])
    assert text == "# x\na.patch\n"
    assert parse(text.encode(), "series").rewritten(["a.patch"]) == text


def test_a_comment_that_names_a_patch_takes_it_out() -> None:
    series = parse(b"# a.patch: absorbed in v2\nb.patch\n", "series")
    assert series.mentions("a.patch")
    assert not series.mentions("b.patch")
    assert not series.mentions(".patch")
