"""Series of 10, 100 and 1,000 patches through porttool and its peers, in turn, on one machine.

    python benchmarks/series.py [--rounds N] [--sizes 10,100,1000] [--refs N] [--write]

Each round runs every contender once, on the same generated series, so that what else the machine
does hits all alike; medians are reported, and their ratios beside the targets. ``--write`` puts
the tables into ``benchmarks/RESULTS.md``. Needs git, quilt and patch; scratch goes to a temporary
folder.
"""

import argparse
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from results import Report, write

FILES, LINES = 60, 300

#: Patches leave so many lines at both ends of a file to upstream in the benchmark of a rebase.
MARGIN = 10

#: A refresh without audit and emission: import, export, proof of the export, compare with the disk.
REFRESH = """
import sys
from pathlib import Path
from porttool.port import load
from porttool.series.refresh import carry_out, plan
from porttool.workspace import Workspace
port, _ = load(Workspace.open(Path(sys.argv[1])))
outcome = plan(port)
assert all(patch.fate == "unchanged" for patch in outcome.patches)
assert not carry_out(port, outcome)
"""

#: The series on another upstream: import, rebase, export.
REBASE = """
import sys
from pathlib import Path
from porttool.port import find_pin, load
from porttool.series.exporter import export_series
from porttool.series.importer import import_series
from porttool.series.outcome import Verdict
from porttool.series.rebase import picks, rebase
from porttool.workspace import Workspace
port, _ = load(Workspace.open(Path(sys.argv[1])))
base, onto = port.lock.pin.commit, find_pin(port.mirror, sys.argv[2]).commit
patches = port.series.patches
todo = picks(base, patches, import_series(port.store, base, patches).patches)
moved = rebase(port.store, base, onto, todo)
assert moved.stopped is None
commits = [outcome.commit for outcome in moved.outcomes]
known = list(zip(port.series.files, commits, strict=True))
assert len(export_series(port.store, onto, moved.head, known)) == len(patches)
"""

#: The least that typer can do with two commands.
TYPER = """
import typer
app = typer.Typer()
@app.command()
def one() -> None: "One."
@app.command()
def two() -> None: "Two."
app()
"""

Contents = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Used:
    """What a command took: seconds by the clock and of CPU, MB of its largest process."""

    seconds: float
    cpu: float
    peak: int


def run(*command: str | Path, cwd: Path, ok: tuple[int, ...] = (0,)) -> Used:
    """Run a command to its end."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode not in ok:
            said.seek(0)
            raise SystemExit(f"{command}: {process.returncode}\n{said.read().decode()}")
    return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


class Upstream:
    """A generated upstream: 60 files of 300 lines at ``v0``, a series on it, and later tags."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.dice = random.Random(seed)
        self.base: Contents = {
            f"src/f{at}.c": [f"int v{at}_{line};" for line in range(LINES)] for at in range(FILES)
        }
        self._clock = 1_700_000_000
        self._stream: list[bytes] = []
        self._commit("refs/heads/main", "base", self.base)
        self._tag("v0")

    def series(self, count: int) -> None:
        """``count`` patches on ``v0``, each with one to three lines of one file."""
        contents = {name: list(lines) for name, lines in self.base.items()}
        self._stream.append(b"reset refs/heads/series\nfrom refs/tags/v0\n\n")
        for number in range(count):
            name = self.dice.choice(list(contents))
            for _ in range(self.dice.randint(1, 3)):
                at = self.dice.randrange(MARGIN, LINES - MARGIN)
                contents[name][at] = f"int p{number}_{self.dice.randrange(10**9)};"
            message = f"Patch {number}\n\nA reason."
            self._commit("refs/heads/series", message, {name: contents[name]})

    def release(self, tag: str, change: Callable[[Contents], Contents]) -> None:
        """One more commit on main, with a tag."""
        changed = change(self.base)
        self.base = self.base | changed
        self._commit("refs/heads/main", f"Release {tag}", changed)
        self._tag(tag)

    def write(self) -> None:
        """Make the repository."""
        self.path.mkdir(parents=True)
        run("git", "init", "--quiet", "--initial-branch=main", cwd=self.path)
        subprocess.run(
            ["git", "fast-import", "--quiet"],
            cwd=self.path,
            input=b"".join(self._stream),
            check=True,
        )
        run("git", "reset", "--quiet", "--hard", cwd=self.path)

    def _commit(self, ref: str, message: str, changed: Contents) -> None:
        self._clock += 60
        who = f"Bench <bench@example.org> {self._clock} +0000"
        out = [f"commit {ref}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n{message}\n"]
        for name, lines in changed.items():
            text = "".join(f"{line}\n" for line in lines)
            out.append(f"M 100644 inline {name}\ndata {len(text)}\n{text}\n")
        self._stream.append("".join(out).encode() + b"\n")

    def _tag(self, name: str) -> None:
        self._stream.append(f"reset refs/tags/{name}\nfrom refs/heads/main\n\n".encode())


