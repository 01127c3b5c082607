import json
from pathlib import Path

import pytest

from porttool.commands.audit_deps import audit_deps
from porttool.errors import CheckFailed, ExitCode, UserError
from tests.audit.trees import build_tree
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
    audit_deps([tmp_path / "p"], as_markdown=True, includes=[tmp_path / "x"], defines=["N=2"])
    assert "| library | `api` | `api.h` | a.c:2 |" in capsys.readouterr().out


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
