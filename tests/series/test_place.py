import pytest
from hypothesis import given
from hypothesis import strategies as st

from porttool.series.patch import Hunk, parse
from porttool.series.place import PlacementError, apply, place, split_lines


def hunk(text: str, old_start: int = 1) -> Hunk:
    lines = tuple((line + "\n").encode() for line in text.split("|"))
    return Hunk(1, old_start, old_start, b"", lines)


def lines(text: str) -> list[bytes]:
    return [(line + "\n").encode() for line in text.split("|")]


def test_a_hunk_is_found_where_its_lines_moved() -> None:
    (placement,) = place([hunk(" a|-b|+B| c", 1)], lines("x|y|a|b|c"), exact=False)
    assert (placement.line, placement.offset) == (2, 2)
    assert apply([placement], lines("x|y|a|b|c")) == b"x\ny\na\nB\nc\n"


def test_two_places_are_ambiguous_even_when_one_is_the_stated_one() -> None:
    twice = lines("a|b|c|a|b|c")
    with pytest.raises(PlacementError) as caught:
        place([hunk(" a|-b|+B| c", 4)], twice, exact=False)
    assert caught.value.ambiguous
    assert caught.value.candidates == (1, 4)


def test_the_stated_line_counts_when_the_content_is_proven() -> None:
    (placement,) = place([hunk(" a|-b|+B| c", 4)], lines("a|b|c|a|b|c"), exact=True)
    assert placement.line == 3


def test_no_fuzz() -> None:
    with pytest.raises(PlacementError) as caught:
        place([hunk(" a|-b|+B| c")], lines("a|b|X"), exact=False)
    assert not caught.value.ambiguous
    assert caught.value.found == (b"a\n", b"b\n", b"X\n")


def test_a_hunk_without_context_behind_it_must_end_the_file() -> None:
    with pytest.raises(PlacementError):
        place([hunk(" a|-b", 1)], lines("a|b|c"), exact=False)
    assert place([hunk(" a|-b", 1)], lines("c|a|b"), exact=False)[0].line == 1


def test_whole_lines_are_found_also_where_they_overlap() -> None:
    with pytest.raises(PlacementError) as caught:
        place([hunk("-a|-a|+A| b", 9)], lines("xa|a|a|a|b|a|a|b"), exact=False)
    assert caught.value.candidates == (3, 6)
    with pytest.raises(PlacementError) as caught:
        place([hunk(" a|-a|+A| a", 9)], lines("a|a|a|a"), exact=False)
    assert caught.value.candidates == (1, 2)


def test_a_line_without_its_end_is_not_glued_to_the_next() -> None:
    broken = Hunk(1, 1, 1, b"", (b"-a", b" b\n"))
    with pytest.raises(PlacementError) as caught:
        place([broken], lines("ab|c"), exact=False)
    assert caught.value.candidates == ()


def test_hunks_keep_their_order() -> None:
    first, second = hunk(" m|-n|+N| o", 4), hunk(" a|-b|+B| c", 7)
    found = place([first, second], lines("a|b|c|m|n|o|a|b|c"), exact=False)
    assert [placement.line for placement in found] == [3, 6]


def test_a_missing_last_newline_matters() -> None:
    with pytest.raises(PlacementError):
        place([hunk("-a|+b")], [b"a"], exact=False)


@given(st.binary())
def test_split_lines_loses_nothing(content: bytes) -> None:
    parts = split_lines(content)
    assert b"".join(parts) == content
    assert all(part.endswith(b"\n") for part in parts[:-1])


@given(
    before=st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=8),
    prefix=st.lists(st.sampled_from([b"a\n", b"b\n", b"x\n"]), max_size=4),
)
def test_a_found_place_really_holds_the_lines(before: list[bytes], prefix: list[bytes]) -> None:
    wanted = hunk(" a|-b|+B| c")
    content = prefix + before
    try:
        (placement,) = place([wanted], content, exact=False)
    except PlacementError as error:
        starts = [
            at + 1
            for at in range(len(content) - 2)
            if content[at : at + 3] == [b"a\n", b"b\n", b"c\n"]
        ]
        assert len(starts) != 1
        assert list(error.candidates) == starts
    else:
        assert content[placement.line : placement.line + 3] == [b"a\n", b"b\n", b"c\n"]


def test_twelve_identical_functions() -> None:
    """The case in which git am, git am -3 and quilt all edit the wrong function."""
    body = "".join("{\n\tint a;\n\n\treturn a;\n}\n\n" for _ in range(12))
    old = body.encode()
    at = 5 * 6 + 2
    new = old.split(b"\n")
    new[at - 1] = b"\tint b;"
    diff = b"--- a/f.c\n+++ b/f.c\n@@ -30,6 +30,6 @@\n"
    diff += b" \n {\n-\tint a;\n+\tint b;\n \n \treturn a;\n }\n"
    (file,) = parse("p", diff).files
    shifted = split_lines(b"// 1\n" * 8 + old)
    with pytest.raises(PlacementError) as caught:
        place(file.hunks, shifted, exact=False)
    assert len(caught.value.candidates) == 11
