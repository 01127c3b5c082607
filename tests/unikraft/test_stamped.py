from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft import stamped

INSTEAD = "change something else"


def files(**content: str) -> dict[str, bytes]:
    plain = {name.replace("__", "/"): text.encode() for name, text in content.items()}
    return {**plain, stamped.STAMP: stamped.stamp({"pin": "1"}, plain)}


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_writes_and_then_leaves_alone(tmp_path: Path) -> None:
    folder = tmp_path / "lib-x"
    assert stamped.write(folder, files(a="1", d__b="2"), INSTEAD) == (stamped.STAMP, "a", "d/b")
    before = snapshot(tmp_path)
    assert stamped.write(folder, files(a="1", d__b="2"), INSTEAD) == ()
    assert snapshot(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["lib-x"]


def test_rewrites_only_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "lib-x"
    stamped.write(folder, files(same="1", changed="1", gone="1"), INSTEAD)
    before = snapshot(folder)
    changed = stamped.write(folder, files(same="1", changed="2", new="1"), INSTEAD)
    assert changed == (stamped.STAMP, "changed", "gone", "new")
    after = snapshot(folder)
    assert after["same"] == before["same"]
    assert sorted(after) == sorted([stamped.STAMP, "changed", "new", "same"])
    assert [path.name for path in tmp_path.iterdir()] == ["lib-x"]


@pytest.mark.parametrize("name", ["notes.txt", "d/notes.txt"])
def test_names_a_file_that_is_not_porttools(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "lib-x"
    stamped.write(folder, files(a="1", d__b="1"), INSTEAD)
    (folder / name).write_text("mine")
    before = snapshot(folder)
    with pytest.raises(UserError, match=rf"^{name} is not porttool's"):
        stamped.write(folder, files(a="2"), INSTEAD)
    assert snapshot(folder) == before


def test_does_not_throw_an_edit_away(tmp_path: Path) -> None:
    folder = tmp_path / "lib-x"
    stamped.write(folder, files(a="1"), INSTEAD)
    (folder / "a").write_text("edited")
    with pytest.raises(UserError, match=r"^a was edited") as refused:
        stamped.write(folder, files(a="1"), INSTEAD)
    assert refused.value.fix == "change something else, or delete the file"
    (folder / "a").unlink()
    assert stamped.write(folder, files(a="1"), INSTEAD) == ("a",)


@pytest.mark.parametrize("stamp", [None, b"", b"[]", b'{"schema": 99, "files": {}}'])
def test_does_not_touch_a_folder_of_somebody_else(tmp_path: Path, stamp: bytes | None) -> None:
    folder = tmp_path / "lib-x"
    folder.mkdir()
    (folder / "Makefile.uk").write_text("mine")
    if stamp is not None:
        (folder / stamped.STAMP).write_bytes(stamp)
    with pytest.raises(UserError, match="porttool did not write it"):
        stamped.write(folder, files(a="1"), INSTEAD)


def test_does_not_write_through_links(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "lib-x").symlink_to(elsewhere)
    with pytest.raises(UserError, match="in the way"):
        stamped.write(tmp_path / "lib-x", files(a="1"), INSTEAD)
    stamped.write(tmp_path / "lib-y", files(a="1"), INSTEAD)
    (tmp_path / "lib-y" / "a").unlink()
    (tmp_path / "lib-y" / "a").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="edited"):
        stamped.write(tmp_path / "lib-y", files(a="1"), INSTEAD)


@pytest.mark.parametrize("killed_after", ["building", "moving away"])
def test_recovers_from_a_run_that_was_killed(tmp_path: Path, killed_after: str) -> None:
    folder = tmp_path / "lib-x"
    stamped.write(folder, files(a="1"), INSTEAD)
    (tmp_path / ".lib-x.new").mkdir()
    (tmp_path / ".lib-x.new" / "half").write_text("")
    if killed_after == "moving away":
        folder.rename(tmp_path / ".lib-x.old")
    stamped.write(folder, files(a="2"), INSTEAD)
    assert stamped.compare(folder, files(a="2")) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["lib-x"]


def test_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written") as caught:
        stamped.write(tmp_path / "file" / "lib-x", files(a="1"), INSTEAD)
    assert caught.value.why == "Not a directory"


def test_a_full_disk_leaves_the_old_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lib-x"
    stamped.write(folder, files(a="1"), INSTEAD)
    before = snapshot(tmp_path)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="cannot be written"):
        stamped.write(folder, files(a="2"), INSTEAD)
    assert snapshot(tmp_path) == before
