"""The main job's end in real trees: it builds, boots, and a real Prometheus scrapes it."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.prometheus import scraping
from tests.e2e.served import free_port, promtool
from tests.unikraft.required import EXPORTER, REQUIRED
from tests.unikraft_real.conftest import LIBRARIES, Booted, Unikernel

pytestmark = pytest.mark.unikraft

SCRAPED_FOR = 8


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        return str(response.read(), "utf-8")


def test_our_libraries_compile_without_a_warning(unikernel: Unikernel) -> None:
    assert unikernel.report["warnings"] == []
    assert unikernel.report["steps"] > 1000


def test_trees_and_libraries_are_only_read(unikernel: Unikernel) -> None:
    for name in LIBRARIES:
        tree = unikernel.trees / name
        newer = [
            path
            for path in tree.rglob("*")
            if ".git" not in path.parts
            and path.lstat().st_ctime > (unikernel.port / "porttool.toml").stat().st_mtime
        ]
        assert newer == []


def test_symbols_stay_local_but_for_the_api(unikernel: Unikernel) -> None:
    for folder in ("lib-ukmetrics", "lib-slim-exporter"):
        exported = unikernel.port / "build" / folder / "exportsyms.uk"
        library = folder.replace("lib-", "lib").replace("-", "_")
        said = subprocess.run(
            ["nm", "--extern-only", "--defined-only", unikernel.folder / f"{library}.o"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        symbols = {line.split()[2] for line in said.splitlines()}
        assert symbols <= set(exported.read_text().split())
        assert symbols


def test_a_second_build_compiles_nothing(unikernel: Unikernel) -> None:
    if unikernel.release == "0.13.1":
        pytest.skip("its Makefile takes every configuration for a new one")
    done = unikernel.porttool("build", "--unikraft", str(unikernel.trees / "unikraft"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == unikernel.report["image"] + "\n"
    log = (unikernel.folder / "porttool.log").read_text()
    assert "  CC " not in log, log


def test_the_first_scrape_comes_soon(booted: Booted) -> None:
    assert booted.report["first_scrape_seconds"] < 30
    assert booted.report["samples"] > 10


def test_every_family_that_is_required_is_there(unikernel: Unikernel, booted: Booted) -> None:
    lines = get(booted.url).splitlines()
    there = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert there >= REQUIRED[unikernel.release] | EXPORTER


def test_promtool_complains_of_nothing_but_upper_case_letters(booted: Booted) -> None:
    for line in promtool("check", "metrics", text=get(booted.url)):
        assert line.startswith("node_"), line
        assert line.endswith("metric names should be written in 'snake_case' not 'camelCase'")


def test_real_prometheus_scrapes_it(unikernel: Unikernel, booted: Booted, tmp_path: Path) -> None:
    with scraping(booted.port, tmp_path) as prometheus:
        time.sleep(SCRAPED_FOR + 1)
        window = f"[{SCRAPED_FOR}s]"
        assert prometheus.value(f"min_over_time(up{window})") == 1
        assert prometheus.value(f"count_over_time(up{window})") >= SCRAPED_FOR - 2
        assert prometheus.value(f"max_over_time(scrape_duration_seconds{window})") < 1
        assert prometheus.value("scrape_samples_scraped") == booted.report["samples"]


def test_labels_come_from_the_command_line(unikernel: Unikernel) -> None:
    done = unikernel.porttool(
        "boot", "--once", "--port", str(free_port()), "--param", "ukmetrics.labels=site=lab"
    )
    assert done.returncode == 0, done.stderr
    assert 'site="lab"' in done.stdout


def test_too_little_memory_is_shown_as_a_crash_or_a_halt(unikernel: Unikernel) -> None:
    done = unikernel.porttool("boot", "--once", "--port", str(free_port()), "--memory", "2M")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: the unikernel" in done.stderr or "error: QEMU ended" in done.stderr


def test_the_other_source_mode(unikernel: Unikernel) -> None:
    """The build unpacks and patches the upstream itself; the vendored sources come back after."""
    settings = unikernel.port / "porttool.toml"
    vendored = settings.read_text()
    settings.write_text(vendored + '\n[emit]\nmode = "fetch"\n')
    tree = str(unikernel.trees / "unikraft")
    try:
        built = unikernel.porttool("build", "--unikraft", tree, "--json")
        assert built.returncode == 0, built.stderr
        assert json.loads(built.stdout)["warnings"] == []
        assert (unikernel.folder / "libslim_exporter" / "origin").is_dir()
        done = unikernel.porttool("boot", "--once", "--port", str(free_port()))
        assert done.returncode == 0, done.stderr
        assert "node_memory_MemFree_bytes " in done.stdout
    finally:
        settings.write_text(vendored)
        unikernel.porttool("build", "--unikraft", tree)
