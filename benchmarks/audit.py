"""The audit against the compiler: what it finds, how long it takes, how much memory it needs.

    python benchmarks/audit.py [--only NAME,...] [--rounds N] [--jobs N] [--write] [FOLDER ...]

Truth is what the toolchain says: each file is compiled with ``musl-gcc -O0 -fno-builtin -c``, and
``nm`` names the symbols that the objects leave undefined and none of them defines. The programs
are those of ``corpus.toml``, every release of the bundled upstream, and the folders given.

Source packages come from the Debian archive through an apt configuration of their own in the
download folder; /etc stays as it is. What ``corpus.toml`` names under ``configure`` is executed:
that is the benchmark's doing, the audit never does. Needs apt-get, gcc, binutils, make, musl-tools
and linux-libc-dev. ``--write`` puts the tables into ``RESULTS.md``.
"""

import argparse
import ctypes
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "RESULTS.md"
CORPUS = Path(__file__).parent / "corpus.toml"
COMPILE = ("musl-gcc", "-std=gnu11", "-w", "-O0", "-c")
TRUTH = (*COMPILE, "-fno-builtin", "-fno-stack-protector", "-fno-pie")

#: The kernel's own headers, which musl-gcc does not look into and the audit does.
UAPI_FOLDERS = ("linux", "asm", "asm-generic", "mtd", "drm", "rdma", "sound", "video", "misc")

#: What gcc may call though no source does, by its manual ("Environment" of -ffreestanding, libgcc,
#: -fstack-protector, thread-local storage): for copies of structures, 128-bit arithmetic, and so
#: on. Such a symbol of an object file is no miss of the audit.
INVENTED = re.compile(
    r"memcpy|memmove|memset|memcmp|abort|__stack_chk_fail|__tls_get_addr|_GLOBAL_OFFSET_TABLE_"
    r"|__(u?divmod|u?div|u?mod|mul|div|add|sub|neg|ash[lr]|lshr|u?cmp|popcount|clz|ctz|ffs|parity"
    r"|bswap|float|floatun|fix|fixuns|extend|trunc|pow|eq|ne|l[te]|g[te]|unord)[a-z]{2,5}[0-9]?"
    r"|__atomic_\w+|__sync_\w+|__cpu_(model|indicator_init)"
)

