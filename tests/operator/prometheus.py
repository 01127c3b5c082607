"""Real Prometheus servers with the emitted configurations, made quick for tests."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.served import environment, free_port

#: What the emitted files say -> what makes a test take seconds.
_QUICK = {
    "scrape_interval: 15s": "scrape_interval: 1s",
    "scrape_timeout: 10s": "scrape_timeout: 1s",
    "evaluation_interval: 15s": "evaluation_interval: 1s",
    "refresh_interval: 1m": "refresh_interval: 1s",
}

_T = TypeVar("_T")


def eventually(look: Callable[[], _T], within: float = 20.0) -> _T:
    """The first answer of ``look`` that is true."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Server:
    """A running Prometheus."""

    port: int

    def get(self, path: str, **parameters: str | float) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[Any]:
        return list(self.get("query", query=expression)["result"])

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def running(
    configuration: Path, changes: Mapping[str, str], *options: str, port: int | None = None
) -> Iterator[Server]:
    """Run Prometheus with an emitted configuration, in which ``changes`` are made.

    Whatever is to be changed has to be there.
    """
    text = configuration.read_text("utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    for old, new in _QUICK.items():
        text = text.replace(old, new)
    quick = configuration.with_name(f"quick-{configuration.name}")
    quick.write_text(text, "utf-8")
    port = port or free_port()
    agent = "--enable-feature=agent" in options
    data = configuration.with_name(f"data-{configuration.stem}")
    storage = f"--storage.{'agent' if agent else 'tsdb'}.path={data}"
    log = configuration.with_suffix(".log")
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["prometheus", f"--config.file={quick}", storage,
             f"--web.listen-address=127.0.0.1:{port}", *options],
            stdout=output, stderr=output, env=environment(configuration.parent),
        ) as process,
    ):  # fmt: skip
        try:
            server = Server(port)
            eventually(lambda: process.poll() is not None or server.ready())
            assert process.poll() is None, log.read_text()
            yield server
        finally:
            process.terminate()
