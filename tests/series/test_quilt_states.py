"""The same series through porttool and through quilt, state by state: one tree, or the reason why.

quilt is the reference for what a ``series`` means. Where porttool takes more or less than quilt
does, the state says so and gives the reason; nowhere may both succeed with different trees.
"""

import difflib
import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import pytest

from porttool.errors import PorttoolError
from porttool.git import Repository
from porttool.series import folder
from porttool.series.importer import import_series
from tests.support import SMALL_C, Upstream, git, make_workspace, porttool, write_files

LINES = "".join(f"line {n}\n" for n in range(1, 41))
FIVE = "one\ntwo\nthree\nfour\nfive\n"
TWINS = "".join(f"{{\n\tint a;\n\n\treturn a;\n}}\n/* {n} */\n" for n in range(6))

TREE: dict[str, str | bytes] = {
    "a.c": FIVE,
    "b.c": LINES,
    "a/a.c": FIVE,
    "empty": "",
    "extra": FIVE,
    "tail": "x\ny",
    "blank": "a\n\nb\n",
    "crlf.txt": "one\r\ntwo\r\nthree\r\n",
    "latin": "caf\xe9\nx\ny\n".encode("latin-1"),
    "run.sh": "#!/bin/sh\n",
    "dir/b c.txt": "x\ny\nz\n",
    'q"u\\o.c': "1\n2\n3\n",
    "ünï.c": "1\n2\n3\n",
    "sub/deep/f.c": FIVE,
    "query.sql": "a\n-- old\nb\n",
    "twins.c": TWINS,
}


class Reading(Enum):
    """What the two tools make of a state."""

    ALIKE = auto()
    NOTHING = auto()  # nothing to apply, and nothing applied
    NEITHER = auto()
    QUILT_ALONE = auto()
    PORTTOOL_ALONE = auto()


@dataclass(frozen=True)
class State:
    """A ``series`` (None: no file), the patches beside it, and how it is read.

    ``why`` is, for a state that only one of the two takes, the reason; ``says`` what porttool's
    refusal holds.
    """

    series: str | bytes | None
    patches: dict[str, str | bytes] = field(default_factory=dict)
    reading: Reading = Reading.ALIKE
    why: str = ""
    says: str = ""


def text(path: str) -> str:
    content = TREE[path]
    return content.decode("latin-1") if isinstance(content, bytes) else content


def plain(
    path: str,
    old: str,
    new: str,
    *,
    names: tuple[str, str] | None = None,
    context: int = 3,
    stamp: str = "",
) -> str:
    """A plain unified diff that replaces ``old`` by ``new`` in a file of the tree."""
    before = text(path)
    assert old in before
    lines = before.splitlines(keepends=True), before.replace(old, new, 1).splitlines(keepends=True)
    if names is None:
        names = f"a/{path}", f"b/{path}"
    out = difflib.unified_diff(*lines, *names, stamp, stamp, n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in out)


NO_NEWLINE = "\\ No newline at end of file\n"

TWO = plain("a.c", "two", "TWO")
FIRST_P0 = plain("a.c", "two", "TWO", names=("a.c", "a.c"))
BACK = plain("a.c", "two", "TWO")
BACK = BACK.replace("-two\n+TWO", "-TWO\n+two")
B20 = plain("b.c", "line 20\n", "LINE 20\n")


def git_diff(old: str, new: str, *lines: str, body: str = "") -> str:
    """The diff of one file as git heads it."""
    return f"diff --git {old} {new}\n" + "".join(f"{line}\n" for line in lines) + body


def created(path: str, content: str, mode: str = "100644", end: str = "") -> str:
    count = content.count("\n")
    body = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n"
    body += "".join(f"+{line}" for line in content.splitlines(keepends=True)) + end
    return git_diff(f"a/{path}", f"b/{path}", f"new file mode {mode}", body=body)


def removed(path: str, old: str, new: str) -> str:
    lines = text(path).splitlines(keepends=True)
    head = f"--- {old}\n+++ {new}\n@@ -1,{len(lines)} +0,0 @@\n"
    return head + "".join(f"-{line}" for line in lines)


def indented(diff: str, by: str = "    ") -> str:
    return "".join(by + line for line in diff.splitlines(keepends=True))


