"""The questions of audit-deps, asked as a user does."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.catalogues import write_catalogue
from tests.audit.trees import build_tree
from tests.commands.ports import Outcome, invoke
from tests.support import Upstream, git, make_workspace

PLAIN = '#include <stdio.h>\nint main(void) { puts("x"); return 0; }\n'
WATCH = (
    "#include <stdio.h>\n#include <unistd.h>\n#include <sys/inotify.h>\n"
    'int main(void) { puts("x"); fork(); return inotify_init(); }\n'
)


@pytest.fixture(name="scanned")
def scanned_fixture(tmp_path: Path) -> Path:
    return write_catalogue(tmp_path / "c.json")


def parsed(outcome: Outcome, code: int = 0) -> Any:
    assert outcome.code == code, outcome
    return json.loads(outcome.out)


def test_compare_ranks_folders_refs_and_the_bundled_upstream(tmp_path: Path, scanned: Path) -> None:
    watching = Upstream.make(tmp_path / "watching", {"main.c": WATCH})
    watching.commit("Stop watching", {"main.c": PLAIN}, "v2.0")
    names: list[str | Path] = [
        build_tree(tmp_path / "small", {"a.c": PLAIN}),
        f"{watching.path}@v1.0",
    ]
    outcome = invoke("audit-deps", "--compare", *names, "--catalogue", scanned, "--json")
    (first, second) = parsed(outcome)["candidates"]
    assert (first["name"], first["ref"], first["rank"]) == (str(names[0]), None, 1)
    assert (second["name"], second["ref"], second["rank"]) == (names[1], "v1.0", 2)
    assert second["because"] == "missing: 2 against 0"
    assert second["figures"]["uses"] == ["processes"]
    assert git(watching.path, "rev-parse", "v1.0") == second["commit"]
    text = invoke("audit-deps", "--compare", *names, "--catalogue", scanned)
    assert text.code == 0
    assert f"1 {names[0]} needs least" in text.out


def test_compare_takes_the_newest_release_and_a_folder_as_it_is(
    tmp_path: Path, scanned: Path
) -> None:
    upstream = Upstream.make(tmp_path / "u", {"main.c": WATCH})
    upstream.commit("Stop watching", {"main.c": PLAIN}, "v2.0")
    (upstream.path / "main.c").write_text(WATCH)
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "--quiet", "--bare", str(upstream.path), str(bare))
    names: tuple[str | Path, ...] = (f"file://{upstream.path}", upstream.path, bare)
    outcome = invoke("audit-deps", "--compare", *names, "--catalogue", scanned, "--json")
    found = {
        each["name"]: (each["ref"], each["figures"]["missing"])
        for each in parsed(outcome)["candidates"]
    }
    assert [found[str(name)] for name in names] == [("v2.0", 0), (None, 2), ("v2.0", 0)]


def test_compare_says_who_could_not_be_looked_at_and_fails(tmp_path: Path, scanned: Path) -> None:
    names: list[str | Path] = [
        build_tree(tmp_path / "good", {"a.c": PLAIN}),
        build_tree(tmp_path / "torn", {"a.c": PLAIN, "b.c": "int f(\n"}),
        build_tree(tmp_path / "empty", {"README": ""}),
        "ext::sh -c true",
        tmp_path / "gone",
        f"file://{tmp_path}/gone.git",
    ]
    outcome = invoke("audit-deps", "--compare", *names, "--catalogue", scanned, "--json")
    candidates = parsed(outcome, 4)["candidates"]
    found = {each["name"]: each for each in candidates}
    assert [found[str(name)]["rank"] for name in names] == [1, 2, None, None, None, None]
    assert found[str(names[1])]["figures"]["unparsed"] == 1
    assert "no C sources" in found[str(names[2])]["error"]
    assert "refused" in found[str(names[3])]["error"]
    assert found[str(names[4])]["error"] == "no such folder"
    assert "cannot fetch" in found[str(names[5])]["error"]
    outcome.says("not all is known of every candidate", "b.c:", "refused")


def test_compare_fails_on_a_status(tmp_path: Path, scanned: Path) -> None:
    names: list[str | Path] = [
        build_tree(tmp_path / "small", {"a.c": PLAIN}),
        build_tree(tmp_path / "big", {"a.c": WATCH}),
    ]
    common = ("audit-deps", "--compare", *names, "--catalogue", scanned)
    assert invoke(*common, "--fail-on", "declared-only").code == 0
    outcome = invoke(*common, "--fail-on", "runtime,absent", "--config", "plain=")
    assert outcome.code == 4
    outcome.says(f"{names[1]}: 1 runtime, 1 absent")
    assert f"{names[0]}:" not in outcome.err


def two_releases(tmp_path: Path) -> tuple[Upstream, Path]:
    upstream, port = make_workspace(tmp_path, {"main.c": PLAIN, "LICENSE": "x\n"})
    upstream.commit("Watch", {"main.c": WATCH}, "v2.0")
    return upstream, port


def changed(outcome: Outcome, code: int = 0) -> dict[str, str]:
    changes = parsed(outcome, code)["changes"]
    return {each["need"]["name"]: each["change"] for each in changes}


ADDED = dict.fromkeys(("fork", "inotify_init", "sys/inotify.h", "unistd.h"), "added")


def test_since_in_a_workspace(tmp_path: Path, scanned: Path) -> None:
    _, port = two_releases(tmp_path)
    common = ("-C", port, "audit-deps", "--catalogue", scanned, "--json")
    assert changed(invoke(*common, "--since", "v1.0")) == ADDED
    assert changed(invoke(*common, "--until", "v2.0")) == ADDED
    back = changed(invoke(*common, "--since", "v2.0", "--until", "v1.0"))
    assert back == dict.fromkeys(ADDED, "removed")
    document = parsed(invoke(*common, "--since", "v1.0"))
    assert document["from"]["ref"] == "v1.0"
    assert document["to"]["ref"] == "v2.0"


def test_since_fails_on_what_was_added_alone(tmp_path: Path, scanned: Path) -> None:
    upstream, port = two_releases(tmp_path)
    upstream.commit("Print more", {"more.c": PLAIN.replace("main", "more")}, "v2.1")
    common = ("-C", port, "audit-deps", "--catalogue", scanned, "--fail-on", "absent,runtime")
    outcome = invoke(*common, "--since", "v1.0")
    assert outcome.code == 4
    outcome.says("2 needs of status absent, runtime", "main.c:4: inotify_init is runtime")
    assert invoke(*common, "--since", "v2.0").code == 0
    assert invoke(*common, "--since", "v2.0", "--until", "v1.0").code == 0


def test_since_of_a_folder_and_of_a_url(tmp_path: Path, scanned: Path) -> None:
    upstream = Upstream.make(tmp_path / "u", {"main.c": PLAIN})
    upstream.commit("Watch", {"main.c": WATCH}, "v2.0")
    common = ("audit-deps", "--catalogue", scanned, "--json", "--since", "v1.0")
    assert changed(invoke(*common, f"file://{upstream.path}")) == ADDED
    assert changed(invoke(*common, upstream.path, "--until", "v2.0")) == ADDED
    (upstream.path / "main.c").write_text(PLAIN)
    assert changed(invoke(*common, upstream.path)) == {}


def test_sarif_of_an_audit_of_two_versions_and_of_all_releases(
    tmp_path: Path, scanned: Path
) -> None:
    upstream = Upstream.make(tmp_path / "u", {"main.c": WATCH})
    upstream.commit("Wait", {"main.c": WATCH.replace("fork()", "setsid()")}, "v2.0")
    common = ("audit-deps", upstream.path, "--sarif")

    def results(*args: str | Path) -> dict[str, tuple[str, str | None]]:
        run = parsed(invoke(*common, *args))["runs"][-1]
        return {
            each["properties"]["name"]: (each["ruleId"], each.get("baselineState"))
            for each in run["results"]
        }

    assert results("--catalogue", scanned) == {
        "inotify_init": ("runtime", None),
        "setsid": ("declared-only", None),
        "sys/inotify.h": ("absent", None),
    }
    assert results("--catalogue", scanned, "--since", "v1.0") == {
        "fork": ("stubbed", "absent"),
        "setsid": ("declared-only", "new"),
    }
    runs = parsed(invoke(*common, "--releases"))["runs"]
    assert [run["automationDetails"]["id"].split("/")[2] for run in runs][::12] == [
        *("unikraft-0.9.0", "unikraft-0.17.0")
    ]


def test_since_with_nothing_to_compare(tmp_path: Path, scanned: Path) -> None:
    upstream, port = two_releases(tmp_path)
    common = ("-C", port, "audit-deps", "--catalogue", scanned)
    invoke(*common, "--since", "v2.0").says("nothing newer than v2.0")
    invoke(*common, "--since", "v9").says("no tag, branch or commit v9")
    invoke(*common, "--until", "v2.0", upstream.path).says("--until without --since")
    invoke(*common, "--since", "v1.0", tmp_path / "gone").says("cannot fetch")


def test_since_says_which_version_does_not_parse(tmp_path: Path, scanned: Path) -> None:
    upstream, port = two_releases(tmp_path)
    upstream.commit("Break", {"torn.c": "int f(\n"}, "v3.0")
    outcome = invoke("-C", port, "audit-deps", "--catalogue", scanned, "--since", "v1.0")
    assert outcome.code == 4
    assert "v3.0:\nNot parsed (1)" in outcome.out
    outcome.says("torn.c")


def test_releases_of_a_folder(tmp_path: Path) -> None:
    source = build_tree(
        tmp_path / "p",
        {"a.c": "#include <sys/socket.h>\nint f(int s) { return accept4(s, 0, 0, 0); }\n"},
    )
    document = parsed(invoke("audit-deps", "--releases", source, "--json"))
    needs = document["needs"]
    (accept4,) = (each for each in needs if each["name"] == "accept4")
    assert accept4["changes"] == [
        {"release": "0.10.0", "before": "runtime", "after": "provided"},
    ]
    assert invoke("audit-deps", "--releases", source).code == 0
    outcome = invoke("audit-deps", "--releases", source, "--fail-on", "runtime")
    assert outcome.code == 4
    outcome.says("1 need of status runtime in Unikraft 0.9.0", "accept4")


def test_why_of_a_folder(tmp_path: Path, scanned: Path) -> None:
    source = build_tree(tmp_path / "p", {"a.c": WATCH})
    common = ("audit-deps", source, "--catalogue", scanned, "--why")
    (need,) = parsed(invoke(*common, "inotify_init", "--json"))["needs"]
    assert (need["status"], need["paths"][0]["entry"]) == ("runtime", "main")
    assert "main   1        main a.c:4" in invoke(*common, "fork").out
    assert invoke(*common, "p*", "--fail-on", "runtime,stubbed").code == 0
    assert invoke(*common, "fork", "--fail-on", "runtime,stubbed").code == 4
    outcome = invoke(*common, "putz")
    assert outcome.code == 1
    outcome.says("nothing needs putz", "did you mean puts?")


def test_why_of_a_port_begins_where_the_series_does(tmp_path: Path, scanned: Path) -> None:
    serve = WATCH.replace("int main(void)", "int small_serve(void)")
    _, port = make_workspace(tmp_path, {"main.c": serve})
    outcome = invoke("-C", port, "audit-deps", "--catalogue", scanned, "--why", "fork", "--json")
    (path,) = parsed(outcome)["needs"][0]["paths"]
    assert path["entry"] == "main"
    assert path["steps"][0]["function"] == "small_serve"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--compare", "--releases", "x"), "--compare and --releases exclude each other"),
        (("--json", "--sarif"), "--json and --sarif exclude each other"),
        (("--unpatched", "--since", "v1"), "--unpatched does not go with --since"),
        (("--since", "v1", "a", "b"), "--since takes one repository"),
    ],
)
def test_options_that_do_not_go_together(args: tuple[str, ...], message: str) -> None:
    outcome = invoke("audit-deps", *args)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.replace("│", "").split())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--compare", "x", "--sarif"), "--sarif does not go with --compare"),
        (("--compare", "x", "--html", "y"), "--html does not go with --compare"),
        (("--compare", "x", "--trust-make"), "--trust-make do not go with --compare"),
        (("--since", "v1", "x", "--compile-commands", "y"), "do not go with --since"),
        (("--compare",), "--compare takes git URLs or folders"),
        (("--releases", "--release", "0.16.3", "x"), "--releases goes with neither"),
        (("--compare", "x", "--fail-on", "missing"), "--fail-on names no status"),
    ],
)
def test_questions_that_make_no_sense(args: tuple[str, ...], message: str) -> None:
    outcome = invoke("audit-deps", *args)
    assert outcome.code == 1
    outcome.says(message)
