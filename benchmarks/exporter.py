"""slim-exporter on Linux beside other exporters, with the same collectors switched on.

    python benchmarks/exporter.py [--other DIR] [--rounds N] [--seconds S] [--write]

The pinned release of the bundled upstream is built from its own tree with its own collectors, and
scraped by wrk in turn with Debian's prometheus-node-exporter and, with ``--other``, a checkout of
nano-exporter, which is built in a copy. Each round measures every contender once; medians are
reported. What a scrape costs is taken from the CPU time of the process, which does not depend on
what else the machine does; instructions are counted by callgrind, those of the kernel are not in
them. Needs gcc, make, musl-tools, wrk, valgrind and prometheus-node-exporter.
"""

import argparse
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from results import Report, write

from porttool.git import Repository
from porttool.upstream.reference import replay

ROOT = Path(__file__).parents[1]

#: Arguments of make. The first is what is compared: node_exporter is a static program too.
WAYS = {
    "slim-exporter": ("LDFLAGS=-static",),
    "slim-exporter, dynamic": (),
    "slim-exporter, musl": ("CC=musl-gcc", "LDFLAGS=-static"),
}

#: What slim-exporter has and node_exporter too; the figures of the process itself are off in both.
OF_NODE = ("cpu", "filefd", "filesystem", "loadavg", "meminfo", "netclass", "netdev", "time",
           "uname")  # fmt: skip

#: What nano-exporter has of these.
OF_NANO = ("cpu", "filesystem", "meminfo", "netdev", "uname")

#: Scrapes under callgrind: so many cost what the longer run has more than the shorter one.
FEW, MANY = 20, 120

#: Scrapes one by one, whose CPU time is taken.
SCRAPES = 3000
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contender:
    """An exporter: its command with ``{port}``, without a port of its own."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk got: scrapes a second, CPU seconds of the exporter a scrape, resident bytes."""

    rate: float
    cpu: float
    resident: int


def slim(folder: Path) -> dict[str, Path]:
    """Build the release that the port is pinned to, in several ways; gives the programs."""
    pin = tomllib.loads((ROOT / "upstream.lock").read_text("utf-8"))["upstream"]
    repository = Repository.init_bare(folder / "slim.git")
    replay("slim-exporter", repository)
    git = ["git", f"--git-dir={repository.git_dir}"]
    tree = folder / "slim"
    tree.mkdir()
    packed = subprocess.run([*git, "archive", pin["commit"]], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", tree], input=packed.stdout, check=True)
    for number, how in enumerate(WAYS.values()):
        subprocess.run(["make", "-s", "-C", tree, f"B=build/{number}", *how], check=True)
    return {
        name: tree / "build" / str(number) / "slim-exporter" for number, name in enumerate(WAYS)
    }


def nano(source: Path, folder: Path) -> Path:
    """Build a copy of nano-exporter as its Makefile does; gives the program."""
    built = shutil.ignore_patterns(".git", ".d", "*.o", "nano-exporter")
    shutil.copytree(source, folder / "nano", ignore=built)
    subprocess.run(["make", "-s", "-C", folder / "nano"], check=True)
    return folder / "nano" / "nano-exporter"


def slim_with(name: str, program: Path, collectors: Sequence[str]) -> Contender:
    only = ("-x", "all", "-e", ",".join(collectors))
    return Contender(name, (str(program), "-q", "-a", "127.0.0.1", "-p{port}", *only))


def node_with(collectors: Sequence[str]) -> Contender:
    return Contender(
        "node_exporter",
        (
            "prometheus-node-exporter",
            "--web.listen-address=127.0.0.1:{port}",
            "--web.disable-exporter-metrics",
            "--collector.disable-defaults",
            "--log.level=error",
            *(f"--collector.{name}" for name in collectors),
        ),
    )


def nano_with(program: Path, collectors: Sequence[str]) -> Contender:
    only = (f"--{name}-on" for name in collectors)
    return Contender("nano-exporter", (str(program), "--foreground", "--port={port}", *only))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read(), "utf-8")


def samples(page: str) -> int:
    return sum(1 for line in page.splitlines() if line and not line.startswith("#"))


