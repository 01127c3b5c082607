"""What the emitted libraries cost a unikernel, against the same configuration without them.

    python benchmarks/unikernel.py --unikraft DIR --libs DIR:DIR --archives DIR [--scratch DIR]
                                   [--seconds N] [--plain] [--write]

The repository's port is emitted and an application of its own built with it, with the same
``.config`` but for the libraries and, with ``--plain``, as the application asks for it. QEMU boots
the images without KVM, under a plugin that counts the guest's instructions, so that no figure
depends on what else the machine does. ``--scratch`` keeps the builds for the next run. Needs gcc,
make, qemu-system-x86 and what Unikraft's build needs.
"""

import argparse
import http.client
import mmap
import platform
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from results import Report, write

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent / "unikernel"
OURS = ("lib-ukmetrics", "lib-slim-exporter")

#: What goes when the libraries are off: their symbols, and the image's name, which is the folder's.
OFF = re.compile(r"CONFIG_(LIBUKMETRICS|LIBSLIM_EXPORTER|UK_NAME)(_|\b)")
EXPORTER, SERVER = 9100, 8080
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: unikernel\r\n\r\n"
ANSWER = 16 * 1024
KIB = 1024

#: Without event indices: with them the driver of Unikraft 0.16.3 at times hears no more of the
#: device, for good, when the host is busy.
DEVICE = "virtio-net-pci,netdev=n0,event_idx=off"

#: Before the memory is looked at.
SCRAPES = 20


@dataclass(frozen=True, slots=True)
class Source:
    """Where Unikraft, its libraries and the archives that these fetch are."""

    unikraft: Path
    libraries: tuple[Path, ...]
    archives: Path


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: what QEMU boots, its bytes in memory by section, addresses by symbol."""

    path: Path
    sections: Mapping[str, int]
    symbols: Mapping[str, tuple[int, int]]

    @property
    def loaded(self) -> int:
        return sum(self.sections.values())


def said(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def emitted(folder: Path) -> tuple[Path, ...]:
    """The repository's port, emitted below ``folder``."""
    for name in ("porttool.toml", "upstream.lock"):
        shutil.copy2(ROOT / name, folder / name)
    shutil.rmtree(folder / "patches", ignore_errors=True)
    shutil.copytree(ROOT / "patches", folder / "patches")
    said(sys.executable, "-m", "porttool", "-C", folder, "emit")
    return tuple(folder / "build" / name for name in OURS)


def build(
    source: Source, libraries: tuple[Path, ...], folder: Path, name: str, config: str
) -> Image:
    """Build the application with a configuration; what ``folder`` has of it is built upon."""
    application, out = folder / name, folder / f"{name}.out"
    application.mkdir(exist_ok=True)
    for file in (HERE / "app").iterdir():
        if (
            not (application / file.name).exists()
            or file.read_bytes() != (application / file.name).read_bytes()
        ):
            shutil.copy2(file, application)
    for archive in source.archives.iterdir():
        for library in source.libraries:
            kept = out / library.name.replace("lib-", "lib") / archive.name
            if archive.suffix in {".gz", ".zip"} and not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(archive, kept)
    wanted = folder / f"{name}.defconfig"
    wanted.write_text(config)
    external = ":".join(map(str, (*source.libraries, *libraries)))
    make = ("make", "-C", source.unikraft, f"A={application}", f"L={external}", f"O={out}")
    said(*make, f"UK_DEFCONFIG={wanted}", "defconfig")
    said(*make, "prepare")
    said(*make, "-j2")
    return image(out / f"{name}_qemu-x86_64")