RENAME = ("similarity index 100%", "rename from a.c", "rename to z.c")
CONTEXT_DIFF = (
    "*** a/a.c\t2020-01-01\n--- b/a.c\t2020-01-02\n***************\n*** 1,5 ****\n  one\n! two\n"
    "  three\n  four\n  five\n--- 1,5 ----\n  one\n! TWO\n  three\n  four\n  five\n"
)
BINARY = git_diff(
    "a/n",
    "b/n",
    "new file mode 100644",
    f"index {'0' * 40}..f76dd238ade08917e6712764a16a22005a50573d",
    body="GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n",
)


def one(
    patch: str | bytes, reading: Reading = Reading.ALIKE, why: str = "", says: str = ""
) -> State:
    """One patch file, plainly listed."""
    return State("p.patch\n", {"p.patch": patch}, reading, why, says)


def listed(series: str | bytes | None, reading: Reading = Reading.ALIKE, **more: str) -> State:
    """A series file over the usual patches."""
    patches = {
        "a.patch": TWO,
        "p0.patch": FIRST_P0,
        "back.patch": BACK,
        "p2.patch": plain("a.c", "two", "TWO", names=("x/old/a.c", "x/new/a.c")),
        "b.patch": B20,
        "a#b.patch": B20,
        "sub/c.patch": plain("extra", "four", "FOUR"),
        "extra.patch": plain("extra", "two", "TWO"),
        "p0-back.patch": FIRST_P0.replace("-two\n+TWO", "-TWO\n+two"),
    }
    return State(series, dict(patches), reading, **more)


NEITHER, NOTHING = Reading.NEITHER, Reading.NOTHING
QUILT_ALONE, PORTTOOL_ALONE = Reading.QUILT_ALONE, Reading.PORTTOOL_ALONE
LOOSENS = "an option that loosens how a patch applies says nothing about what the patch is"
UNSAFE = "a path that is not plainly inside the tree is refused, never mended"
NO_PLACE = "a hunk without context has no provable place"

