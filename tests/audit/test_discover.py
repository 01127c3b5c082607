from pathlib import Path

from porttool.audit import discover
from tests.audit.trees import build_tree


def test_sources_includes_and_what_is_left_out(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "src/a.c": '#include "near.h"\n#include "net/deep.h"\n#include <far.h>\n',
            "src/near.h": "",
            "lib/include/net/deep.h": "",
            "api/far.h": "",
            "b.c": "",
            "notes.txt": "",
            ".git/c.c": "",
        },
    )
    (tmp_path / "loop").symlink_to(tmp_path)
    found = discover(tmp_path)
    assert found.sources == (tmp_path / "b.c", tmp_path / "src/a.c")
    assert found.includes == (tmp_path / "api", tmp_path / "lib/include")
    assert found.skipped == (tmp_path / ".git", tmp_path / "loop")


def test_feature_macros_are_read_from_build_files(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "Makefile": "CFLAGS += -D_GNU_SOURCE -DVERSION=1 $(shell touch ran)\n",
            "sub/CMakeLists.txt": "add_definitions(-D_XOPEN_SOURCE=700 -D_GNU_SOURCES)\n",
        },
    )
    assert discover(tmp_path).defines == ("_GNU_SOURCE", "_XOPEN_SOURCE=700")
    assert not (tmp_path / "ran").exists()