#: One audit of a program that a JSON document describes; the needs as JSON.
AUDIT = """
import json, sys
from pathlib import Path
from porttool.audit import Kind, audit, cache
program = json.loads(sys.stdin.read())
root = Path(program["root"])
report = audit(
    root,
    [Path(name) for name in program["sources"]],
    [Path(name) for name in program["includes"]],
    program["defines"],
    cache=cache.default_folder(),
)
print(json.dumps({
    "needs": sorted({need.name for need in report.needs
              if need.kind in (Kind.FUNCTION, Kind.VARIABLE)}),
    "failed": {file.path: file.error for file in report.failed},
}))
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program on disk. ``sources`` and ``includes`` are relative to ``root``."""

    name: str
    root: Path
    sources: tuple[str, ...]
    includes: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    explained: Mapping[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Lines of the sources, headers not counted."""
        return sum((self.root / name).read_bytes().count(b"\n") for name in self.sources)

    def document(self) -> str:
        """What :data:`AUDIT` reads."""
        return json.dumps(
            {
                "root": str(self.root),
                "sources": self.sources,
                "includes": self.includes,
                "defines": self.defines,
            }
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """What the compiler says: symbols needed, files that it takes, and why it takes no other."""

    needs: frozenset[str]
    accepted: tuple[str, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What the audit says."""

    needs: frozenset[str]
    failed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Both sides of one program held against each other."""

    program: Program
    truth: Truth
    found: Found
    expected: frozenset[str]

    @property
    def missed(self) -> frozenset[str]:
        """What the linker would want and the audit does not name."""
        return self.expected - self.found.needs

    @property
    def extra(self) -> frozenset[str]:
        """What the audit names and no object file wants."""
        return self.found.needs - self.truth.needs

    @property
    def both(self) -> int:
        """How many names both have."""
        return len(self.expected & self.found.needs)

    @property
    def unparsed(self) -> tuple[str, ...]:
        """Files that the compiler accepts and the audit does not."""
        return tuple(name for name in self.truth.accepted if name in self.found.failed)


@dataclass(frozen=True, slots=True)
class Used:
    """What a run took: seconds by the clock and of CPU."""

    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of one program, and the audit's peak memory of all its processes together in MB."""

    program: Program
    compiled: Used
    cold: Used
    warm: Used
    peak: float


# the corpus


class Archive:
    """Debian source packages, fetched without touching the machine's own apt configuration."""

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._settings = settings
        self._updated = False
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / "apt" / name).mkdir(parents=True, exist_ok=True)

    def fetch(self, package: str, version: str, sha256: str) -> Path:
        """The upstream archive of a source package; raises SystemExit when it is another one."""
        for path in sorted(self._folder.glob(f"{package}_{version}.orig.tar.*")):
            if digest(path) == sha256:
                return path
        self._update()
        listed = self._apt("apt-cache", "showsrc", "--only-source", package)
        revisions = re.findall(r"^Version: (.*)$", listed, re.MULTILINE)
        for revision in revisions:
            if re.sub(r"^\d+:|-[^-]*$", "", revision) == version:
                self._apt("apt-get", "source", "--download-only", f"{package}={revision}")
                break
        else:
            raise SystemExit(f"{package} {version} is not in the archive: it has {revisions}")
        for path in sorted(self._folder.glob(f"{package}_{version}.orig.tar.*")):
            if digest(path) == sha256:
                return path
        raise SystemExit(f"{package} {version}: no archive has the digest {sha256}")

    def _update(self) -> None:
        if not self._updated:
            apt = self._folder / "apt"
            keyring, uri, suite = (self._settings[key] for key in ("keyring", "uri", "suite"))
            source = f"deb-src [signed-by={keyring}] {uri} {suite} main\n"
            (apt / "sources.list").write_text(source)
            (apt / "apt.conf").write_text(
                f'Dir::State::lists "{apt}/lists";\nDir::Cache "{apt}/cache";\n'
                f'Dir::Etc::sourcelist "{apt}/sources.list";\nDir::Etc::sourceparts "-";\n'
            )
            self._apt("apt-get", "--quiet", "update")
            self._updated = True

    def _apt(self, *command: str) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._folder / "apt" / "apt.conf")}
        done = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)}: {done.stderr}")
        return done.stdout


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def corpus(manifest: Path, only: Sequence[str], work: Path) -> list[Program]:
    """Fetch, verify and unpack the programs of a manifest, and prepare their configuration.

    What ``work`` has of an earlier run is used again.
    """
    document = tomllib.loads(manifest.read_text("utf-8"))
    archive = Archive(document["archive"], work)
    programs = []
    for entry in document["program"]:
        if only and entry["name"] not in only:
            continue
        package = entry.get("package", entry["name"])
        tarball = archive.fetch(package, entry["version"], entry["sha256"])
        recipe = hashlib.sha256(json.dumps(entry).encode()).hexdigest()[:16]
        root = work / f"{entry['name']}-{recipe}"
        if not root.exists():
            prepare(entry, tarball, root)
        excluded = {path for glob in entry.get("exclude", ()) for path in root.glob(glob)}
        sources = {path for glob in entry["sources"] for path in root.glob(glob)} - excluded
        programs.append(
            Program(
                entry["name"],
                root,
                tuple(sorted(path.relative_to(root).as_posix() for path in sources)),
                tuple(entry.get("includes", ())),
                tuple(entry.get("defines", ())),
                entry.get("explained", {}),
            )
        )
    return programs


def prepare(entry: Mapping[str, Any], tarball: Path, root: Path) -> None:
    """Unpack and configure one program of the manifest."""
    half_done = root.with_suffix(".part")
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.mkdir()
    run("tar", "xf", tarball, "-C", half_done, "--strip-components=1")
    for command in entry.get("configure", ()):
        run(*command, cwd=half_done, environment={**os.environ, "CC": "musl-gcc"})
    for name, text in entry.get("files", {}).items():
        (half_done / name).write_text(f"{text}\n")
    half_done.rename(root)


def bundled_releases(scratch: Path) -> list[Program]:
    """Every release of the bundled upstream."""
    from porttool.audit.build import guess_build
    from porttool.git import Repository
    from porttool.upstream import reference

    programs = []
    for name in reference.bundled():
        store = Repository.init_bare(scratch / f"{name}.git")
        reference.replay(name, store)
        tags = run("git", "tag", "--list", "--sort=v:refname", cwd=store.git_dir).split()
        for tag in tags:
            root = scratch / f"{name}-{tag}"
            root.mkdir()
            run("git", "archive", f"--output={root}.tar", tag, cwd=store.git_dir)
            run("tar", "xf", f"{root}.tar", "-C", root)
            guess = guess_build(root)
            programs.append(
                Program(f"{name} {tag}", root, guess.sources, guess.includes, guess.defines)
            )
    return programs