STATES: dict[str, State] = {
    # The lines of series on which its readers disagree.
    "table: -p0 -R": listed("p0-back.patch -p0 -R\n"),
    "table: indented comment": listed("a.patch\n  # indented\n", NEITHER, says="first column"),
    "table: # within a name": listed("a#b.patch\n"),
    "table: an extra word that is the file": listed("extra.patch extra\n"),
    "table: an extra word": listed(
        "a.patch extra\n",
        QUILT_ALONE,
        why="quilt has patch change the file extra instead of a.c; the other readers do not",
        says="readers agree on: extra",
    ),
    "table: an extra word that is no file": listed(
        "a.patch none\n",
        PORTTOOL_ALONE,
        why="quilt has patch look for the file none; the other readers pass over the word",
    ),
    "table: an extra word that becomes a file": State(
        "p.patch none\n",
        {"p.patch": created("n", "x\n").split("\n", 2)[2]},
        QUILT_ALONE,
        why="quilt has patch create none instead of n; the other readers do not",
        says="readers agree on: none",
    ),
    "table: tab before the name": listed("\ta.patch -p1\n"),
    # The series file.
    "comments and blanks": listed("# top\n\n#\n   \na.patch\n\t\n# end\nb.patch\n\n"),
    "a comment behind a name": listed("a.patch # why\nb.patch\t#\twhy -R\n"),
    "an option in a comment": listed("a.patch #-R\n"),
    "blanks behind a name": listed("a.patch   \nb.patch\t\t\n"),
    "tabs between the words": listed("p0.patch\t-p0\t# x\n"),
    "no last newline": listed("a.patch\nb.patch"),
    "-p0": listed("p0.patch -p0\n"),
    "-p1": listed("a.patch -p1\n"),
    "-p2": listed("p2.patch -p2\n"),
    "-p01": listed("a.patch -p01\n"),
    "the last of two -p": listed("p0.patch -p1 -p0\n"),
    "-R": listed("back.patch -R\n"),
    "--reverse": listed("back.patch --reverse\n"),
    "-R then forth": listed("back.patch -R\nb.patch\n"),
    "a patch in a folder": listed("sub/c.patch\n"),
    "a patch in a folder, by a longer way": listed("./sub//c.patch\n"),
    "an order of its own": listed("sub/c.patch\nb.patch\na.patch\n"),
    "unlisted patches": listed("b.patch\n"),
    "only comments": listed("# a.patch\n", NOTHING),
    "an empty series file": listed("", NOTHING),
    "no series file": listed(None, NOTHING),
    "a missing patch": listed("a.patch\nnone.patch\n", NEITHER, says="none.patch"),
    "a patch named twice": listed("a.patch\na.patch\n", NEITHER, says="twice"),
    "-p that is too deep": listed("a.patch -p9\n", NEITHER, says="-p9"),
    "-p0 that is not deep enough": listed("sub/c.patch -p0\n", NEITHER, says="no such file"),
    "-R of what is not there": listed("a.patch -R\n", NEITHER, says="does not apply"),
    "an option without its number": listed("a.patch -p\n", NEITHER, says="-p"),
    "an option with a comment stuck to it": listed("a.patch -p1#x\n", NEITHER, says="-p1#x"),
    "no ASCII in a comment": listed("# für\na.patch # für\n"),
    "CRLF line ends": listed(
        "a.patch\r\nb.patch\r\n",
        PORTTOOL_ALONE,
        why="to quilt the CR is part of the name; no patch is meant by that",
    ),
    "-pab": listed(
        "a.patch -pab\n",
        PORTTOOL_ALONE,
        why="quilt's own name for -p1 with a/ and b/, which its push does not know",
    ),
    "--strip=0": listed(
        "a.patch --strip=0\n",
        QUILT_ALONE,
        why="quilt puts a -p1 behind it, so the option says what does not hold",
        says="--strip=0",
    ),
    "--fuzz=3": listed("a.patch --fuzz=3\n", QUILT_ALONE, why=LOOSENS, says="--fuzz=3"),
    "-l": listed("a.patch -l\n", QUILT_ALONE, why=LOOSENS, says="-l"),
    "a byte order mark": listed("\ufeffa.patch\n", NEITHER, says="byte order mark"),
    # What patch files look like.
    "diff -u without prefixes": State("p.patch -p0\n", {"p.patch": FIRST_P0}),
    "GNU diff with dates": one(plain("a.c", "two", "TWO", stamp="2020-01-01 10:00:00.0 +0100")),
    "quilt with Index": one(
        f"Index: tree/a.c\n{'=' * 67}\n"
        + plain("a.c", "two", "TWO", names=("tree.orig/a.c", "tree/a.c"))
    ),
    "svn with revisions": State(
        "p.patch -p0\n", {"p.patch": FIRST_P0.replace("a.c\n", "a.c\t(revision 3)\n")}
    ),
    "a name and its backup": one(plain("a.c", "two", "TWO", names=("a/a.c.orig", "b/a.c"))),
    "a name and its successor": one(plain("a.c", "two", "TWO", names=("a/a.c", "b/a.c.new"))),
    "names in the folder itself": one(plain("a.c", "two", "TWO", names=("./a.c", "./a.c"))),
    "no header": one(B20),
    "a mail header": one(
        "From 1234567890123456789012345678901234567890 Mon Sep 17 00:00:00 2001\n"
        "From: A <a@example.org>\nDate: Tue, 14 Nov 2023 23:14:20 +0100\n"
        f"Subject: [PATCH 1/2] x\n\nWhy.\n---\n b.c | 2 +-\n\n{B20}-- \n2.39.5\n\n"
    ),
    "DEP-3": one(
        "Description: x\n It is so.\nAuthor: A <a@example.org>\nForwarded: no\n"
        f"Last-Update: 2023-11-14\n---\n{B20}"
    ),
    "a description as quilt keeps it": one(f"Why it is done.\n\nSigned-off-by: A\n\n{B20}"),
    "prose between two files": one(f"{TWO}some words\n\nIndex: b.c\n=====\n{B20}more words\n"),
    "Index in the message": one(f"Subject: x\n\nIndex: extra\nmore\n---\n{TWO}"),
    "a separator in the message": one(f"Subject: x\n\n--- a/extra\nwords\n\n---\n{TWO}"),
    "a quoted diff in the message": one(
        f"Subject: x\n\nNot so:\n\n{indented(plain('extra', 'two', 'TWO'), '> ')}\n---\n{TWO}"
    ),
    "several hunks": one(
        plain("b.c", "line 3\n", "LINE 3\n")
        + plain("b.c", "line 30\n", "LINE 30\nmore\n").split("\n", 2)[2]
    ),
    "two patches on one file": State(
        "1.patch\n2.patch\n",
        {"1.patch": B20, "2.patch": B20.replace("-line 20\n+LINE 20", "-LINE 20\n+twenty")},
    ),
    "one file twice in a patch": one(TWO + TWO.replace("-two\n+TWO", "-TWO\n+2")),
    "created, then changed": one(
        "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n--- a/n\n+++ b/n\n@@ -1 +1 @@\n-x\n+y\n"
    ),
    "one line of context": one(plain("b.c", "line 20\n", "LINE 20\n", context=1)),
    "ten lines of context": one(plain("b.c", "line 20\n", "LINE 20\n", context=10)),
    "an offset": one(B20.replace("@@ -17,7 +17,7", "@@ -3,7 +3,7")),
    "a hunk at the start": one(plain("b.c", "line 1\n", "first\nline 1\n")),
    "a hunk at the end": one(plain("b.c", "line 40\n", "line 40\nlast\n")),
    "empty context lines trimmed": one(plain("blank", "b", "B").replace("\n \n", "\n\n")),
    "lines that look like names": one(plain("query.sql", "-- old\n", "++ new\n")),
    "CRLF in the file": one(plain("crlf.txt", "two", "TWO")),
    "CRLF in all of the patch": one(TWO.replace("\n", "\r\n")),
    "CRLF in all of the patch, and in the file": one(
        plain("crlf.txt", "two", "TWO").replace("\r\n", "\n").replace("\n", "\r\n"),
        NEITHER,
        says="does not apply",
    ),
    "no newline at the end, before and after": one(plain("tail", "x", "X")),
    "a newline at the end is added": one(plain("tail", "y", "y\n")),
    "a newline at the end is taken": one(plain("query.sql", "b\n", "b")),
    "latin-1": one(plain("latin", "x", "\xfc").encode("latin-1")),
    "a blank in a name, behind it a tab": one(
        plain("dir/b c.txt", "y", "Y").replace("b c.txt\n", "b c.txt\t\n")
    ),
    "a blank in a name, quoted": one(
        plain("dir/b c.txt", "y", "Y", names=('"a/dir/b c.txt"', '"b/dir/b c.txt"'))
    ),
    "a quote and a backslash in a name": one(
        git_diff(
            r'"a/q\"u\\o.c"',
            r'"b/q\"u\\o.c"',
            body=plain('q"u\\o.c', "2", "B", names=(r'"a/q\"u\\o.c"', r'"b/q\"u\\o.c"')),
        )
    ),
    "a name in octal": one(
        plain("ünï.c", "2", "B", names=(r'"a/\303\274n\303\257.c"', r'"b/\303\274n\303\257.c"'))
    ),
    "a name in UTF-8": one(plain("ünï.c", "2", "B")),
    # Files that come and go.
    "a new file": one(created("new/n.c", "x\n")),
    "a new file, by GNU diff": one(
        "diff -Nru a/n b/n\n--- a/n\t1970-01-01 01:00:00.000000000 +0100\n"
        "+++ b/n\t2020-01-01 10:00:00.000000000 +0100\n@@ -0,0 +1,2 @@\n+x\n+y\n"
    ),
    "a new file without newline": one(created("n", "x\n", end=NO_NEWLINE)),
    "a new file that is empty": one(
        git_diff("a/n", "b/n", "new file mode 100644", "index 0000000..e69de29")
    ),
    "a new file that may be executed": one(created("n", "x\n", "100755")),
    "a symbolic link": one(created("n", "a.c\n", "120000", NO_NEWLINE)),
    "an empty file gets lines": one(
        "--- a/empty\t2020-01-01 10:00:00 +0100\n+++ b/empty\t2020-01-02 10:00:00 +0100\n"
        "@@ -0,0 +1 @@\n+x\n"
    ),
    "a file becomes empty": one(removed("a.c", "a/a.c\t2020-01-01 10:00:00", "b/a.c\t2020-01-02")),
    "a file goes": one(removed("a.c", "a/a.c", "/dev/null")),
    "a file goes, by GNU diff": one(
        removed("a.c", "a/a.c\t2020-01-01", "b/a.c\t1970-01-01 01:00:00.000000000 +0100")
    ),
    "a file goes, by an older diff": one(
        removed("a.c", "a/a.c\tTue Nov 14 10:00:00 2023", "b/a.c\tThu Jan  1 01:00:00 1970")
    ),
    "a file goes, west of Greenwich": one(
        removed("a.c", "a/a.c\tTue Nov 14 10:00:00 2023", "b/a.c\tWed Dec 31 19:00:00 1969")
    ),
    "an empty file goes": one(
        git_diff("a/empty", "b/empty", "deleted file mode 100644", "index e69de29..0000000")
    ),
    "the last file of a folder goes": one(removed("sub/deep/f.c", "a/sub/deep/f.c", "/dev/null")),
    "a file becomes a link": one(
        git_diff("a/a.c", "b/a.c", "deleted file mode 100644")
        + removed("a.c", "a/a.c", "/dev/null")
        + created("a.c", "b.c\n", "120000", NO_NEWLINE)
    ),
    "-R of a new file": State(
        "p.patch -R\n", {"p.patch": removed("a.c", "a/a.c", "/dev/null").replace("a.c", "n")}
    ),
    "-R of a removed file": State(
        "p.patch -R\n",
        {
            "p.patch": "--- /dev/null\n+++ b/a.c\n@@ -0,0 +1,5 @@\n"
            + "".join(f"+{line}" for line in FIVE.splitlines(keepends=True))
        },
    ),
    "a mode": one(git_diff("a/run.sh", "b/run.sh", "old mode 100644", "new mode 100755")),
    "a rename": one(git_diff("a/a.c", "b/z.c", *RENAME)),
    "a rename with an edit": one(
        git_diff("a/a.c", "b/z.c", *RENAME, body=plain("a.c", "two", "2", names=("a/a.c", "b/z.c")))
    ),
    "a rename and a new file in its place": one(
        git_diff("a/a.c", "b/z.c", *RENAME) + created("a.c", "x\n")
    ),
    "two files change places": one(
        git_diff("a/a.c", "b/b.c", "similarity index 100%", "rename from a.c", "rename to b.c")
        + git_diff("a/b.c", "b/a.c", "similarity index 100%", "rename from b.c", "rename to a.c")
    ),
    "a copy with an edit": one(
        git_diff(
            "a/a.c",
            "b/z.c",
            "similarity index 90%",
            "copy from a.c",
            "copy to z.c",
            body=plain("a.c", "two", "2", names=("a/a.c", "b/z.c")),
        )
    ),
    "-R of a rename": State(
        "p.patch -R\n",
        {
            "p.patch": git_diff(
                "a/z.c", "b/a.c", "similarity index 100%", "rename from z.c", "rename to a.c"
            )
        },
    ),
    # What neither takes.
    "a patch that does not apply": one(TWO.replace(" three", " 3"), NEITHER, says="does not apply"),
    "the second patch does not apply": State(
        "1.patch\n2.patch\n", {"1.patch": TWO, "2.patch": TWO}, NEITHER, says="2.patch"
    ),
    "fuzz would be needed": one(
        B20.replace(" line 17\n", " line seventeen\n"), NEITHER, says="does not apply"
    ),
    "a newline that is not there": one(
        plain("tail", "x", "X").replace(NO_NEWLINE, ""), NEITHER, says="does not apply"
    ),
    "a new file that is there": one(created("a.c", "x\n"), NEITHER, says="there already"),
    "a removed file that has more": one(
        removed("a.c", "a/a.c", "/dev/null").replace("-1,5", "-1,4").replace("-five\n", ""),
        NEITHER,
        says="does not apply",
    ),
    "an end that is none": one(
        plain("b.c", "line 39\n", "LINE 39\n")
        .replace("-36,5 +36,5", "-36,4 +36,4")
        .replace(" line 40\n", ""),
        NEITHER,
        says="does not apply",
    ),
    "a wrong number of lines": one(
        TWO.replace("-1,5 +1,5", "-1,5 +1,6"), NEITHER, says="not a patch"
    ),
    "hunks in the wrong order": one(
        B20 + plain("b.c", "line 3\n", "LINE 3\n").split("\n", 2)[2],
        NEITHER,
        says="does not apply",
    ),
    "no patch at all": one("just words\n", NEITHER, says="changes nothing"),
    "an absolute path": State(
        "p.patch -p0\n",
        {"p.patch": plain("a.c", "two", "TWO", names=("/a.c", "/a.c"))},
        NEITHER,
        says="outside",
    ),
    "a path above the tree": one(
        plain("a.c", "two", "TWO", names=("a/../../a.c", "b/../../a.c")), NEITHER, says="outside"
    ),
    "a binary file, not shown": one(
        git_diff("a/tail", "b/tail", body="Binary files a/tail and b/tail differ\n"),
        NEITHER,
        says="binary",
    ),
    # What porttool refuses on purpose.
    "twins, and no proof which": one(
        plain("twins.c", "{\n\tint a;", "{\n\tint b;", context=2).replace("-1,4 +1,4", "-2,4 +2,4"),
        QUILT_ALONE,
        why="the hunk fits in several places, and its line number proves nothing",
        says="fits in more than one place",
    ),
    "no context": one(
        plain("a.c", "two", "TWO", context=0), QUILT_ALONE, why=NO_PLACE, says="does not apply"
    ),
    "no context, lines added": one(
        plain("a.c", "two\n", "two\n2.5\n", context=0),
        QUILT_ALONE,
        why=NO_PLACE,
        says="does not apply",
    ),
    "a context diff": one(
        CONTEXT_DIFF, QUILT_ALONE, why="git reads no context diffs", says="context diff"
    ),
    "a context diff before others": one(
        CONTEXT_DIFF + B20, QUILT_ALONE, why="git reads no context diffs", says="context diff"
    ),
    "a context diff behind others": one(
        B20 + CONTEXT_DIFF, QUILT_ALONE, why="git reads no context diffs", says="context diff"
    ),
    "an indented diff in the message": one(
        f"Subject: x\n\nNot so:\n\n{indented(plain('extra', 'two', 'TWO'))}\n---\n{TWO}",
        QUILT_ALONE,
        why="patch applies what the message quotes, git does not",
        says="disagree",
    ),
    "an indented rename in the message": one(
        f"Subject: x\n\n{indented(git_diff('a/a.c', 'b/z.c', *RENAME))}\n---\n"
        + git_diff("a/b.c", "b/b.c", body=B20),
        QUILT_ALONE,
        why="patch applies what the message quotes, git does not",
        says="disagree",
    ),
    "an indented diff behind": one(
        f"{B20}\n{indented(TWO)}",
        QUILT_ALONE,
        why="patch applies what is indented, git does not",
        says="disagree",
    ),
    "an empty patch file": one(
        "", QUILT_ALONE, why="an empty patch cannot stay in a series", says="changes nothing"
    ),
    "a compressed patch": State(
        "p.patch.gz\n",
        {"p.patch.gz": gzip.compress(TWO.encode(), mtime=0)},
        QUILT_ALONE,
        why="a compressed patch cannot be reviewed; git am reads none",
        says="not a patch",
    ),
    "a root that -p takes away": one(
        plain("a.c", "two", "TWO", names=("/a.c", "/a.c")), QUILT_ALONE, why=UNSAFE, says="outside"
    ),
    "a way up that -p takes away": State(
        "p.patch -p2\n",
        {"p.patch": plain("a.c", "two", "TWO", names=("../old/a.c", "./new/a.c"))},
        QUILT_ALONE,
        why=UNSAFE,
        says="outside",
    ),
    "a dot within a path": one(
        plain("a.c", "two", "TWO", names=("a/./a.c", "b/./a.c")),
        QUILT_ALONE,
        why=UNSAFE,
        says="outside",
    ),
    "two slashes": one(
        plain("a.c", "two", "TWO", names=("a//a.c", "b//a.c")),
        QUILT_ALONE,
        why=UNSAFE,
        says="-p1 leaves nothing",
    ),
    # What quilt cannot do.
    "a binary file": one(BINARY, PORTTOOL_ALONE, why="patch does not know git's binary patches"),
    "a blank in a name and no tab": one(
        plain("dir/b c.txt", "y", "Y"),
        PORTTOOL_ALONE,
        why="patch takes the first word for the name; git takes the line",
    ),
}


