"""Series of 10, 100 and 1,000 patches through porttool and its peers, in turn, on one machine.

    python benchmarks/series.py [--rounds N] [--sizes 10,100,1000] [--write]

Each round runs every contender once, on the same generated series, so that what else the machine
does hits all alike; medians and ratios are reported. ``--write`` puts the table into
``benchmarks/RESULTS.md``. Needs git, quilt and patch; scratch goes to a temporary folder.
"""

import argparse
import os
import platform
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
FILES, LINES = 60, 300

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


def run(*command: str | Path, cwd: Path, ok: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode not in ok:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")


class Series:
    """A generated upstream, its series of ``count`` patches, and a settled workspace."""

    def __init__(self, root: Path, count: int) -> None:
        self.root, self.count = root, count
        self.upstream, self.port = root / "upstream", root / "port"
        dice = random.Random(count)
        names = [f"src/f{number}.c" for number in range(FILES)]
        contents = {
            name: [f"int v{at}_{line};" for line in range(LINES)] for at, name in enumerate(names)
        }
        self.upstream.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")
        self._write(contents)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "base")
        self._git("tag", "v1")
        for number in range(count):
            name = dice.choice(names)
            for _ in range(dice.randint(1, 3)):
                contents[name][dice.randrange(LINES)] = f"int p{number}_{dice.randrange(10**9)};"
            self._write({name: contents[name]})
            self._git("commit", "--quiet", "--all", "--message", f"Patch {number}\n\nA reason.")
        self._settle()

    def _write(self, contents: dict[str, list[str]]) -> None:
        for name, lines in contents.items():
            path = self.upstream / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines))

    def _git(self, *args: str) -> None:
        run("git", *args, cwd=self.upstream)

    def _settle(self) -> None:
        run(porttool(), "init", self.upstream, self.port, "--name", "bench", cwd=self.root)
        options = ("--keep-subject", "--no-stat", "--no-signature", "--zero-commit", "--full-index")
        self._git("format-patch", "--quiet", *options, "-o", str(self.port / "patches"), "v1")
        self.names = sorted(path.name for path in (self.port / "patches").glob("*.patch"))
        (self.port / "patches" / "series").write_text("".join(f"{n}\n" for n in self.names))
        self._git("reset", "--quiet", "--hard", "v1")
        run(porttool(), "refresh", cwd=self.port)

    def checkout(self, name: str) -> Path:
        """A fresh checkout of the pin."""
        target = self.root / name
        shutil.rmtree(target, ignore_errors=True)
        run("git", "clone", "--quiet", self.upstream, target, cwd=self.root)
        return target


def porttool() -> str:
    found = shutil.which("porttool", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        raise SystemExit("porttool is not installed beside this Python")
    return found


def contenders(series: Series) -> dict[str, Callable[[], float]]:
    """What is measured: each prepares outside the clock and gives its seconds."""
    patches = series.port / "patches"
    paths = [patches / name for name in series.names]

    def clocked(work: Callable[[], None]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    def apply() -> float:
        tree = series.root / "applied"
        shutil.rmtree(tree, ignore_errors=True)
        return clocked(lambda: run(porttool(), "apply", "--to", tree, cwd=series.port))

    def refresh() -> float:
        command = (sys.executable, "-c", REFRESH, series.port)
        return clocked(lambda: run(*command, cwd=series.port))

    def am() -> float:
        tree = series.checkout("am")
        return clocked(lambda: run("git", "am", "--quiet", *paths, cwd=tree))

    def quilt() -> float:
        tree = series.checkout("quilt")
        (tree / "patches").symlink_to(patches)
        return clocked(lambda: run("quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0", cwd=tree))

    def patch() -> float:
        tree = series.checkout("patch")
        loop = 'for p in "$@"; do patch -s -p1 < "$p" || exit 1; done'
        return clocked(lambda: run("sh", "-c", loop, "sh", *paths, cwd=tree))

    return {
        "porttool apply": apply,
        "porttool refresh, nothing to change": refresh,
        "git am": am,
        "quilt push -a": quilt,
        "patch -p1 loop": patch,
    }


def measure(sizes: list[int], rounds: int) -> str:
    """The report, as Markdown."""
    out = [f"{platform.machine()}, Python {platform.python_version()}, {git_version()}, medians of"]
    out += [f"{rounds} rounds; ratios to `git am` and to `quilt push -a` in the same rounds.", ""]
    out += ["| patches | what | seconds | of git am | of quilt |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="porttool-bench-") as scratch:
        for size in sizes:
            series = Series(Path(scratch) / str(size), size)
            work = contenders(series)
            times: dict[str, list[float]] = {name: [] for name in work}
            for number in range(rounds):
                for name, contender in work.items():
                    times[name].append(contender())
                print(f"{size} patches, round {number + 1} of {rounds}", file=sys.stderr)
            medians = {name: statistics.median(values) for name, values in times.items()}
            for name, seconds in medians.items():
                ratios = [seconds / medians[peer] for peer in ("git am", "quilt push -a")]
                cells = " | ".join(f"{ratio:.2f}" for ratio in ratios)
                out.append(f"| {size} | {name} | {seconds:.2f} | {cells} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    out += ["", f"The largest process of the whole run, peers included, had {peak} MB."]
    return "\n".join(out)


def git_version() -> str:
    return subprocess.run(
        ["git", "version"], capture_output=True, text=True, check=True
    ).stdout.strip()


def write(report: str) -> None:
    """Put the report into its section of RESULTS.md."""
    section = f"## Series\n\n`benchmarks/series.py`\n\n{report}\n"
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else "# Results\n"
    if re.search(r"^## Series$", text, re.MULTILINE):
        text = re.sub(r"^## Series\n.*?(?=^## |\Z)", lambda _: section, text, flags=re.S | re.M)
    else:
        text = f"{text}\n{section}"
    RESULTS.write_text(text, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="porttool's series against its peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="porttool-home-") as home:
        os.environ.update(
            HOME=home,
            XDG_CACHE_HOME=f"{home}/.cache",
            GIT_CONFIG_GLOBAL=os.devnull,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_AUTHOR_NAME="Bench",
            GIT_AUTHOR_EMAIL="bench@example.org",
            GIT_COMMITTER_NAME="Bench",
            GIT_COMMITTER_EMAIL="bench@example.org",
            LC_ALL="C",
        )
        report = measure([int(size) for size in options.sizes.split(",")], options.rounds)
    print(report)
    if options.write:
        write(report)


if __name__ == "__main__":
    main()