def image(path: Path) -> Image:
    sections = {}
    for line in said("size", "-A", path).splitlines():
        found = re.fullmatch(r"(\.\S+)\s+(\d+)\s+(\d+)", line)
        # What has no address is not in memory.
        if found and int(found[3]):
            sections[found[1]] = int(found[2])
    symbols = {}
    for line in said("nm", "-S", path.with_name(f"{path.name}.dbg")).splitlines():
        found = re.fullmatch(r"(\w+) (\w+) [tT] (main|work)", line)
        if found:
            symbols[found[3]] = (int(found[1], 16), int(found[2], 16))
    return Image(path, sections, symbols)


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@dataclass(frozen=True, slots=True)
class Machine:
    """A running unikernel whose instructions are counted."""

    process: subprocess.Popen[bytes]
    counters: mmap.mmap
    console: Path
    exporter: int
    server: int

    def counted(self) -> tuple[int, int, int]:
        """All instructions, those of the application's work, all up to main()."""
        everything, inside, at_main = struct.unpack("3Q", self.counters[:24])
        return int(everything), int(inside), int(at_main)

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the exporter that stays as long as it is not closed."""
        return http.client.HTTPConnection("127.0.0.1", self.exporter, timeout=10)

    def scrape(self) -> bytes:
        """A page over a connection of its own, which the exporter is asked to close."""
        url = f"http://127.0.0.1:{self.exporter}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())

    def free(self) -> int:
        """What the application said last of the free memory."""
        found = re.findall(rb"free (\d+)\r?\n", self.console.read_bytes())
        return int(found[-1])


@contextmanager
def running(image: Image, folder: Path, plugin: Path, what: str, *more: str) -> Iterator[Machine]:
    """Boot an image; gives it when its application runs."""
    exporter, server = free_ports(2)
    file, console = folder / "counters", folder / "console"
    file.write_bytes(bytes(mmap.PAGESIZE))
    start, size = image.symbols["work"]
    at = f"from={start:#x},to={start + size:#x},mark={image.symbols['main'][0]:#x}"
    forward = "".join(
        f",hostfwd=tcp:127.0.0.1:{ours}-:{theirs}"
        for ours, theirs in ((exporter, EXPORTER), (server, SERVER))
    )
    command = [
        *("qemu-system-x86_64", "-no-user-config", "-nodefaults", "-machine", "q35"),
        *("-accel", "tcg", "-cpu", "max", "-m", "64M", "-display", "none", "-serial", "stdio"),
        *("-netdev", f"user,id=n0{forward}", "-device", DEVICE),
        *("-plugin", f"{plugin},counters={file},{at}", *more),
        *("-kernel", str(image.path)),
        *("-append", f"netdev.ip=10.0.2.15/24:10.0.2.2 -- {what}"),
    ]
    with console.open("wb") as out, file.open("r+b") as opened:
        counters = mmap.mmap(opened.fileno(), mmap.PAGESIZE)
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        machine = Machine(process, counters, console, exporter, server)
        try:
            for _ in range(1200):
                if machine.counted()[2]:
                    break
                if process.poll() is not None:
                    raise SystemExit(console.read_text("utf-8", "replace"))
                time.sleep(0.05)
            yield machine
        finally:
            process.terminate()
            process.wait()


def answering(machine: Machine, until: float) -> socket.socket:
    """A connection to the application, which has answered once; QEMU takes any before it serves."""
    while True:
        connection = socket.create_connection(("127.0.0.1", machine.server), timeout=10)
        try:
            connection.sendall(b"x")
            if connection.recv(1, socket.MSG_PEEK):
                return connection
        except OSError:
            if time.monotonic() >= until:
                raise
        connection.close()
        time.sleep(0.1)


def answers(machine: Machine, until: float) -> int:
    """Take answers of the application one after the other until then; gives how many.

    Raises :class:`TimeoutError` when there is none for ten seconds.
    """
    connection = answering(machine, time.monotonic() + 10)
    count = 0
    with connection:
        while True:
            left = ANSWER
            while left:
                got = connection.recv(left)
                assert got
                left -= len(got)
            count += 1
            if time.monotonic() >= until:
                return count
            connection.sendall(b"x")


@dataclass(frozen=True, slots=True)
class Run:
    """Instructions, those of the application or its answers, seconds, scrapes answered."""

    everything: int
    done: int
    seconds: float
    scrapes: int


def scrape(connection: http.client.HTTPConnection) -> bool:
    """Take a page over a connection; whether there was one."""
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    return bool(answer.read()) and answer.status == 200


def scraped(machine: Machine, until: float, found: list[bool]) -> None:
    """Scrape once a second until then, over one connection as Prometheus does."""
    connection = machine.connect()
    due = time.monotonic()
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1
        try:
            found.append(scrape(connection))
        except (OSError, http.client.HTTPException):
            connection.close()
            found.append(False)
    connection.close()


def at_work(machine: Machine, what: str, seconds: int, *, scraping: bool) -> Run:
    """Let the application work, scraped once a second or not."""
    time.sleep(2)
    found: list[bool] = []
    if scraping:
        machine.scrape()
    before, inside, _ = machine.counted()
    began = time.monotonic()
    until = began + seconds
    given = (machine, until, found)
    scraper = threading.Thread(target=scraped, args=given) if scraping else None
    if scraper:
        scraper.start()
    if what == "serve":
        done = answers(machine, until)
    else:
        time.sleep(seconds)
        done = machine.counted()[1] - inside
    after = machine.counted()[0]
    took = time.monotonic() - began
    if scraper:
        scraper.join()
    return Run(after - before, done, took, sum(found))


def per_scrape(machine: Machine, scrapes: int) -> tuple[float, int, int]:
    """Instructions of one scrape beyond those of rest, samples and bytes of its page."""
    page = machine.scrape()
    time.sleep(1)
    began, first = time.monotonic(), machine.counted()[0]
    time.sleep(5)
    rest = (machine.counted()[0] - first) / (time.monotonic() - began)
    began, first = time.monotonic(), machine.counted()[0]
    connection = machine.connect()
    for _ in range(scrapes):
        scrape(connection)
    spent = machine.counted()[0] - first - rest * (time.monotonic() - began)
    connection.close()
    count = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
    return spent / scrapes, count, len(page)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs: a folder, the plugin, the images."""

    folder: Path
    plugin: Path
    images: Mapping[str, Image]

    def boot(self, name: str, what: str, *more: str) -> AbstractContextManager[Machine]:
        return running(self.images[name], self.folder, self.plugin, what, *more)

    def sizes(self, report: Report) -> None:
        on, off = self.images["on"], self.images["off"]
        files = {name: each.path.stat().st_size for name, each in self.images.items()}
        report.target("image file", (files["on"] - files["off"]) / KIB, 64, " KiB")
        report.target("image in memory", (on.loaded - off.loaded) / KIB, 64, " KiB")
        rows = [
            [name, str(off.sections.get(name, 0)), str(size), str(size - off.sections.get(name, 0))]
            for name, size in on.sections.items()
            if size != off.sections.get(name, 0)
        ]
        rows.append(["in memory", str(off.loaded), str(on.loaded), str(on.loaded - off.loaded)])
        rows.append(["file", *map(str, (files["off"], files["on"], files["on"] - files["off"]))])
        report.table(("section, bytes", "off", "on", "more"), rows)
        if "plain" in files:
            more = files["on"] - files["plain"]
            report.lines += [
                "",
                "Of an image without the statistics that the libraries switch on the file is "
                f"{more / KIB:.1f} KiB larger.",
            ]

    def memory(self, report: Report) -> None:
        """Free memory after scrapes, against an image without the libraries at rest."""
        with self.boot("off", "idle") as machine:
            time.sleep(3)
            off = machine.free()
        with self.boot("on", "idle") as machine:
            time.sleep(3)
            free = {"before a scrape": machine.free()}
            for _ in range(SCRAPES):
                connection = machine.connect()
                assert scrape(connection)
                connection.close()
            time.sleep(2)
            own = f"after {SCRAPES}, a connection each that the client closed"
            free[own] = machine.free()
            connection = machine.connect()
            for _ in range(SCRAPES):
                assert scrape(connection)
                time.sleep(0.5)
            free[f"after {SCRAPES} more on one, still open"] = machine.free()
            connection.close()
            for _ in range(SCRAPES):
                machine.scrape()
            time.sleep(2)
            free[f"after {SCRAPES} more, a connection each that the exporter closed"] = (
                machine.free()
            )
        image = self.images["on"].loaded - self.images["off"].loaded
        report.target("memory at run time", (off - free[own] - image) / KIB, 128, " KiB")
        report.table(
            ("free bytes", "off", "on", "less", "without the image"),
            [
                [when, str(off), str(on), str(off - on), f"{(off - on - image) / KIB:.1f} KiB"]
                for when, on in free.items()
            ],
        )
        report.lines += [
            "",
            "A connection that the exporter has to close first keeps a page in lwip's TIME_WAIT.",
        ]

    def boots(self, report: Report) -> None:
        counts = {}
        for name in self.images:
            record = ("-icount", f"shift=7,rr=record,rrfile={self.folder / 'rr'}")
            with self.boot(name, "idle", *record) as machine:
                counts[name] = machine.counted()[2]
        report.target("instructions from start to main", counts["on"] - counts["off"], 200_000)
        report.table(("image", "instructions to main"), [[n, str(c)] for n, c in counts.items()])

    def scrapes(self, report: Report) -> None:
        with self.boot("on", "idle") as machine:
            time.sleep(2)
            spent, count, size = per_scrape(machine, 200)
        report.lines += [
            "",
            f"A scrape of all families: {spent:.0f} instructions, {count} samples, {size} bytes; "
            f"{spent / count:.0f} instructions a sample, network stack included.",
        ]

    def work(self, report: Report, what: str, seconds: int) -> None:
        """An application with the libraries and a scraper, and without either."""
        runs = {}
        for name, scraping in ("off", False), ("on", False), ("on", True):
            with self.boot(name, what) as machine:
                label = "scraped" if scraping else name
                runs[label] = at_work(machine, what, seconds, scraping=scraping)
            print(f"{what}, {label}: {runs[label]}", file=sys.stderr)
        share = {name: run.done / run.everything for name, run in runs.items()}
        report.at_least(f"{what}: as fast as without, in instructions",
                        100 * share["scraped"] / share["off"], 99, " %")  # fmt: skip
        report.at_least(f"{what}: scrapes answered", runs["scraped"].scrapes, seconds)
        report.table(
            (what, "seconds", "million instructions/s", "of its own" if what == "yield" else
             "instructions an answer", "scrapes"),
            [
                [
                    name,
                    f"{run.seconds:.0f}",
                    f"{run.everything / run.seconds / 1e6:.0f}",
                    f"{100 * share[name]:.3f} %" if what == "yield" else f"{1 / share[name]:.0f}",
                    str(run.scrapes),
                ]
                for name, run in runs.items()
            ],
        )  # fmt: skip