@dataclass(frozen=True)
class Bench:
    """The tree as a commit in a store, and as a folder."""

    store: Repository
    base: str
    folder: Path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("states")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        for role in ("AUTHOR", "COMMITTER"):
            patched.setenv(f"GIT_{role}_NAME", "Ada Author")
            patched.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        upstream = Upstream.make(root / "up", TREE, "base")
    store = Repository.init_bare(root / "store.git")
    store.run("fetch", "--quiet", str(upstream.path), "refs/tags/base:refs/tags/base")
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    yield Bench(store, base, store.export(base, root / "tree"))


Listing = dict[str, tuple[str, bytes]]


def listing(root: Path) -> Listing:
    """The files below a folder: kind or executable bit, and content."""
    found: Listing = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.fsencode(path.readlink()))
        elif path.is_file() and name.split("/")[0] not in ("patches", ".pc"):
            found[name] = ("x" if path.stat().st_mode & 0o100 else "-", path.read_bytes())
    return found


def lay_out(state: State, root: Path) -> None:
    (root / "patches").mkdir()
    write_files(root / "patches", state.patches)
    if state.series is not None:
        write_files(root / "patches", {"series": state.series})


def with_porttool(bench: Bench, root: Path) -> Listing | str:
    """The tree that porttool makes of ``root/patches``, or why it refuses."""
    try:
        patches = folder.read(root / "patches").patches
        head = import_series(bench.store, bench.base, patches).head
    except PorttoolError as error:
        return f"{error.what}\n{error.why}\n{error.fix}"
    return listing(bench.store.export(head, root.parent / "ours"))