def folder(path: Path) -> Program:
    """A folder of C, as ``porttool audit-deps FOLDER`` takes it."""
    from porttool.audit import discover

    root = path.resolve()
    found = discover(root)
    sources = tuple(each.relative_to(root).as_posix() for each in found.sources)
    includes = tuple(each.relative_to(root).as_posix() for each in found.includes)
    return Program(path.name, root, sources, includes, found.defines)


def run(
    *command: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command to its end and give what it says; raises SystemExit when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{shlex.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


# right


def kernel_headers(scratch: Path) -> Path:
    """A folder of links to the kernel's headers alone, without those of the host's C library."""
    links = scratch / "uapi"
    links.mkdir()
    for name in UAPI_FOLDERS:
        for base in (f"/usr/include/{platform.machine()}-linux-gnu", "/usr/include"):
            if Path(base, name).is_dir() and not (links / name).is_symlink():
                (links / name).symlink_to(Path(base, name))
    return links


def flags(program: Program, uapi: Path) -> list[str]:
    """What both compilations of a program have in common."""
    return [
        *(f"-D{define}" for define in program.defines),
        *(f"-I{program.root / include}" for include in program.includes),
        *("-idirafter", str(uapi)),
    ]


def compile_all(program: Program, uapi: Path, objects: Path, jobs: int) -> Truth:
    """Compile every file on its own and read the symbols of the objects."""
    objects.mkdir()

    def one(numbered: tuple[int, str]) -> tuple[str, Path, str | None]:
        number, name = numbered
        target = objects / f"{number}.o"
        command = [*TRUTH, *flags(program, uapi), "-o", str(target), str(program.root / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return name, target, done.stderr if done.returncode else None

    with ThreadPoolExecutor(jobs) as pool:
        compiled = list(pool.map(one, enumerate(program.sources)))
    undefined: set[str] = set()
    defined: set[str] = set()
    for _, target, said in compiled:
        if said is None:
            for line in run("nm", "--format=posix", target).splitlines():
                symbol, kind = line.split()[:2]
                (undefined if kind in "Uwv" else defined).add(symbol)
    return Truth(
        frozenset(undefined - defined),
        tuple(name for name, _, said in compiled if said is None),
        {name: said.strip() for name, _, said in compiled if said is not None},
    )


def audit(program: Program, cache: Path) -> Found:
    """One audit in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", AUDIT],
        input=program.document(),
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the audit of {program.name}: {done.stderr}")
    found = json.loads(done.stdout)
    return Found(frozenset(found["needs"]), found["failed"])


def measure_accuracy(program: Program, uapi: Path, scratch: Path, jobs: int) -> Accuracy:
    """Both sides of one program. Files that the compiler refuses are on neither."""
    truth = compile_all(program, uapi, scratch / f"{program.name}.o", jobs)
    accepted = Program(
        program.name,
        program.root,
        truth.accepted,
        program.includes,
        program.defines,
        program.explained,
    )
    found = audit(accepted, scratch / "cache" / f"{program.name}.truth")
    expected = frozenset(
        name for name in truth.needs if name in found.needs or not INVENTED.fullmatch(name)
    )
    return Accuracy(accepted, truth, found, expected)


# fast


def makefile(program: Program, uapi: Path, objects: Path) -> Path:
    """A Makefile that compiles each source, for make to run several at a time."""
    objects.mkdir()
    lines = [f"all: {' '.join(f'{n}.o' for n in range(len(program.sources)))}"]
    common = [shlex.quote(word) for word in (*COMPILE, *flags(program, uapi))]
    for number, name in enumerate(program.sources):
        source = shlex.quote(str(program.root / name))
        lines.append(f"{number}.o:\n\t@{' '.join(common)} -o $@ {source}".replace("$(", "$$("))
    path = objects / "Makefile"
    path.write_text("\n".join([*lines, ""]))
    return path


def timed(*command: str | Path, said: str = "", environment: Mapping[str, str]) -> Used:
    """Run a command to its end; CPU is that of all its processes that it waited for."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as errors:
        given.write(said)
        given.seek(0)
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + orphans()
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{shlex.join(map(str, command))}: {errors.read().decode()}")
    return Used(seconds, cpu)


def adopt_orphans() -> None:
    """Become the parent of processes that outlive theirs; prctl(2), PR_SET_CHILD_SUBREAPER."""
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)


def orphans() -> float:
    """Wait for the processes that a command left behind; gives their seconds of CPU."""
    cpu = 0.0
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return cpu
        cpu += usage.ru_utime + usage.ru_stime


def peak_memory(program: Program, cache: Path) -> float:
    """The most that all processes of a cold audit share at one time (PSS), in MB."""
    process = subprocess.Popen(
        [sys.executable, "-c", AUDIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        start_new_session=True,
        text=True,
    )
    peaks = [0.0]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.02):
            peaks[0] = max(peaks[0], sum(map(proportional, tree(process.pid))))

    sampler = threading.Thread(target=sample)
    sampler.start()
    process.communicate(program.document())
    done.set()
    sampler.join()
    return peaks[0]


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for each in found:
        try:
            for thread in list(Path(f"/proc/{each}/task").iterdir()):
                children = thread / "children"
                found += map(int, children.read_text().split())
        except OSError:
            continue  # it has ended
    return found


def proportional(pid: int) -> float:
    """Proportional set size of a process in MB; 0 when it has ended."""
    try:
        match = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return int(match[1]) / 1024 if match else 0.0


def measure_speed(accuracy: Accuracy, uapi: Path, scratch: Path, rounds: int, jobs: int) -> Speed:
    """Compiler, cold and warm audit in turn."""
    program = accuracy.program
    rules = makefile(program, uapi, scratch / f"{program.name}.make")
    used: dict[str, list[Used]] = {"compile": [], "cold": [], "warm": []}
    environment = {**os.environ, "LC_ALL": "C"}
    command = (sys.executable, "-c", AUDIT)
    for number in range(rounds):
        cache = scratch / "cache" / f"{program.name}.{number}"
        made = timed(
            *("make", "--silent", "--always-make", f"--jobs={jobs}", "-C", rules.parent),
            environment=environment,
        )
        used["compile"].append(made)
        environment["XDG_CACHE_HOME"] = str(cache)
        for kind in ("cold", "warm"):
            used[kind].append(timed(*command, said=program.document(), environment=environment))
        shutil.rmtree(cache, ignore_errors=True)
    peak = peak_memory(program, scratch / "cache" / f"{program.name}.peak")
    compiled, cold, warm = (median(each) for each in used.values())
    return Speed(program, compiled, cold, warm, peak)


def median(runs: Iterable[Used]) -> Used:
    """The medians of several runs."""
    runs = list(runs)
    return Used(
        statistics.median(each.seconds for each in runs),
        statistics.median(each.cpu for each in runs),
    )


# the report


class Report:
    """Targets, tables and differences, as Markdown."""

    def __init__(self) -> None:
        self._targets: list[str] = []
        self._tables: list[str] = []

    def target(self, what: str, wanted: str, measured: str, *, reached: bool) -> None:
        """Add a line to the table of targets."""
        said = "reached" if reached else "**missed**"
        self._targets.append(f"| {what} | {wanted} | {measured} | {said} |")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table."""
        cells = [head, ["---"] * len(head), *rows]
        self._tables += ["", *(f"| {' | '.join(row)} |" for row in cells)]

    def text(self, *lines: str) -> None:
        """Add lines as they are."""
        self._tables += ["", *lines]

    def __str__(self) -> str:
        head = ["| target | wanted | measured | |", "|---|---|---|---|"]
        return "\n".join([*head, *self._targets, *self._tables])


def ratio(part: int, whole: int) -> float:
    """A share; 1 of nothing."""
    return part / whole if whole else 1.0


def first_error(said: str) -> str:
    """The first error of a compiler, without the folder of the program."""
    match = re.search(r"error: (.*)", said)
    return match[1] if match else said[:80]


def report_accuracy(report: Report, each: Sequence[Accuracy]) -> None:
    """Precision and recall by program and in total, and every difference."""
    rows = []
    for one in each:
        named = one.both + len(one.extra)
        files = len(one.truth.accepted)
        rows.append(
            [
                one.program.name,
                f"{one.program.lines / 1000:.1f}",
                str(files),
                str(len(one.truth.refused)),
                str(len(one.unparsed)),
                str(len(one.expected)),
                f"{ratio(one.both, len(one.expected)):.3f}",
                f"{ratio(one.both, named):.3f}",
            ]
        )
    both = sum(one.both for one in each)
    expected = sum(len(one.expected) for one in each)
    extra = sum(len(one.extra) for one in each)
    accepted = sum(len(one.truth.accepted) for one in each)
    unparsed = sum(len(one.unparsed) for one in each)
    recall, precision = ratio(both, expected), ratio(both, both + extra)
    parsed = ratio(accepted - unparsed, accepted)
    report.target("recall", "1.000", f"{recall:.4f}", reached=recall == 1)
    report.target("precision", "≥ 0.995", f"{precision:.4f}", reached=precision >= 0.995)
    report.target(
        "files parsed that the compiler accepts", "≥ 99 %", f"{parsed:.2%}", reached=parsed >= 0.99
    )
    head = ("program", "kLoC", "files", "refused by gcc", "not parsed", "symbols", "recall")
    report.table((*head, "precision"), rows)
    differences = [
        [one.program.name, name, kind, one.program.explained.get(name, "")]
        for one in each
        for kind, names in (("missed", one.missed), ("extra", one.extra))
        for name in sorted(names)
    ]
    differences += [
        [one.program.name, name, "refused by gcc", first_error(said)]
        for one in each
        for name, said in one.truth.refused.items()
    ]
    differences += [
        [one.program.name, name, "not parsed", one.found.failed[name]]
        for one in each
        for name in one.unparsed
    ]
    if differences:
        report.table(("program", "difference", "", "because"), differences)
    else:
        report.text("No difference between the audit and the linker.")


def report_speed(report: Report, each: Sequence[Speed]) -> None:
    """Times beside the compiler's, and memory."""
    rows = []
    for one in each:
        kloc = one.program.lines / 1000
        cold = one.cold.seconds / one.compiled.seconds
        warm = one.warm.seconds / one.cold.seconds
        rows.append(
            [
                one.program.name,
                f"{kloc:.1f}",
                *(f"{used.seconds:.2f}" for used in (one.compiled, one.cold, one.warm)),
                f"{cold:.2f}",
                f"{warm:.3f}",
                f"{one.peak:.0f} MB",
            ]
        )
        if kloc > 5:
            name = one.program.name
            report.target(f"{name}: cold, of compiling", "≤ 2", f"{cold:.2f}", reached=cold <= 2)
            report.target(f"{name}: warm, of cold", "≤ 0.1", f"{warm:.3f}", reached=warm <= 0.1)
    worst = max(each, key=lambda one: one.peak)
    report.target(
        f"memory of all processes, {worst.program.name}",
        "< 500 MB",
        f"{worst.peak:.0f} MB",
        reached=worst.peak < 500,
    )
    head = ("program", "kLoC", "compile s", "cold s", "warm s", "cold of compile")
    report.table((*head, "warm of cold", "peak"), rows)


def write(report: str) -> None:
    """Put the report into its section of RESULTS.md."""
    section = f"## Audit\n\n`benchmarks/audit.py`\n\n{report}\n\n"
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n\n"
    if re.search(r"^## Audit$", text, re.MULTILINE):
        text = re.sub(r"^## Audit\n.*?(?=^## |\Z)", lambda _: section, text, flags=re.S | re.M)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text.rstrip() + "\n", "utf-8")


def main() -> None:
    """Read the command line, measure, and print what was found."""
    parser = argparse.ArgumentParser(description="porttool's audit against the compiler")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--only", default="", help="names of programs of the corpus, with commas")
    parser.add_argument("--no-corpus", action="store_true", help="the folders alone")
    parser.add_argument("--rounds", type=int, default=3, help="0: accuracy alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, help="where archives and unpacked programs stay")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    adopt_orphans()
    only = [name for name in options.only.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="porttool-bench-") as folder_name:
        scratch = Path(folder_name).resolve()
        work = (options.work or scratch / "work").resolve()
        work.mkdir(parents=True, exist_ok=True)
        programs = [folder(path) for path in options.folders]
        if not options.no_corpus:
            programs += corpus(options.corpus, only, work)
            if not only or "bundled" in only:
                programs += bundled_releases(scratch)
        uapi = kernel_headers(scratch)
        report = Report()
        accuracies = []
        for program in programs:
            accuracies.append(measure_accuracy(program, uapi, scratch, options.jobs))
            print(f"{program.name}: compared", file=sys.stderr)
        report_accuracy(report, accuracies)
        if options.rounds:
            speeds = []
            for accuracy in accuracies:
                speeds.append(measure_speed(accuracy, uapi, scratch, options.rounds, options.jobs))
                print(f"{accuracy.program.name}: measured", file=sys.stderr)
            report_speed(report, speeds)
    compiler = run("gcc", "-dumpfullversion").strip()
    machine = f"{platform.machine()}, {options.jobs} jobs, Python {platform.python_version()}"
    text = f"{machine}, gcc {compiler}; medians of {options.rounds} rounds in turn.\n\n{report}"
    print(text)
    if options.write:
        write(text)


if __name__ == "__main__":
    main()
