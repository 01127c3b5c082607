import json
from pathlib import Path

import pytest

from porttool.commands.subjects import Target
from porttool.errors import CheckFailed, ExitCode, UserError
from tests.audit.catalogues import write_catalogue
from tests.audit.trees import build_tree
from tests.commands.asking import audit_deps
from tests.support import add_patches, make_workspace, porttool

GOOD = "#include <unistd.h>\nint f(void) { return getpid(); }\n"


def test_json_on_stdout_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path, {"a.c": GOOD})
    audit_deps([tmp_path], as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == [{"path": "a.c", "parsed": True, "error": None}]
    assert [need["name"] for need in document["needs"]] == ["getpid", "unistd.h"]


def test_file_that_does_not_parse_fails_after_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path, {"a.c": GOOD, "bad.c": '#include "gone.h"\n'})
    with pytest.raises(CheckFailed) as caught:
        audit_deps([tmp_path])
    assert caught.value.exit_code == ExitCode.CHECK_FAILED
    assert "bad.c:1: header 'gone.h' not found" in (caught.value.why or "")
    assert "--include" in (caught.value.fix or "")
    out = capsys.readouterr().out
    assert "getpid" in out
    assert "bad.c" in out


def test_include_and_define_reach_the_preprocessor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(
        tmp_path,
        {
            "p/a.c": '#include "api.h"\nint f(void) { return api(N); }\n',
            "x/api.h": "int api(int);\n",
        },
    )
    audit_deps([tmp_path / "p"], as_json=True, includes=[tmp_path / "x"], defines=["N=2"])
    need = json.loads(capsys.readouterr().out)["needs"][0]
    assert (need["name"], need["group"], need["header"]) == ("api", "library", "api.h")


def test_single_files_and_their_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_tree(tmp_path, {"one/a.c": GOOD, "two/b.c": GOOD, "two/c.c": "int c;\n"})
    audit_deps([tmp_path / "one", tmp_path / "two" / "b.c"], as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in document["files"]] == ["one/a.c", "two/b.c"]


def test_folder_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_tree(tmp_path, {"a.c": GOOD, ".hidden/b.c": GOOD})
    audit_deps([tmp_path], as_json=True)
    assert "left out: .hidden" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [({}, "nowhere", "no such file"), ({"d/x.txt": ""}, "d", "no C sources")],
)
def test_nothing_to_audit(tmp_path: Path, files: dict[str, str], path: str, message: str) -> None:
    build_tree(tmp_path, files)
    with pytest.raises(UserError, match=message):
        audit_deps([tmp_path / path])


def test_port_is_audited_without_a_path(tmp_path: Path) -> None:
    upstream, port = make_workspace(
        tmp_path,
        {
            "src/a.c": '#include <unistd.h>\n#include "t.h"\nint f(void) { return dup(T); }\n',
            "include/t.h": "#define T LEVEL\n",
            "other/unused.c": "#error not built\n",
        },
    )
    config = (port / "porttool.toml").read_text()
    config = config.replace('"other/unused.c", ', "").replace(
        "defines = []", 'defines = ["LEVEL=2"]'
    )
    (port / "porttool.toml").write_text(config)
    text = (upstream.path / "src/a.c").read_text()
    upstream.commit("No dup", {"src/a.c": text.replace("dup(T)", "getpid()")})
    add_patches(upstream, port)
    porttool("refresh", cwd=port)
    patched = json.loads(porttool("audit-deps", "--json", cwd=port).stdout)
    assert [file["path"] for file in patched["files"]] == ["src/a.c"]
    assert patched["needs"][0]["name"] == "getpid"
    result = porttool(
        "audit-deps", "--json", "--unpatched", "--define", "LEVEL=2", cwd=port, check=4
    )
    unpatched = json.loads(result.stdout)
    assert [file["path"] for file in unpatched["files"]] == ["other/unused.c", "src/a.c"]
    assert unpatched["needs"][0]["name"] == "dup"


NEEDS = """\
#include <stdio.h>
#include <unistd.h>
#include <sys/inotify.h>
int f(void)
{
	printf("x\\n");
	fork();
	return inotify_init();
}
"""