def images(source: Source, folder: Path, *, with_plain: bool) -> dict[str, Image]:
    """The application with the libraries, with their configuration alone, and as it asks."""
    plain = (HERE / "app" / "defconfig").read_text()
    libraries = emitted(folder)
    on = build(source, libraries, folder, "on", f"{plain}CONFIG_LIBSLIM_EXPORTER=y\n")
    settled = (folder / "on" / ".config").read_text()
    off = "".join(f"{line}\n" for line in settled.splitlines() if not OFF.search(line))
    built = {"off": build(source, libraries, folder, "off", off), "on": on}
    if with_plain:
        built["plain"] = build(source, (), folder, "plain", plain)
    return built


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--unikraft", type=Path, required=True)
    parser.add_argument("--libs", required=True, help="DIR:DIR")
    parser.add_argument("--archives", type=Path, required=True)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--plain", action="store_true", help="also without their configuration")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    source = Source(
        options.unikraft.resolve(),
        tuple(Path(part).resolve() for part in options.libs.split(":")),
        options.archives.resolve(),
    )
    report = Report()
    with tempfile.TemporaryDirectory(prefix="porttool-bench-") as scratch:
        folder = (options.scratch or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        plugin = folder / "count.so"
        said("gcc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count.c")
        bench = Bench(folder, plugin, images(source, folder, with_plain=options.plain))
        bench.sizes(report)
        bench.memory(report)
        bench.boots(report)
        bench.scrapes(report)
        for what in "yield", "serve":
            bench.work(report, what, options.seconds)
    tag = said("git", "-C", source.unikraft, "describe", "--tags", "--always").strip()
    release = f"Unikraft {tag.removeprefix('RELEASE-')}"
    text = f"{platform.machine()}, {release}, QEMU without KVM.\n\n{report}"
    print(text)
    if options.write:
        write("Unikernel", "unikernel.py", text)


if __name__ == "__main__":
    main()
