import subprocess
from pathlib import Path

import pytest

from porttool.series.patch import PatchError, parse, split_header
from tests.support import Upstream, git

GIT_PATCH = b"""From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?J=C3=B6rg=20M=C3=BCller?= <joerg@example.org>
Date: Tue, 14 Nov 2023 23:14:20 +0100
Subject: [net] A subject that is
 folded

Why it is done.

Signed-off-by: X <x@example.org>
---
 a.c | 2 +-

diff --git a/a.c b/a.c
index 1234567..89abcde 100644
--- a/a.c
+++ b/a.c
@@ -1,3 +1,3 @@ int main(void)
 one
-two
+TWO
 three
"""


def test_header_says_author_date_and_message() -> None:
    message = parse("p", GIT_PATCH).message
    assert message.name == "Jörg Müller".encode()
    assert message.email == b"joerg@example.org"
    assert message.date == b"1700000060 +0100"
    assert message.subject == b"[net] A subject that is folded"
    assert message.text.endswith(b"done.\n\nSigned-off-by: X <x@example.org>\n")
    assert b"a.c |" not in message.text


def test_hunks_and_ids() -> None:
    (file,) = parse("p", GIT_PATCH).files
    assert (file.old, file.new, file.old_oid, file.new_mode) == (
        b"a.c",
        b"a.c",
        "1234567",
        b"100644",
    )
    (hunk,) = file.hunks
    assert hunk.old == [b"one\n", b"two\n", b"three\n"]
    assert hunk.new == [b"one\n", b"TWO\n", b"three\n"]
    assert hunk.section == b"int main(void)"
    assert hunk.trailing_context == 1


def test_reversed_hunk_is_written_as_git_writes_it() -> None:
    patch = parse("p", GIT_PATCH).reversed()
    assert patch.files[0].hunks[0].lines == (b" one\n", b"-TWO\n", b"+two\n", b" three\n")


def test_message_may_show_a_diff_line() -> None:
    header, diff = split_header(b"Subject: x\n\n--- not a file\nbut prose\n--- a/f\n+++ b/f\n@@")
    assert header.endswith(b"but prose\n")
    assert diff.startswith(b"--- a/f")


@pytest.mark.parametrize(
    "header",
    [
        b"Subject: [PATCH 3/7] Do it\nFrom: A B <a@b.c>\n\nBody\n",
        b"From: A B <a@b.c>\nSubject: Do it\n\nBody\n",
        b"Description: Do it\nAuthor: A B <a@b.c>\n",
    ],
)
def test_foreign_headers_are_understood(header: bytes) -> None:
    diff = GIT_PATCH[GIT_PATCH.index(b"diff --git") :]
    message = parse("0001-x.patch", header + b"---\n" + diff).message
    assert message.subject == b"Do it"
    assert (message.name, message.email) == (b"A B", b"a@b.c")


def test_without_a_header_the_name_is_the_subject() -> None:
    diff = GIT_PATCH[GIT_PATCH.index(b"diff --git") :]
    message = parse("0007-fix-the-pipe.patch", diff).message
    assert message.subject == b"fix the pipe"
    assert message.name is None


def test_the_message_is_what_git_am_makes_of_it(tmp_path: Path) -> None:
    upstream = Upstream.make(tmp_path / "up", {"a.c": "one\ntwo\nthree\n"}, "base")
    body = (
        "[lib/x] Ünïcode, folded by its length because it is long enough to be\n\n  indented\n\nEnd"
    )
    upstream.commit(body, {"a.c": "one\nTWO\nthree\n"}, author="Jörg M. <j@example.org>")
    (path,) = upstream.format_patches(tmp_path / "out", "base")
    message = parse(path.name, path.read_bytes()).message
    git(upstream.path, "checkout", "--quiet", "base")
    git(upstream.path, "am", "--quiet", "--keep-non-patch", str(path))
    wanted = git(upstream.path, "log", "-1", "--format=%an%n%ae%n%ad%n%B", "--date=raw")
    name, email, date, text = wanted.encode("utf-8", "surrogateescape").split(b"\n", 3)
    assert (message.name, message.email, message.date) == (name, email, date)
    assert message.text.strip() == text.strip()


@pytest.mark.parametrize(
    "path", [b"../x", b"/etc/passwd", b"b/../../x", b"b/.git/config", b"b/.GIT/x", b"b/./x"]
)
def test_a_path_outside_the_tree_is_refused(path: bytes) -> None:
    content = b"--- a/x\n+++ " + path + b"\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(PatchError, match="outside the tree"):
        parse("p", content)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (GIT_PATCH[:-8], "ends before"),
        (GIT_PATCH.replace(b"-1,3 +1,3", b"-1,2 +1,3"), "ends before|another number"),
        (b"diff --cc a\nindex 1,2..3\n", "merge"),
        (b"diff --git a/s b/s\nindex 1111111..2222222 160000\n", "submodule"),
        (
            b"diff --git a/b b/b\nindex 1111111..2222222\nBinary files a/b and b/b differ\n",
            "binary",
        ),
    ],
)
def test_what_cannot_be_applied_is_said_with_its_line(broken: bytes, why: str) -> None:
    with pytest.raises(PatchError) as caught:
        parse("p.patch", broken)
    text = f"{caught.value.what} {caught.value.why}"
    assert any(word in text for word in why.split("|")), text
    assert caught.value.where is not None
    assert caught.value.where.startswith("p.patch:")


def test_quoted_names_and_no_newline(tmp_path: Path) -> None:
    odd = 'sp ace "q" ü.txt'
    upstream = Upstream.make(tmp_path / "up", {odd: "a\nb"}, "base")
    upstream.commit("Odd", {odd: "a\nc"})
    (path,) = upstream.format_patches(tmp_path / "out", "base")
    (file,) = parse(path.name, path.read_bytes()).files
    assert file.path == odd.encode()
    assert file.hunks[0].old == [b"a\n", b"b"]
    assert subprocess.run(["git", "apply", "--numstat", str(path)], check=True).returncode == 0