@contextmanager
def running(command: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Run an exporter; gives its process id and address when it answers."""
    port = free_port()
    words = [word.format(port=port) for word in command]
    url = f"http://127.0.0.1:{port}/metrics"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            for _ in range(600):
                try:
                    scrape(url)
                except OSError:
                    if process.poll() is not None:
                        assert process.stderr is not None
                        raise SystemExit(process.stderr.read().decode()) from None
                    time.sleep(0.05)
                else:
                    break
            yield process.pid, url
        finally:
            process.send_signal(signal.SIGTERM)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its threads too: proc(5), stat, fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> int:
    """Bytes of memory: proc(5), status, VmRSS."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def load(contender: Contender, connections: int, seconds: int) -> Load:
    """Scrape as fast as it goes over so many connections, by wrk."""
    wrk = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s")
    with running(contender.command) as (pid, url):
        subprocess.run([*wrk[:3], "-d1s", url], check=True, capture_output=True)
        before = cpu_seconds(pid)
        said = subprocess.run([*wrk, url], check=True, capture_output=True, text=True).stdout
        cpu = cpu_seconds(pid) - before
        found = re.search(r"(\d+) requests in", said)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        assert found and rate and "Non-2xx" not in said, said
        return Load(float(rate[1]), cpu / int(found[1]), resident(pid))


def one_by_one(contender: Contender, scrapes: int) -> Load:
    """Scrape over a connection of its own each time: nano-exporter closes it behind its answer.

    wrk is no client for that: where it stops it resets connections, and SIGPIPE ends the exporter.
    """
    with running(contender.command) as (pid, url):
        before, began = cpu_seconds(pid), time.monotonic()
        for _ in range(scrapes):
            scrape(url)
        took = time.monotonic() - began
        return Load(scrapes / took, (cpu_seconds(pid) - before) / scrapes, resident(pid))


def median(loads: Sequence[Load]) -> Load:
    return Load(
        statistics.median(each.rate for each in loads),
        statistics.median(each.cpu for each in loads),
        int(statistics.median(each.resident for each in loads)),
    )


def in_turn(
    contenders: Sequence[Contender], rounds: int, what: str, measure: Callable[[Contender], Load]
) -> dict[str, Load]:
    found: dict[str, list[Load]] = {each.name: [] for each in contenders}
    for number in range(rounds):
        for each in contenders:
            found[each.name].append(measure(each))
        print(f"{what}, round {number + 1} of {rounds}", file=sys.stderr)
    return {name: median(loads) for name, loads in found.items()}


def counted(contender: Contender, scrapes: int, folder: Path) -> int:
    """Instructions from start to end with so many scrapes, by callgrind."""
    out = folder / "callgrind.out"
    valgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
    with running((*valgrind, *contender.command)) as (_, url):
        for _ in range(scrapes):
            scrape(url)
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def instructions(contender: Contender, folder: Path) -> float:
    """Instructions of one scrape in user space."""
    more = counted(contender, MANY, folder) - counted(contender, FEW, folder)
    return more / (MANY - FEW)


def count_samples(contender: Contender) -> int:
    with running(contender.command) as (_, url):
        return samples(scrape(url))


def beside_node(
    report: Report, programs: Mapping[str, Path], rounds: int, seconds: int, folder: Path
) -> None:
    theirs = node_with(OF_NODE)
    all_ours = [slim_with(name, program, OF_NODE) for name, program in programs.items()]
    ours = all_ours[0]
    contenders = (*all_ours, theirs)
    sizes = {each.name: count_samples(each) for each in contenders}
    rows = []
    for connections in (1, 2):
        what = f"{connections} connection{'s'[: connections - 1]}"
        measure = partial(load, connections=connections, seconds=seconds)
        loads = in_turn(contenders, rounds, what, measure)
        us, them = loads[ours.name], loads[theirs.name]
        report.at_least(f"scrapes a second, {what}: of node_exporter's", us.rate / them.rate, 10)
        report.at_least(f"node_exporter's memory, {what}: of ours", them.resident / us.resident, 15)
        rows += [
            [
                name,
                str(connections),
                str(sizes[name]),
                f"{each.rate:.0f}",
                f"{1e6 * each.cpu:.0f}",
                f"{each.resident / 2**20:.1f} MB",
            ]
            for name, each in loads.items()
        ]
    head = (", ".join(OF_NODE), "connections", "samples", "scrapes/s", "µs of CPU", "resident")
    report.table(head, rows)
    report.lines += ["", f"slim-exporter: {instructions(ours, folder) / sizes[ours.name]:.0f} "
                     "instructions a sample."]  # fmt: skip


def beside_nano(
    report: Report, programs: Mapping[str, Path], other: Path, rounds: int, folder: Path
) -> None:
    program = programs["slim-exporter, dynamic"]
    contenders = (
        slim_with("slim-exporter", program, OF_NANO),
        nano_with(nano(other, folder), OF_NANO),
    )
    sizes = {each.name: count_samples(each) for each in contenders}
    loads = in_turn(contenders, rounds, "nano-exporter", partial(one_by_one, scrapes=SCRAPES))
    per_core = {name: sizes[name] / each.cpu for name, each in loads.items()}
    ours, theirs = (each.name for each in contenders)
    report.at_least(
        "samples a second and core: of nano-exporter's", per_core[ours] / per_core[theirs], 1.5
    )
    rows = [
        [
            each.name,
            str(sizes[each.name]),
            f"{per_core[each.name]:.0f}",
            f"{1e6 * loads[each.name].cpu:.0f}",
            f"{instructions(each, folder) / sizes[each.name]:.0f}",
            f"{loads[each.name].resident / 2**20:.1f} MB",
        ]
        for each in contenders
    ]
    head = (", ".join(OF_NANO), "samples", "samples/s of a core", "µs of CPU a scrape",
            "instructions a sample", "resident")  # fmt: skip
    report.table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--other", type=Path, help="a checkout of nano-exporter")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="porttool-bench-") as scratch:
        folder = Path(scratch)
        programs = slim(folder)
        beside_node(report, programs, options.rounds, options.seconds, folder)
        if options.other:
            given = (options.other, options.rounds, folder)
            beside_nano(report, programs, *given)
    text = f"{platform.machine()}; medians of {options.rounds} rounds in turn.\n\n{report}"
    print(text)
    if options.write:
        write("Exporter", "exporter.py", text)


if __name__ == "__main__":
    main()
