"""The repository's own port, served on this machine by ``porttool run``, as a user would."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV") if name in os.environ}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of /metrics: family name -> help, and sample -> value."""

    text: str
    families: frozenset[str]
    samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels, at least one."""
        found = [
            value
            for (sample, has), value in self.samples.items()
            if sample == name and labels.items() <= has
        ]
        assert found, f"no {name} {labels}"
        return sum(found)


def scrape(url: str) -> Page:
    """The page that an exporter gives now."""
    with urllib.request.urlopen(url, timeout=5) as response:
        text = str(response.read(), "utf-8")
    families = list(text_string_to_metric_families(text))
    return Page(
        text,
        frozenset(family.name for family in families),
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        },
    )


@dataclass(slots=True)
class Served:
    """A running ``porttool run``."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    def page(self) -> Page:
        return scrape(self.url)

    def device(self, interface: str) -> str:
        """The name under which the twin shows a network interface of the host."""
        found = [m for line in self.lines if (m := re.search(r"(netdev\d+) is (\S+) of", line))]
        return next(match[1] for match in found if match[2] == interface)


def copy_port(target: Path) -> Path:
    target.mkdir(parents=True)
    for name in ("porttool.toml", "upstream.lock"):
        shutil.copy2(ROOT / name, target / name)
    shutil.copytree(ROOT / "patches", target / "patches")
    return target


@contextmanager
def serve(workspace: Path, home: Path, *options: str) -> Iterator[Served]:
    """Run ``porttool run`` in ``workspace`` until the block ends, and hold it to a clean end."""
    command = [sys.executable, "-m", "porttool", "-C", str(workspace), "run"]
    with subprocess.Popen(
        [*command, "--port", str(free_port()), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(home),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lines.extend, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            url = process.stdout.readline().strip()
            if not url:
                process.wait()
                reader.join()
                raise AssertionError("".join(lines))
            yield Served(process, url, lines)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0, "".join(lines)
        finally:
            process.kill()
    reader.join()
    complaints = [line for line in lines if "ERROR" in line or "runtime error" in line]
    assert complaints == []


def promtool(*arguments: str, text: str) -> Sequence[str]:
    """What promtool says, line by line."""
    done = subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).splitlines()
