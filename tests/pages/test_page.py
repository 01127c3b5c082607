import os
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.pages import page


def test_a_page_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    page.write(path, b"old")

    def refuse(_: int) -> None:
        assert path.read_bytes() == b"old"
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            page.write(path, b"new")
    assert path.read_bytes() == b"old"
    with path.open("rb") as reader:
        page.write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_where_a_page_cannot_be(tmp_path: Path) -> None:
    page.require_place(tmp_path / "page.html")
    with pytest.raises(UserError, match="take the place"):
        page.require_place(tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        page.require_place(tmp_path / "missing" / "page.html")


def test_every_template_is_in_the_package() -> None:
    assert {
        "base.html.j2",
        "refresh.html.j2",
        "forecast.html.j2",
        "audit.html.j2",
        "releases.html.j2",
    } <= set(page._environment().list_templates())
