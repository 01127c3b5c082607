"""What the markers of a conflict say."""

from porttool.series.clash import clashes
from porttool.series.patch import parse

NAME = "0001-a.patch"
MARKED = b"""top
<<<<<<< upstream and the patches before
found
||||||| what 0001-a.patch was made for
--wanted;
=======
made
>>>>>>> 0001-a.patch
between
========
<<<<<<< upstream and the patches before
more
||||||| what 0001-a.patch was made for
=======
new
>>>>>>> 0001-a.patch
end
"""
PATCH = b"""Subject: A

---
--- a/f
+++ b/f
@@ -1,3 +1,3 @@
 top
-clean
+cleaner
 x
@@ -11,3 +11,3 @@
 top
---wanted;
+made
 between
@@ -21,2 +21,4 @@
 ========
+new
+
 end
"""


def test_each_place_with_what_is_wanted_there_and_what_is_found() -> None:
    first, second = clashes("f", MARKED, NAME)
    assert (first.file, first.line, second.line) == ("f", 2, 11)
    assert first.difference == ["  top", "- --wanted;", "+ found", "  between", "  ========"]
    assert second.difference == ["  between", "  ========", "+ more", "  end"]


def test_the_hunks_that_change_something_there() -> None:
    (diff,) = parse(NAME, PATCH).files
    assert [clash.hunks(diff) for clash in clashes("f", MARKED, NAME)] == [[2], [3]]


def test_markers_of_somebody_else_are_text() -> None:
    assert clashes("f", MARKED.replace(b"0001-a.patch", b"0002-b.patch"), NAME) == []
    assert clashes("f", MARKED.replace(b">>>>>>> 0001", b">>>>>>> 0002"), NAME) == []


def test_line_ends_of_windows() -> None:
    crlf = MARKED.replace(b"\n", b"\r\n")
    assert [clash.line for clash in clashes("f", crlf, NAME)] == [2, 11]
