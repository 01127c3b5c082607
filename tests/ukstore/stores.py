"""One driver, two stores under it: the host twin's, and the store.c of a real tree."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from porttool.hosttwin.kconfig import write_config
from tests.ukmetrics.ukm_twin import VARIANTS, make_twin

HERE = Path(__file__).parent
DRIVER = HERE / "driver"

ENDS = "ends"

# Lowest and highest value of each type of a number, on a machine of 64 bits.
RANGES = {
    **{f"s{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "uptr": (0, 2**64 - 1),
}


@dataclass(frozen=True, slots=True)
class Vector:
    """Calls of ukstore, and what each gives; ``generations`` of ukstore that have them."""

    trap: str
    generations: tuple[int, ...]
    calls: tuple[tuple[str, str], ...]

    @property
    def expected(self) -> list[str]:
        return [result for _, result in self.calls]


@dataclass(frozen=True, slots=True)
class Store:
    """A program that makes calls of ukstore, and the words before them."""

    generation: int
    command: tuple[str, ...]

    def make(self, vector: Vector) -> list[str]:
        """What each call gave, to the last or to the one that ended the program."""
        done = subprocess.run(
            [*self.command, *(call for call, _ in vector.calls)],
            capture_output=True,
            text=True,
            # What is asked is what the store does, not whether the driver gives everything back.
            env={"ASAN_OPTIONS": "detect_leaks=0"},
            timeout=60,
            check=False,
        )
        said = done.stdout.splitlines()
        return said if done.returncode == 0 else [*said, ENDS]


def vectors(generation: int) -> list[Vector]:
    """The rows of vectors.toml that a generation of ukstore has."""
    rows = tomllib.loads((HERE / "vectors.toml").read_text())["vector"]
    table = [
        Vector(
            row["trap"],
            tuple(row["generations"]),
            tuple((call, result) for call, result in row["calls"]),
        )
        for row in rows
    ]
    return [vector for vector in table if generation in vector.generations]


def conversions() -> Iterator[Vector]:
    """Each type read as each other, at the bounds of both."""
    for held in RANGES:
        for read in RANGES:
            bounds = {-1, 0, 1, *RANGES[held], *RANGES[read]}
            values = sorted(v for v in bounds if RANGES[held][0] <= v <= RANGES[held][1])
            calls = [(f"static {held}", "entry")]
            for value in values:
                fits = RANGES[read][0] <= value <= RANGES[read][1]
                calls.append((f"holds {value}", "done"))
                calls.append((f"read {read}", f"0 {value}" if fits else "-ERANGE untouched"))
            yield Vector(f"{held} read as {read}", (1, 2), tuple(calls))


def twin(out: Path) -> Store:
    """The host twin, built with the sanitizers."""
    write_config([DRIVER], out, {})
    return Store(2, (str(make_twin([DRIVER], out, *VARIANTS["gcc-sanitized"])), "--"))


# --- a real store.c -------------------------------------------------------------------------------

# Libraries of the build, sorted as Unikraft sorts them. As in a real build there are some behind
# the driver's: where an object that does not exist is written to is in the table of their objects.
LIBRARIES = ("libukalloc", "libukstore", "libvectors", *(f"libvoid{n}" for n in range(8)))

# The scripts of a tree, below lib/, and what Unikraft's build makes with them of the list above
GENERATED = {
    1: {
        "ukstore/gen_libs.h.awk": "include/uk/bits/store_libs.h",
        "ukstore/gen_array.h.awk": "include/uk/bits/store_array.h",
        "ukstore/gen_libs.ld.awk": "libs.ld",
    },
    2: {
        "uklibid/libid.awk": "include/uk/bits/libid.h",
        "uklibid/namemap.awk": "namemap.c",
        "uklibid/selfids.awk": "selfids.c",
        "ukstore/store_libs.awk": "include/uk/bits/store_libs.h",
        "ukstore/store_array.awk": "include/uk/bits/store_array.h",
        "ukstore/store_ld.awk": "libs.ld",
    },
}
CONFIGS = ("include/uk/_config.h", "include/uk/bits/config.h")
HEADERS = ("ukstore", "uklibid", "ukdebug", "ukalloc", "uklock", "ukatomic")
FLAGS = (
    "-g", "-O1", "-fsanitize=address", "-D__Unikraft__", "-D__LIBNAME__=libvectors",
    "-fno-toplevel-reorder",
    # Unikraft redefines words of the host's headers: those come first.
    "-include", "stdio.h", "-include", "stdlib.h", "-include", "string.h",
)  # fmt: skip


def real(tree: Path, out: Path) -> Store:
    """The store.c of a Unikraft tree, unchanged, with its own headers and scripts, on Linux.

    Around it are only ``real/``: a configuration, an allocator that is the host's, and main().
    AddressSanitizer sees what the store does to memory that is not its own.
    """
    generation = 2 if (tree / "lib" / "uklibid").is_dir() else 1
    for config in CONFIGS:
        (out / config).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "real" / "config.h", out / config)
    libraries = "".join(f"{library}\n" for library in LIBRARIES)
    for script, made in GENERATED[generation].items():
        (out / made).write_text(
            _run("awk", "-F-", "-f", str(tree / "lib" / script), text=libraries)
        )

    folders = [out / "include", tree / "include", tree / "arch/x86/x86_64/include"]
    folders += [tree / "lib" / library / "include" for library in HEADERS]
    sources = [tree / "lib/ukstore/store.c", DRIVER / "driver.c", HERE / "real" / "host.c"]
    if generation == 2:
        sources += [tree / "lib/uklibid/rtmap.c", out / "namemap.c", out / "selfids.c"]
    program = out / "store"
    _run(
        "gcc", *FLAGS, f"-I{DRIVER}", *(f"-I{folder}" for folder in folders if folder.is_dir()),
        *map(str, sources), "-T", str(out / "libs.ld"), "-T", str(HERE / "real" / "events.ld"),
        "-o", str(program),
    )  # fmt: skip
    return Store(generation, (str(program),))


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