def test_status_of_each_need_of_a_scanned_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path / "p", {"a.c": NEEDS})
    target = Target(catalogue=write_catalogue(tmp_path / "c.json"))
    audit_deps([tmp_path / "p"], as_json=True, target=target)
    document = json.loads(capsys.readouterr().out)
    assert document["release"] == "0.16.3"
    assert {each["name"]: each["status"] for each in document["needs"]} == {
        "fork": "stubbed",
        "inotify_init": "runtime",
        "printf": "provided",
        "stdio.h": "provided",
        "sys/inotify.h": "absent",
        "unistd.h": "provided",
    }
    audit_deps([tmp_path / "p"], target=target)
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines() if "a.c:" in line] == [
        *("absent", "runtime", "stubbed", "provided", "provided", "provided")
    ]
    audit_deps([tmp_path / "p"], as_markdown=True, target=target)
    assert "| header | `sys/inotify.h` | no library has this header |" in capsys.readouterr().out


def test_fail_on_names_the_needs_and_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_tree(tmp_path / "p", {"a.c": NEEDS})
    scanned = write_catalogue(tmp_path / "c.json")
    with pytest.raises(CheckFailed) as caught:
        audit_deps(
            [tmp_path / "p"], target=Target(catalogue=scanned, fail_on="runtime, declared-only")
        )
    assert caught.value.exit_code == ExitCode.CHECK_FAILED
    assert "1 need of status runtime, declared-only in Unikraft 0.16.3" in caught.value.what
    assert (caught.value.why or "").startswith("a.c:8: inotify_init is runtime: links, but nothing")
    assert "inotify_init" in capsys.readouterr().out
    assert (
        audit_deps([tmp_path / "p"], target=Target(catalogue=scanned, fail_on="declared-only"))
        == ExitCode.OK
    )
    with pytest.raises(UserError, match="--fail-on") as misspelt:
        audit_deps([tmp_path / "p"], target=Target(catalogue=scanned, fail_on="missing"))
    assert "declared-only" in (misspelt.value.fix or "")


def test_release_that_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_tree(tmp_path, {"a.c": GOOD})
    with pytest.raises(UserError, match=r"0\.0\.1"):
        audit_deps([tmp_path], target=Target(release="0.0.1"))
    with pytest.raises(UserError, match="exclude each other"):
        audit_deps([tmp_path], target=Target(release="0.16.3", catalogue=tmp_path))
    port = tmp_path / "port"
    _, port = make_workspace(port, {"a.c": GOOD})
    config = port / "porttool.toml"
    config.write_text(config.read_text().replace("0.16.3", "0.0.1"))
    capsys.readouterr()
    audit_deps([tmp_path / "a.c"], workspace=port)
    said = capsys.readouterr()
    assert "what Unikraft 0.0.1 provides is not known" in said.err
    assert said.out.startswith("Functions (1)\nGroup ")
    with pytest.raises(UserError, match=r"0\.0\.1"):
        audit_deps([tmp_path / "a.c"], workspace=port, target=Target(fail_on="absent"))


def test_unpatched_says_which_patch_removes_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream, port = make_workspace(
        tmp_path,
        {
            "a.c": NEEDS.replace("\tfork();\n", "\tfork();\n\tsetsid();\n")
            + "int stay(void) { return setsid(); }\n",
            "b.c": '#include <unistd.h>\n#include "b.h"\nint g(void) { getuid(); return who(); }\n',
            "b.h": "static inline int who(void) { return getuid(); }\n",
        },
    )
    text = (upstream.path / "a.c").read_text()
    upstream.commit("Stay in front", {"a.c": text.replace("\tfork();\n\tsetsid();\n", "")})
    upstream.commit("Do not watch", {"a.c": NEEDS.replace("\tfork();\n", "")})
    add_patches(upstream, port)
    config = port / "porttool.toml"
    config.write_text(config.read_text().replace('"a.c", "b.c"', '"a.c"'))
    porttool("refresh", cwd=port)
    target = Target(catalogue=write_catalogue(tmp_path / "c.json"))
    audit_deps(workspace=port, unpatched=True, as_json=True, target=target)
    found = {
        each["name"]: (each["status"], each["patch"], each["reason"])
        for each in json.loads(capsys.readouterr().out)["needs"]
    }
    assert found["fork"] == ("patched", "0001-Stay-in-front.patch", None)
    assert found["setsid"] == ("patched", "0002-Do-not-watch.patch", None)
    assert found["getuid"] == ("patched", None, "not built: b.c")
    assert found["inotify_init"][0] == "runtime"
    assert found["unistd.h"][0] == "provided"
    # While the series is another one than the lock's, nothing is known to be gone.
    (port / "patches" / "series").write_text("0001-Stay-in-front.patch\n")
    audit_deps(workspace=port, unpatched=True, as_json=True, target=target)
    said = capsys.readouterr()
    assert "what the series removes is not marked" in said.err
    assert not [e for e in json.loads(said.out)["needs"] if e["status"] == "patched"]
