import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from porttool.unikraft.archive import write_archive
from porttool.unikraft.tree import read_tree
from porttool.upstream.download import keep, obtain
from porttool.upstream.store import UnreachableError
from tests.support import SMALL_C, make_workspace, porttool, write_files

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def served(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback that gives ``content`` for every path ending in .gz."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if not self.path.endswith(".gz"):
                self.send_error(404, "Not here")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_file_is_downloaded_once() -> None:
    seen: list[tuple[float, float | None]] = []
    with served(CONTENT) as (url, asked):
        first = obtain(f"{url}/x.gz", SHA256, lambda _, done, whole: seen.append((done, whole)))
        assert first.read_bytes() == CONTENT
        assert seen[-1] == (256000.0, 256000.0)
        assert obtain(f"{url}/x.gz", SHA256) == first
        assert asked == ["/x.gz"]
        first.write_bytes(b"damaged")
        assert obtain(f"{url}/x.gz", SHA256).read_bytes() == CONTENT


def test_what_cannot_be_had_is_said() -> None:
    with served(CONTENT) as (url, _):
        with pytest.raises(UnreachableError, match="cannot fetch") as caught:
            obtain(f"{url}/x", SHA256)
        assert "Not here" in str(caught.value.why)
    with pytest.raises(UnreachableError):
        obtain(f"{url}/x.gz", SHA256)


def test_a_file_that_the_user_named_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    keep(tmp_path / "a")
    assert obtain("http://127.0.0.1:1/x.gz", SHA256).read_bytes() == CONTENT


def test_a_port_in_fetch_mode(tmp_path: Path) -> None:
    """Every command finds the archive, and it must hold the pinned tree."""
    _, workspace = make_workspace(tmp_path)
    write_files(tmp_path / "tree", SMALL_C)
    archive = write_archive(read_tree(tmp_path / "tree"), "small-1.0", 0)
    config = (workspace / "porttool.toml").read_text()
    with served(archive) as (url, asked):
        fetch = f'\n[emit]\nmode = "fetch"\narchive_url = "{url}/small-1.0.tar.gz"\n'
        (workspace / "porttool.toml").write_text(config + fetch)
        result = porttool("emit", cwd=workspace, check=1)
        sha256 = hashlib.sha256(archive).hexdigest()
        assert f'archive_sha256 = "{sha256}"' in result.stderr
        fetch += f'archive_sha256 = "{sha256}"\n'
        (workspace / "porttool.toml").write_text(config + fetch)
        porttool("refresh", cwd=workspace)
        assert len(asked) == 1
    porttool("check", cwd=workspace)
    porttool("refresh", cwd=workspace)
    makefile = (workspace / "build" / "lib-small" / "Makefile.uk").read_text()
    assert sha256 in makefile
