"""A real Prometheus that scrapes one target every second."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.served import environment, free_port


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus, and when it was seen to scrape."""

    url: str
    began: float

    def query(self, expression: str) -> list[Any]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as response:
            answer = json.load(response)
        assert answer["status"] == "success"
        return list(answer["data"]["result"])

    def value(self, expression: str) -> float:
        (result,) = self.query(expression)
        return float(result["value"][1])


@contextmanager
def scraping(target: int, home: Path) -> Iterator[Prometheus]:
    """Scrape 127.0.0.1:``target`` until the block ends; its files are kept below ``home``."""
    port = free_port()
    (home / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: twin, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n"
    )
    with (home / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={home}/prometheus.yml",
             f"--storage.tsdb.path={home}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log, env=environment(home),
        )  # fmt: skip
        try:
            running = Prometheus(f"http://127.0.0.1:{port}", time.monotonic())
            deadline = running.began + 20
            while True:
                assert process.poll() is None, (home / "prometheus.log").read_text()
                try:
                    if running.query("up"):
                        break
                except OSError:
                    pass
                assert time.monotonic() < deadline, (home / "prometheus.log").read_text()
                time.sleep(0.1)
            yield Prometheus(running.url, time.monotonic())
        finally:
            process.terminate()
            process.wait(timeout=20)