def with_quilt(root: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"],
        cwd=root,
        env=os.environ | {"QUILT_PATCHES": "patches"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", STATES)
def test_porttool_and_quilt_read_a_series_alike(bench: Bench, tmp_path: Path, name: str) -> None:
    state = STATES[name]
    before = listing(bench.folder)
    root = tmp_path / "tree"
    shutil.copytree(bench.folder, root, symlinks=True)
    lay_out(state, root)
    ours = with_porttool(bench, root)
    code, said = with_quilt(root)
    theirs = listing(root)
    if state.reading is Reading.ALIKE:
        assert code == 0, said
        assert ours == theirs
        assert ours != before
    elif state.reading is Reading.NOTHING:
        assert ours == theirs == before, said
    else:
        assert (code == 0) is (state.reading is QUILT_ALONE), said
        assert isinstance(ours, str) is (state.reading is not PORTTOOL_ALONE), ours
        assert not isinstance(ours, str) or state.says in ours
        assert state.why or state.reading is NEITHER, "say why the two differ"


def test_there_are_enough_states() -> None:
    alike = [state for state in STATES.values() if state.reading is not QUILT_ALONE]
    assert len(alike) >= 60
    assert sum(name.startswith("table: ") for name in STATES) >= 5


def test_the_command_applies_what_quilt_does(tmp_path: Path) -> None:
    """The way that users go: a quilt series taken up, and applied."""
    upstream, workspace = make_workspace(tmp_path, {**TREE, **SMALL_C})
    kinds = STATES["a patch in a folder"].patches | {
        "blank.patch": STATES["a blank in a name, quoted"].patches["p.patch"],
        "gnu.patch": STATES["a new file, by GNU diff"].patches["p.patch"],
        "latin.patch": STATES["latin-1"].patches["p.patch"],
    }
    lines = (
        "# one of each\np0-back.patch -p0 -R\n\tb.patch -p1\n\nsub/c.patch # why\n"
        "blank.patch\t-p1\ngnu.patch\nlatin.patch"
    )
    patches = {
        name: kinds[name] for line in lines.split("\n") for name in kinds if name in line.split()
    }
    root = tmp_path / "quilt"
    git(upstream.path, "worktree", "add", "--quiet", "--detach", str(root))
    for parent in (root / "patches", workspace / "patches"):
        write_files(parent, {**patches, "series": lines})
    code, said = with_quilt(root)
    assert code == 0, said
    porttool("refresh", cwd=workspace, check=4)  # the tree is no C, but that comes after the series
    porttool("apply", cwd=workspace)
    ours = listing(workspace / ".porttool" / "tree")
    theirs = listing(root)
    for tree in (ours, theirs):
        del tree[".git"]
    assert ours == theirs
    # What was written is bare names and git's format; quilt makes the same of that, too.
    shutil.rmtree(root / "patches")
    shutil.rmtree(root / ".pc")
    git(root, "reset", "--quiet", "--hard")
    git(root, "clean", "--quiet", "-dfx")
    shutil.copytree(workspace / "patches", root / "patches")
    code, said = with_quilt(root)
    assert code == 0, said
    assert listing(root) == {**theirs, ".git": listing(root)[".git"]}
