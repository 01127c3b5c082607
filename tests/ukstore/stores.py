"""One driver, two stores under it: the host twin's, and the store.c of a real tree."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from porttool.hosttwin.kconfig import TWIN, write_config
from tests.ukmetrics.ukm_twin import VARIANTS, make_twin

HERE = Path(__file__).parent
DRIVER = HERE / "driver"
UKMETRICS = TWIN.parent / "ukmetrics"
READER = (
    "label.h", "objects.c", "release.h", "store.h", "store_v1.c", "store_v2.c", "table.h",
    "target.h", "value.c",
)  # fmt: skip

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
    """Each type of a number read as every other, at the bounds of all."""
    bounds = sorted({-1, 0, 1, *(bound for pair in RANGES.values() for bound in pair)})
    for held, (lowest, highest) in RANGES.items():
        calls = [(f"static {held}", "entry")]
        for value in bounds:
            if not lowest <= value <= highest:
                continue
            calls.append((f"holds {value}", "done"))
            for read, (least, most) in RANGES.items():
                fits = least <= value <= most
                calls.append((f"read {read}", f"0 {value}" if fits else "-ERANGE untouched"))
        yield Vector(f"{held} read as any type", (1, 2), tuple(calls))


def driver(release: str, out: Path) -> Path:
    """The library that makes the calls, with the reader of lib-ukmetrics for a release in it."""
    shutil.copytree(DRIVER, out)
    for name in READER:
        shutil.copy(UKMETRICS / name, out / name)
    shutil.copytree(UKMETRICS / "include", out / "include")
    target = out / "target.h"
    version = "UKM_VERSION(" + release.replace(".", ", ") + ")"
    target.write_text(re.sub(r"UKM_VERSION\(\d.*\)", version, target.read_text()))
    return out


def twin(out: Path) -> Store:
    """The host twin, built with the sanitizers."""
    library = driver("0.16.3", out / "lib-vectors")
    build = out / "build"
    write_config([library], build, {})
    return Store(2, (str(make_twin([library], build, *VARIANTS["gcc-sanitized"])), "--"))


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
    "-g", "-O1", "-D__Unikraft__", "-D__LIBNAME__=libvectors", "-fno-toplevel-reorder",
    "-DCONFIG_LIBUKMETRICS_MAX_OBJECTS=3", "-DCONFIG_LIBUKMETRICS_MAX_TEXTS=4",
    # Unikraft redefines words of the host's headers: those come first.
    "-include", "stdio.h", "-include", "stdlib.h", "-include", "string.h",
)  # fmt: skip
SANITIZE = "-fsanitize=address"


def real(tree: Path, release: str, out: Path) -> Store:
    """The store.c of a Unikraft tree, unchanged, with its own headers and scripts, on Linux.

    Around it are only ``real/``: a configuration, an allocator that is the host's, and main().
    AddressSanitizer sees what the store does to memory that is not its own.
    """
    generation = 2 if (tree / "lib" / "uklibid").is_dir() else 1
    library = driver(release, out / "lib-vectors")
    for config in CONFIGS:
        (out / config).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "real" / "config.h", out / config)
    libraries = "".join(f"{library}\n" for library in LIBRARIES)
    for script, made in GENERATED[generation].items():
        said = _run("awk", "-F-", "-f", str(tree / "lib" / script), text=libraries)
        (out / made).write_text(said)

    folders = [out / "include", library, library / "include"]
    folders += [tree / "include", tree / "arch/x86/x86_64/include"]
    folders += [tree / "lib" / name / "include" for name in HEADERS]
    flags = [*FLAGS, *(f"-I{folder}" for folder in folders if folder.is_dir())]

    # lib-ukmetrics looks at what the store gave it, foreign or not, to see which it is.
    reader = (
        ["value.c", "store_v1.c"] if generation == 1 else ["value.c", "store_v2.c", "objects.c"]
    )
    objects = []
    for name in reader:
        objects.append(str(out / f"{name}.o"))
        _run("gcc", *flags, "-c", str(library / name), "-o", objects[-1])

    sources = [tree / "lib/ukstore/store.c", library / "driver.c", HERE / "real" / "host.c"]
    if generation == 2:
        sources += [tree / "lib/uklibid/rtmap.c", out / "namemap.c", out / "selfids.c"]
    program = str(out / "store")
    scripts = (out / "libs.ld", HERE / "real" / "events.ld")
    _run(
        "gcc", *flags, SANITIZE, *map(str, sources), *objects,
        *(f"-Wl,-T,{script}" for script in scripts), "-o", program,
    )  # fmt: skip
    return Store(generation, (program,))


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