class Port:
    """A workspace whose series is that of an upstream, settled on ``v0``."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self.root, self.upstream, self.path = root, upstream, root / "port"
        upstream.write()
        options = ("--name", "bench", "--ref", "v0")
        run(porttool(), "init", upstream.path, self.path, *options, cwd=root)
        form = ("--keep-subject", "--no-stat", "--no-signature", "--zero-commit", "--full-index")
        folder = self.path / "patches"
        what = ("--quiet", *form, "-o", folder, "v0..series")
        run("git", "format-patch", *what, cwd=upstream.path)
        self.patches = sorted(folder.glob("*.patch"))
        (folder / "series").write_text("".join(f"{path.name}\n" for path in self.patches))
        run(porttool(), "refresh", cwd=self.path)
        self._pristine = root / "pristine"
        shutil.copytree(self.path / ".porttool", self._pristine, symlinks=True)

    def forget(self) -> None:
        """Bring the store back to what it was: a command must not find what it wrote before."""
        shutil.rmtree(self.path / ".porttool")
        shutil.copytree(self._pristine, self.path / ".porttool", symlinks=True)

    def checkout(self, name: str, ref: str = "v0") -> Path:
        """A fresh checkout of upstream."""
        target = self.root / name
        shutil.rmtree(target, ignore_errors=True)
        run("git", "clone", "--quiet", self.upstream.path, target, cwd=self.root)
        run("git", "checkout", "--quiet", "--detach", ref, cwd=target)
        return target


def porttool() -> str:
    found = shutil.which("porttool", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        raise SystemExit("porttool is not installed beside this Python")
    return found


Contender = Callable[[], Used]


def series_contenders(port: Port) -> dict[str, Contender]:
    """What is measured on one series: each prepares outside the clock."""

    def apply() -> Used:
        tree = port.root / "applied"
        shutil.rmtree(tree, ignore_errors=True)
        port.forget()
        return run(porttool(), "apply", "--to", tree, cwd=port.path)

    def refresh() -> Used:
        port.forget()
        return run(sys.executable, "-c", REFRESH, port.path, cwd=port.path)

    def am() -> Used:
        return run("git", "am", "--quiet", *port.patches, cwd=port.checkout("am"))

    def quilt() -> Used:
        tree = port.checkout("quilt")
        (tree / "patches").symlink_to(port.path / "patches")
        return run("quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0", cwd=tree)

    def patch() -> Used:
        loop = 'for p in "$@"; do patch -s -p1 < "$p" || exit 1; done'
        return run("sh", "-c", loop, "sh", *port.patches, cwd=port.checkout("patch"))

    return {
        "porttool apply": apply,
        "porttool refresh, nothing to change": refresh,
        "git am": am,
        "quilt push -a": quilt,
        "patch -p1 loop": patch,
    }


def rebase_contenders(port: Port) -> dict[str, Contender]:
    """A series that goes to ``v1``, where half of the files have other lines at both ends."""

    def rebase() -> Used:
        port.forget()
        return run(sys.executable, "-c", REBASE, port.path, "v1", cwd=port.path)

    def am() -> Used:
        tree = port.checkout("am", "v1")
        return run("git", "am", "--quiet", "-3", *port.patches, cwd=tree)

    def git_rebase() -> Used:
        tree = port.checkout("rebase", "origin/series")
        return run("git", "rebase", "--quiet", "--onto", "v1", "v0", cwd=tree)

    return {"porttool import, rebase, export": rebase, "git am -3": am, "git rebase": git_rebase}


def forecast_contenders(port: Port, refs: int) -> dict[str, Contender]:
    """The series on many refs; the peer takes a worktree and ``git am --skip`` for each of them."""
    loop = """
        at=$1; shift
        git worktree add --quiet --detach ../tree-$at $at && cd ../tree-$at || exit 2
        git am --quiet "$@" || while ! git am --quiet --skip; do :; done
    """

    def forecast() -> Used:
        port.forget()
        return run(porttool(), "forecast", cwd=port.path)

    def am() -> Used:
        tree = port.checkout("trees/clone")
        runs = [
            run("sh", "-c", loop, "sh", f"v{at}", *port.patches, cwd=tree)
            for at in range(1, refs + 1)
        ]
        shutil.rmtree(tree.parent)
        return Used(
            sum(each.seconds for each in runs),
            sum(each.cpu for each in runs),
            max(each.peak for each in runs),
        )

    return {"porttool forecast": forecast, "worktree and git am --skip a ref": am}


def help_contenders(scratch: Path) -> dict[str, Contender]:
    """What it takes to show a help."""
    program = scratch / "two.py"
    program.write_text(TYPER)
    return {
        "porttool --help": lambda: run(porttool(), "--help", cwd=scratch),
        "typer, two commands, --help": lambda: run(sys.executable, program, "--help", cwd=scratch),
    }


def ends(contents: Contents, dice: random.Random) -> Contents:
    """Other lines at both ends of half of the files, where no patch is."""
    changed = {}
    for name in dice.sample(list(contents), FILES // 2):
        lines = list(contents[name])
        lines[2:3] = [f"int top{n};" for n in range(5)]
        lines[-3:-2] = [f"int bottom{n};" for n in range(5)]
        changed[name] = lines
    return changed


def here_and_there(files: int) -> Callable[[Contents, random.Random], Contents]:
    """In each of ``files`` files a line changed and one more."""

    def change(contents: Contents, dice: random.Random) -> Contents:
        changed = {}
        for name in dice.sample(list(contents), files):
            lines = list(contents[name])
            lines[dice.randrange(len(lines))] = f"int u{dice.randrange(10**9)};"
            lines.insert(dice.randrange(len(lines)), f"int n{dice.randrange(10**9)};")
            changed[name] = lines
        return changed

    return change


def releases(upstream: Upstream, count: int, change: Callable[..., Contents]) -> None:
    for number in range(1, count + 1):
        upstream.release(f"v{number}", lambda contents: change(contents, upstream.dice))


def in_turn(work: Mapping[str, Contender], rounds: int, what: str) -> dict[str, Used]:
    """Medians of several rounds; the peak is the highest."""
    found: dict[str, list[Used]] = {name: [] for name in work}
    for number in range(rounds):
        for name, contender in work.items():
            found[name].append(contender())
        print(f"{what}, round {number + 1} of {rounds}", file=sys.stderr)
    return {
        name: Used(
            statistics.median(each.seconds for each in used),
            statistics.median(each.cpu for each in used),
            max(each.peak for each in used),
        )
        for name, used in found.items()
    }


def measure(sizes: Sequence[int], refs: int, rounds: int, scratch: Path) -> Report:
    """All benchmarks, one after the other."""
    report = Report()
    measure_series(report, sizes, rounds, scratch)
    measure_growth(report, [sizes[-1] // 10, sizes[-1], 3 * sizes[-1]], rounds, scratch)
    measure_rebase(report, sizes[-1], rounds, scratch)
    for name, files in ("few", 5), ("most", FILES - 10):
        upstream = Upstream(scratch / name / "upstream", files)
        upstream.series(100)
        releases(upstream, refs, here_and_there(files))
        work = forecast_contenders(Port(scratch / name, upstream), refs)
        what = f"forecast, {files} files a tag"
        ours, peer = in_turn(work, rounds, what).values()
        rows = [
            (n, f"{u.seconds:.2f}", f"{u.cpu:.2f}") for n, u in zip(work, (ours, peer), strict=True)
        ]
        report.table((f"100 patches on {refs} refs, {files} files a tag", "seconds", "CPU"), rows)
        report.target(f"{what}: of am --skip", ours.seconds / peer.seconds, 0.1)
    work = help_contenders(scratch)
    ours, peer = in_turn(work, 5 * rounds, "help").values()
    rows = [
        (n, f"{u.seconds:.3f}", f"{u.cpu:.3f}") for n, u in zip(work, (ours, peer), strict=True)
    ]
    report.table(("help", "seconds", "CPU"), rows)
    report.target("--help, CPU: of two commands in typer", ours.cpu / peer.cpu, 1.3)
    return report


def measure_series(report: Report, sizes: Sequence[int], rounds: int, scratch: Path) -> None:
    rows: list[list[str]] = []
    for size in sizes:
        upstream = Upstream(scratch / str(size) / "upstream", size)
        upstream.series(size)
        port = Port(scratch / str(size), upstream)
        found = in_turn(series_contenders(port), rounds, f"{size} patches")
        peers = [found[peer].seconds for peer in ("git am", "quilt push -a")]
        for name, used in found.items():
            ratios = [f"{used.seconds / peer:.2f}" for peer in peers]
            peak = f"{used.peak} MB"
            rows.append([str(size), name, f"{used.seconds:.2f}", *ratios, peak])
    head = ("patches", "what", "seconds", "of git am", "of quilt", "largest process")
    report.table(head, rows)
    apply, refresh = (found[n] for n in list(found)[:2])
    report.target(f"apply, {size} patches: of git am", apply.seconds / peers[0], 0.5)
    report.target(f"apply, {size} patches: of quilt", apply.seconds / peers[1], 0.1)
    report.target(f"refresh, {size} patches: of git am", refresh.seconds / peers[0], 1.0)
    report.target(f"memory, {size} patches", max(apply.peak, refresh.peak), 200, " MB")


def measure_growth(report: Report, sizes: Sequence[int], rounds: int, scratch: Path) -> None:
    """What one more patch costs, of CPU, between one size and the next."""
    used: dict[str, list[float]] = {}
    for size in sizes:
        upstream = Upstream(scratch / f"growth-{size}" / "upstream", size)
        upstream.series(size)
        work = series_contenders(Port(scratch / f"growth-{size}", upstream))
        ours = {name: run for name, run in work.items() if name.startswith("porttool")}
        for name, median in in_turn(ours, rounds, f"growth, {size} patches").items():
            used.setdefault(name, []).append(median.cpu)
    steps = list(pairwise(sizes))
    rows = []
    for name, taken in used.items():
        costs = [
            1000 * (after - before) / (more - less)
            for (less, more), (before, after) in zip(steps, pairwise(taken), strict=True)
        ]
        rows.append([name, *(f"{cost:.2f}" for cost in costs)])
        what = f"{name}: cost of one more patch at {sizes[-1]}, of that at {sizes[-2]}"
        report.target(what, costs[-1] / costs[-2], 1.2)
    report.table(("ms of CPU for one more patch", *(f"{a} to {b}" for a, b in steps)), rows)


def measure_rebase(report: Report, size: int, rounds: int, scratch: Path) -> None:
    upstream = Upstream(scratch / "rebase" / "upstream", size)
    upstream.series(size)
    releases(upstream, 1, ends)
    found = in_turn(rebase_contenders(Port(scratch / "rebase", upstream)), rounds, "rebase")
    ours, *peers = (used.seconds for used in found.values())
    rows = [(n, f"{u.seconds:.2f}", f"{u.peak} MB") for n, u in found.items()]
    report.table((f"{size} patches to a newer upstream", "seconds", "largest process"), rows)
    peak = next(iter(found.values())).peak
    report.target(f"rebase of {size} patches: of the faster peer", ours / min(peers), 1.0)
    report.target(f"memory, rebase of {size} patches", peak, 200, " MB")


def git_version() -> str:
    return subprocess.run(
        ["git", "version"], capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description="porttool's series against its peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--refs", type=int, default=50)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="porttool-bench-") as scratch:
        os.environ.update(
            HOME=scratch,
            XDG_CACHE_HOME=f"{scratch}/.cache",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_AUTHOR_NAME="Bench",
            GIT_AUTHOR_EMAIL="bench@example.org",
            GIT_COMMITTER_NAME="Bench",
            GIT_COMMITTER_EMAIL="bench@example.org",
            LC_ALL="C",
        )
        sizes = [int(size) for size in options.sizes.split(",")]
        tables = measure(sizes, options.refs, options.rounds, Path(scratch))
    machine = f"{platform.machine()}, Python {platform.python_version()}, {git_version()}"
    report = f"{machine}; medians of {options.rounds} rounds in turn.\n\n{tables}"
    print(report)
    if options.write:
        write("Series", "series.py", report)


if __name__ == "__main__":
    main()
