from pathlib import Path

import pytest

from porttool.upstream.address import Address, absolute, is_url, split


@pytest.mark.parametrize(
    ("text", "url", "ref"),
    [
        ("https://example.org/x", "https://example.org/x", None),
        ("https://example.org/x.git@v1.0", "https://example.org/x.git", "v1.0"),
        ("https://example.org/x@feature/y", "https://example.org/x", "feature/y"),
        ("https://me@example.org/x", "https://me@example.org/x", None),
        ("https://me@example.org/x@v1", "https://me@example.org/x", "v1"),
        ("git@example.org:x/y", "git@example.org:x/y", None),
        ("git@example.org:x/y@v1", "git@example.org:x/y", "v1"),
        ("bundled:slim-exporter@v1.0.0", "bundled:slim-exporter", "v1.0.0"),
        ("folder@v1", "folder", "v1"),
        ("@v1", "@v1", None),
        ("folder@", "folder@", None),
        ("", "", None),
    ],
)
def test_split(text: str, url: str, ref: str | None) -> None:
    assert split(text) == Address(url, ref)


def test_a_folder_that_is_there_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x@v1", "host:x"):
        (tmp_path / name).mkdir()
        assert split(name) == Address(name, None)
        assert not is_url(name)
        assert absolute(name) == str(tmp_path / name)
    assert absolute("gone") == "gone"
    assert absolute("https://example.org/x") == "https://example.org/x"
