"""Patches as mails for upstream: what git makes of them, and what the series says afterwards."""

import json
from pathlib import Path

import pytest

from tests.commands.ports import Outcome, invoke
from tests.support import SMALL_C, add_patches, git, make_workspace, snapshot

MAIN = SMALL_C["main.c"]
OURS = "0001-Only-ours.patch"
ONE, NEAR = "0002-Say-1.patch", "0003-Say-I.patch"


class Sending:
    """A port with a patch of its own, one for upstream, and one that builds on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upstream, self.root = make_workspace(folder, SMALL_C | {"notes.txt": "a\nb\n"})

        def commit(subject: str, status: str, files: dict[str, str]) -> None:
            trailers = f"Upstream-Status: {status}\nSigned-off-by: Ada Author <ada@example.org>"
            self.upstream.commit(f"{subject}\n\nA reason.\n\n{trailers}", files)

        commit("Only ours", "Inappropriate [port]", {"port.h": "#define PORT\n"})
        one = MAIN.replace("one", "1")
        commit("Say 1", "Pending", {"main.c": one})
        commit("Say I", "Pending", {"main.c": one.replace('"1', '"I')})
        add_patches(self.upstream, self.root)
        self.upstream.commit("Later", {"notes.txt": "a\nb\nc\n"}, "v1.1")
        assert self.run("refresh").code == 0

    def run(self, *args: str | Path) -> Outcome:
        return invoke("-C", self.root, *args)

    def patch(self, name: str) -> str:
        return (self.root / "patches" / name).read_text()


@pytest.fixture
def port(tmp_path: Path) -> Sending:
    return Sending(tmp_path)


def test_upstream_can_apply_the_mail_and_the_patch_says_so(port: Sending) -> None:
    mail = port.folder / "out.mbox"
    before = snapshot(port.root)
    done = port.run("send", "0002", "-o", mail, "--url", "https://example.org/pull/7")
    assert done.code == 0, done
    text = mail.read_text()
    assert "Subject: [PATCH] Say 1\n" in text
    assert "Upstream-Status" not in text
    assert "Signed-off-by: Ada Author" in text
    tip = git(port.upstream.path, "rev-parse", "main")
    assert f"\nbase-commit: {tip}\n" in text
    git(port.upstream.path, "am", "--quiet", str(mail))
    assert git(port.upstream.path, "log", "-1", "--format=%s%n%n%b").split("\n")[:3] == [
        "Say 1",
        "",
        "A reason.",
    ]
    assert "1" in (port.upstream.path / "main.c").read_text()
    assert not (port.upstream.path / "port.h").exists()
    old = before[f"patches/{ONE}"].decode()
    status = "Upstream-Status: Submitted [https://example.org/pull/7]"
    assert port.patch(ONE) == old.replace("Upstream-Status: Pending", status)
    assert snapshot(port.root)[f"patches/{NEAR}"] == before[f"patches/{NEAR}"]
    assert port.run("check").code == 0
    port.run("send", "0002").says("not marked as Pending", "Submitted")


def test_a_mail_needs_a_folder_and_a_record_one_line(port: Sending) -> None:
    before = snapshot(port.root)
    port.run("send", ONE, "-o", port.folder / "none/x").says("there is no such folder", "none")
    port.run("send", ONE, "-o", port.folder / "x", "--url", "a\n\nb").says("is no place to send")
    assert not (port.folder / "x").exists()
    assert snapshot(port.root) == before


def test_without_a_record_nothing_changes(port: Sending) -> None:
    before = snapshot(port.root)
    done = port.run("send", ONE, "--no-record", "--onto", "v1.0", "-o", port.folder / "x", "--json")
    assert done.code == 0
    commit = git(port.upstream.path, "rev-parse", "v1.0^{commit}")
    mail = {"file": str(port.folder / "x"), "ref": "v1.0", "commit": commit}
    assert json.loads(done.out)["mail"] == mail
    assert snapshot(port.root) == before


def test_what_builds_on_another_goes_with_it(port: Sending) -> None:
    alone = port.run("send", NEAR, "-o", port.folder / "x")
    assert alone.code == 3
    assert f"the series changes the same files before it: {ONE}" in alone.err
    assert not (port.folder / "x").exists()
    mail = port.folder / "both.mbox"
    assert port.run("send", NEAR, ONE, "-o", mail).code == 0
    assert "Subject: [PATCH 1/2] Say 1\n" in mail.read_text()
    git(port.upstream.path, "am", "--quiet", str(mail))
    assert '"I' in (port.upstream.path / "main.c").read_text()
    for name in (ONE, NEAR):
        assert "Upstream-Status: Submitted [2" in port.patch(name)


def test_what_is_not_for_upstream_or_there_already(port: Sending) -> None:
    port.run("send", OURS).says("not marked as Pending", "Inappropriate [port]")
    port.upstream.commit("Thanks", {"main.c": MAIN.replace("one", "1")})
    port.run("send", ONE).says(f"upstream has {ONE} already", "--drop-absorbed")
