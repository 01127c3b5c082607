"""``check --upstream``, as a nightly job sees it."""

import json
from typing import Any

from tests.commands.ports import MAIN_C, Port, port_fixture  # noqa: F401 - a fixture
from tests.support import git


def nightly(port: Port, code: int) -> dict[str, Any]:
    """What the job gets; nothing may have changed."""
    before = port.kept()
    told = port.run("check", "--upstream", "--json")
    assert told.code == code, told
    assert port.kept() == before
    document: dict[str, Any] = json.loads(told.out)
    assert document["ok"] is (code == 0)
    return document


def test_a_release_that_moves_by_itself(port: Port) -> None:
    upstream = nightly(port, 4)["upstream"]
    assert (upstream["pin"], upstream["releases"]) == ("v1.0", ["v1.1"])
    assert upstream["forecast"]["way"] == "moves by itself"
    assert upstream["forecast"]["worst"] == "clean"
    assert (upstream["decisions"], upstream["absorbed"]) == ([], [])
    lines = port.run("check", "--upstream").out.splitlines()
    assert lines[1:] == [
        "upstream v1.1 is newer than v1.0: moves by itself (worst: clean)",
        "         porttool refresh --onto v1.1",
    ]
    port.run("refresh", "--onto", "v1.1")
    said = nightly(port, 0)
    assert (said["upstream"]["newer"], said["upstream"]["forecast"]) == (False, None)
    assert "no release newer than v1.1" in port.run("check", "--upstream").out


def test_a_release_that_needs_a_decision(port: Port) -> None:
    """Also one that does not stand on the pin."""
    git(port.upstream.path, "checkout", "--quiet", "--orphan", "next")
    changed = MAIN_C.replace("int main(void)", "int main(int argc, char **argv)")
    port.upstream.commit("Another line", {"main.c": changed, "src/extra.c": "int extra;\n"}, "v2.0")
    upstream = nightly(port, 4)["upstream"]
    assert upstream["releases"] == ["v1.1", "v2.0"]
    assert upstream["forecast"]["ref"] == "v2.0"
    assert upstream["forecast"]["way"] == "needs a decision"
    assert upstream["decisions"] == ["0001-Serve.patch"]
    assert upstream["absorbed"] == ["0002-Add-a-file.patch"]
    text = port.run("check", "--upstream").out
    assert "v2.0 is newer than v1.0, 2 releases on: needs a decision (worst: conflict)" in text
    assert "conflict  0001-Serve.patch" in text
    assert "porttool refresh --onto v2.0 --drop-absorbed; porttool forecast shows" in text


def test_an_upstream_that_does_not_answer_is_no_good_news(port: Port) -> None:
    port.run("check")  # the cache has the pin now
    port.upstream.path.rename(port.upstream.path.with_name("gone"))
    assert port.run("check").code == 0
    port.refuses("check", "--upstream").says("cannot fetch the upstream")


def test_a_pre_release_and_a_commit_are_no_release(port: Port) -> None:
    port.run("refresh", "--onto", "v1.1")
    port.upstream.commit("Soon", {"notes.txt": "soon\n"}, "v2.0-rc1")
    port.upstream.commit("Later", {"notes.txt": "later\n"})
    assert nightly(port, 0)["upstream"]["releases"] == []


def test_a_port_that_drifted_hears_of_the_release_all_the_same(port: Port) -> None:
    port.series.write_text("0002-Add-a-file.patch\n")
    said = nightly(port, 4)
    assert [each["what"] for each in said["drift"]] == ["series", "series"]
    assert said["upstream"]["releases"] == ["v1.1"]
    assert said["upstream"]["forecast"] is None
    assert "the series was edited" in said["upstream"]["why"]
    assert "it cannot be tried: upstream.lock" in port.run("check", "--upstream").out


def test_a_tag_that_moved_is_drift(port: Port) -> None:
    assert port.run("check").code == 0
    git(port.upstream.path, "tag", "--force", "v1.0", "v1.1")
    assert port.run("check").code == 0
    said = nightly(port, 4)
    assert "the tag v1.0 moved" in said["drift"][0]["detail"]
    assert said["upstream"] is None
