"""A library of a user's own in a real tree: its entry and its object get onto the page."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.served import free_port
from tests.ukmetrics.test_own_metrics import TOY
from tests.unikraft_real.conftest import Unikernel

pytestmark = pytest.mark.unikraft


def page(unikernel: Unikernel, *libraries: Path) -> list[str]:
    """What the first scrape gives with these libraries beside the usual ones."""
    names = [unikernel.trees / "lib-musl", unikernel.trees / "lib-lwip", *libraries]
    built = unikernel.porttool(
        "build", "--unikraft", str(unikernel.trees / "unikraft"),
        "--libs", ":".join(map(str, names)),
        "--archives", str(unikernel.trees.parent / "archives"),
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    done = unikernel.porttool("boot", "--once", "--port", str(free_port()))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_its_entry_and_its_object_are_on_the_page(unikernel: Unikernel, tmp_path: Path) -> None:
    if unikernel.release == "0.13.1":
        pytest.skip("ukstore has no objects there")
    toy = shutil.copytree(TOY, tmp_path / "lib-toy")
    metrics = unikernel.port / "metrics.toml"
    try:
        assert "ukmetrics_unknown_objects 1" in page(unikernel, toy)
        scanned = unikernel.porttool("metrics", "scan", str(toy))
        assert scanned.returncode == 0, scanned.stderr
        lines = page(unikernel, toy)
        assert "ukmetrics_unknown_objects 0" in lines
        assert "unikraft_toy_requests_total 41" in lines
        assert 'unikraft_toy_used_bytes{pool="pool0"} 4096' in lines
        assert 'unikraft_toy_flavour_info{flavour="sweet"} 1' in lines
    finally:
        metrics.unlink(missing_ok=True)
        page(unikernel)
