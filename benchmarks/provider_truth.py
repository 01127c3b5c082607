"""Is what the audit says of a function what Unikraft's compiler, linker and unikernel say?

    python benchmarks/provider_truth.py --unikraft DIR --libs DIR:DIR --archives DIR [--write]

Each function of ``provider_truth/probes.c.in`` is judged by the audit, and then tried: the C
compiler is given a call of it with the include folders of a Unikraft application, one build links
the address of all of them (the linker warns of each one that nothing defines), and the image is
booted in QEMU, where each is called with harmless arguments and its effect looked for. The build
has the Kconfig symbols that the audit says the functions require, one more has those that exclude
the first ones', and a third has as few as Kconfig lets it, so that what a requirement is worth
shows. ``--write`` puts the result into ``docs/provider-truth.md``.

Needs gcc, make, bison, flex and unzip for the builds (about 2 minutes each), QEMU, and the
archives of musl and lwip. Scratch goes to ``--scratch``, and stays.
"""

import argparse
import errno
import json
import re
import selectors
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from porttool.audit import AuditReport, Kind, Need
from porttool.audit.status import Judged, Status, judge
from porttool.unikraft.provides import shipped

HERE = Path(__file__).parent
SOURCES = HERE / "provider_truth"
PAGE = HERE.parent / "docs" / "provider-truth.md"
RELEASE = "0.16.3"

#: What a unikernel needs to boot at all and to have a network and a root file system to try.
BASE = """\
CONFIG_ARCH_X86_64=y
CONFIG_PLAT_KVM=y
CONFIG_LIBMUSL=y
CONFIG_LIBLWIP=y
CONFIG_LWIP_LOOPIF=y
CONFIG_LIBVFSCORE=y
CONFIG_LIBVFSCORE_AUTOMOUNT_CI=y
CONFIG_LIBVFSCORE_AUTOMOUNT_CI_RAMFS=y
CONFIG_DEBUG_SYMBOLS_LVL1=y
"""
PAGED = """\
CONFIG_LIBPOSIX_UNIXSOCKET=y
CONFIG_LIBUKVMEM=y
CONFIG_LIBPOSIX_MMAP=y
"""
#: The parts of musl whose headers nothing else includes: without the others nothing compiles.
SPARE = ("LIBMUSL_AIO", "LIBMUSL_CRYPT", "LIBMUSL_MQ", "LIBMUSL_REGEX", "LIBMUSL_SEARCH")

QUIET = 20  # seconds without output after which a probe hangs
BOOTS = 60  # of one image, at most

#: Why the unikernel says something else than the audit.
_ONE_CPU = "the stub always answers with the first CPU, and there is no other"
NOTES = {
    "pthread_getaffinity_np": _ONE_CPU,
    "sched_getaffinity": _ONE_CPU,
}

MAKEFILE = """\
$(eval $(call addlib,appprobes))
APPPROBES_CFLAGS-y += -std=gnu11 -fno-builtin -Wno-unused -Wno-unused-result
LDFLAGS-y += -Wl,--warn-unresolved-symbols
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """A function, the headers that a call of it includes, and the C text that tries it."""

    name: str
    headers: tuple[str, ...]
    helper: str
    body: str

    @property
    def source(self) -> str:
        includes = "".join(f"#include <{header}>\n" for header in self.headers)
        return (
            f'#define _GNU_SOURCE\n{includes}#include "probe.h"\n\n{self.helper}'
            f"int probe_{self.name}(void)\n{{\n{self.body}}}\n"
        )


@dataclass(slots=True)
class Tried:
    """What compiler, linker and unikernel of one build said of one function.

    ``ran`` is "works", "nothing" (success, and no effect), the name of an error, "crash", "hang",
    or "" when it was not run; ``returned`` is what it gave. ``library`` is the one that defines it.
    """

    declared: bool = False
    linked: bool = False
    library: str = ""
    ran: str = ""
    returned: int = 0


@dataclass(slots=True)
class Build:
    """One configuration: its name, the lines of its defconfig, what Kconfig made of them."""

    name: str
    lines: str
    symbols: frozenset[str] = frozenset()
    tried: dict[str, Tried] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """Where Unikraft, its libraries and their archives lie."""

    unikraft: Path
    libs: tuple[Path, ...]
    archives: Path


def probes() -> list[Probe]:
    """The probes of ``probes.c.in``, in its order."""
    text = (SOURCES / "probes.c.in").read_text()
    blocks = re.split(
        r"^/\* (probe|helper) (\w+)(?:: ([^;*]+?))?(?:; uses (\w+))? \*/\n", text, flags=re.M
    )
    helpers: dict[str, str] = {}
    found: list[Probe] = []
    for kind, name, headers, helper, body in zip(*(blocks[n::5] for n in range(1, 6)), strict=True):
        if kind == "helper":
            helpers[name] = body
        else:
            included = tuple((headers or "").split())
            found.append(
                Probe(name, included, helpers[helper] if helper else "", body.rstrip() + "\n")
            )
    return found


def judged(tried: Sequence[Probe]) -> dict[str, Judged]:
    """What the audit says of each function for the release."""
    needs = tuple(Need(Kind.FUNCTION, each.name, "", each.headers[0], ()) for each in tried)
    return {each.need.name: each for each in judge(AuditReport(needs, ()), shipped(RELEASE))}


def run(build: Build, tree: Tree, folder: Path, all_probes: Sequence[Probe]) -> None:
    """Build the probes with one configuration and boot them; fills ``build``."""
    app = folder / build.name
    app.mkdir(parents=True, exist_ok=True)
    for library in ("libmusl", "liblwip"):
        (app / "build" / library).mkdir(parents=True, exist_ok=True)
        for archive in tree.archives.iterdir():
            if not (app / "build" / library / archive.name).exists():
                shutil.copy(archive, app / "build" / library)
    for name in ("main.c", "probe.h"):
        _write(app / name, (SOURCES / name).read_text())
    _write(app / "Config.uk", "")
    _write(app / "defconfig", build.lines)
    _write(app / "addresses.c", _addresses(all_probes))
    for probe in all_probes:
        _write(app / f"probe_{probe.name}.c", probe.source)

    _sources(app, [], all_probes)
    make(app, tree, "defconfig", f"UK_DEFCONFIG={app / 'defconfig'}")
    build.symbols = _symbols(app / ".config")
    make(app, tree, "prepare")
    make(app, tree, "-j2")
    declared, compiled = _compiled(app, all_probes)
    _sources(app, compiled, all_probes)
    # The image is linked anew even when nothing changed, for the sake of what the linker says.
    for image in (app / "build").glob("*_qemu-x86_64*"):
        image.unlink()
    said = make(app, tree, "-j2")
    undefined = set(re.findall(r"undefined reference to [`'](\w+)'", said))
    image = next(iter((app / "build").glob("*_qemu-x86_64")))
    defining = _defining(app / "build")
    results = boot(image, [each.name for each in all_probes])
    for probe in all_probes:
        result = results.get(probe.name, Tried())
        result.declared = probe in declared
        result.linked = probe.name not in undefined
        result.library = defining.get(probe.name, "")
        build.tried[probe.name] = result


def _defining(objects: Path) -> dict[str, str]:
    """The library that each symbol is linked from: a weak one only where there is no other."""
    found: dict[str, str] = {}
    weak: dict[str, str] = {}
    for path in sorted(objects.glob("lib*.o")):
        if path.name.endswith(".ld.o"):
            continue  # before its symbols were made local
        command = ["nm", "--extern-only", "--defined-only", str(path)]
        for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines():
            _, kind, name = line.split()
            (weak if kind in "WV" else found).setdefault(name, path.stem)
    return weak | found


def make(app: Path, tree: Tree, *goals: str) -> str:
    """Run Unikraft's make for the application; gives what it said."""
    libs = ":".join(map(str, tree.libs))
    command = ["make", "-C", str(tree.unikraft), f"A={app}", f"L={libs}", *goals]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    (app / "make.log").write_text(said)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{said[-4000:]}")
    return said


def _addresses(all_probes: Sequence[Probe]) -> str:
    """C text that takes the address of every function, declared nowhere else."""
    names = [probe.name for probe in all_probes]
    declared = "".join(f"extern char {name}[];\n" for name in names)
    listed = "".join(f"\t{name},\n" for name in names)
    return f"""\
#include <stddef.h>

{declared}
static char *const volatile addresses[] = {{
{listed}}};

int is_linked(size_t number)
{{
\treturn addresses[number] != NULL;
}}
"""


def _table(compiled: Collection[str], all_probes: Sequence[Probe]) -> str:
    """C text of the table that main() goes through; what is not compiled cannot be run."""
    declared = "".join(f"int probe_{name}(void);\n" for name in sorted(compiled))
    rows = "".join(
        f'\t{{ "{each.name}", {f"probe_{each.name}" if each.name in compiled else "NULL"} }},\n'
        for each in all_probes
    )
    return f"""\
#include "probe.h"

{declared}
const struct probe probes[] = {{
{rows}}};
const size_t probe_count = {len(all_probes)};
"""


def _sources(app: Path, compiled: Sequence[Probe], all_probes: Sequence[Probe]) -> None:
    """Write the table of probes and the application's Makefile.uk."""
    names = {probe.name for probe in compiled}
    _write(app / "table.c", _table(names, all_probes))
    files = ["main.c", "addresses.c", "table.c", *(f"probe_{name}.c" for name in sorted(names))]
    lines = "".join(f"APPPROBES_SRCS-y += $(APPPROBES_BASE)/{name}\n" for name in files)
    _write(app / "Makefile.uk", MAKEFILE + lines)


def _write(path: Path, text: str) -> None:
    """Write a file whose time changes only with its text, so that make does not begin anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _symbols(config: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^CONFIG_(\w+)=y$", config.read_text(), re.M))


class Compiler:
    """The C compiler with the flags and include folders of the application."""

    def __init__(self, app: Path) -> None:
        command = shlex.split((app / "build" / "appprobes" / "main.o.cmd").read_text())
        command = [part for part in command if not part.endswith(("main.c", "main.o"))]
        self._command = [
            part for part in command if part not in ("-c", "-o") and not part.startswith("-Wp,")
        ]

    def declares(self, probe: Probe) -> bool:
        """Whether the headers of a probe exist and one of them declares the function."""
        includes = "".join(f"#include <{header}>\n" for header in probe.headers)
        address = f"void *address(void)\n{{\n\treturn (void *){probe.name};\n}}\n"
        source = f"#define _GNU_SOURCE\n{includes}{address}"
        return not self._errors(["-x", "c", "-"], source)

    def error(self, source: Path) -> str:
        """The first error in a source file, "" when the compiler accepts it."""
        errors = self._errors(["-Werror=implicit-function-declaration", str(source)], "")
        return errors[0] if errors else ""

    def _errors(self, arguments: list[str], source: str) -> list[str]:
        command = [*self._command, "-fsyntax-only", *arguments]
        done = subprocess.run(command, input=source, capture_output=True, text=True)
        return [line for line in done.stderr.splitlines() if "error: " in line]


def _compiled(app: Path, all_probes: Sequence[Probe]) -> tuple[list[Probe], list[Probe]]:
    """The probes whose function is declared, and those that the compiler accepts."""
    compiler = Compiler(app)
    with ThreadPoolExecutor(2) as pool:
        declares = list(pool.map(compiler.declares, all_probes))
        sources = [app / f"probe_{each.name}.c" for each in all_probes]
        errors = list(pool.map(compiler.error, sources))
    wrong = [error for error, declared in zip(errors, declares, strict=True) if error and declared]
    if wrong:
        sys.exit("probes that are wrong:\n" + "\n".join(wrong))
    declared = [each for each, good in zip(all_probes, declares, strict=True) if good]
    return declared, [each for each, bad in zip(all_probes, errors, strict=True) if not bad]


def boot(image: Path, names: Sequence[str]) -> dict[str, Tried]:
    """Run all probes of an image, anew from the next one on when one stops the unikernel."""
    results: dict[str, Tried] = {}
    first = 0
    for _ in range(BOOTS):
        text, ended = _qemu(image, first)
        for line in re.findall(r"^@end (\w+ \S+ \S+ \S+)\s*$", text, re.M):
            name, verdict, returned, error = line.split()
            # Unikraft's stubs of system calls set errno to the negative number.
            refusal = errno.errorcode.get(abs(int(error)), "refused")
            words = {0: refusal, 1: "nothing", 2: "works"}
            results[name] = Tried(ran=words[int(verdict)], returned=int(returned))
        begun = re.findall(r"^@begin (\w+)", text, re.M)
        if "@done" in text:
            return results
        if not begun or begun[-1] in results:
            sys.exit(f"{image} stopped between two probes:\n{text[-2000:]}")
        results[begun[-1]] = Tried(ran="crash" if ended else "hang")
        first = names.index(begun[-1]) + 1
    sys.exit(f"{image} did not come to an end in {BOOTS} boots")


def _qemu(image: Path, first: int) -> tuple[str, bool]:
    """Boot from a probe on; gives the console, and whether the unikernel ended by itself."""
    command = ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-m", "128M", "-nographic"]
    command += [
        "-no-reboot",
        "-nic",
        "none",
        "-kernel",
        str(image),
        "-append",
        f"probes -- {first}",
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(QUIET):
            chunk = process.stdout.read1(65536)  # type: ignore[attr-defined]
            text += chunk
            if not chunk or b"@done" in text:
                break
    ended = process.poll() is not None or b"Unikraft crash" in text or b"CPU:" in text
    process.kill()
    process.wait()
    return text.decode("utf-8", "replace").replace("\r", ""), ended


def configurations(expected: Mapping[str, Judged]) -> tuple[Build, Build, Build]:
    """All that the functions require, the same with paging, and as little as there can be."""
    required = sorted({symbol for each in expected.values() for symbol in each.symbols})
    lines = BASE + "".join(f"CONFIG_{symbol}=y\n" for symbol in required)
    kept = {symbol for symbol in required if symbol.startswith("LIBMUSL")} - set(SPARE)
    kept |= {"LIBLWIP", "LIBVFSCORE"}  # the base needs them
    without = "".join(
        f"# CONFIG_{symbol} is not set\n" for symbol in required if symbol not in kept
    )
    return (
        Build("all", f"{lines}CONFIG_LIBPOSIX_UNIXSOCKET=y\n"),
        Build("paged", f"{lines}{PAGED}"),
        Build("bare", BASE + without),
    )


def chosen(judged_: Judged, builds: Sequence[Build]) -> Build | None:
    """The first build that has all that a function requires."""
    return next((each for each in builds if set(judged_.symbols) <= each.symbols), None)


def agreement(judged_: Judged, tried: Tried) -> str:
    """ "yes", "caveat" (the audit says beside the function that it does not work), or "no"."""
    expected = {
        Status.ABSENT: not tried.linked and not tried.declared,
        Status.DECLARED_ONLY: not tried.linked and tried.declared,
        Status.RUNTIME: tried.linked and tried.ran == "ENOSYS",
        Status.STUBBED: tried.linked and tried.ran not in ("", "works", "crash", "hang"),
        Status.PROVIDED: tried.linked and tried.ran == "works",
    }
    if expected[judged_.status]:
        return "yes"
    return "caveat" if tried.linked and judged_.caveat else "no"


def page(expected: Mapping[str, Judged], builds: tuple[Build, Build, Build]) -> str:
    """The Markdown page with all results."""
    rows: list[str] = []
    elsewhere: list[str] = []
    counts: dict[Status, dict[str, int]] = {}
    for name, each in sorted(expected.items()):
        build = chosen(each, builds[:2])
        if build is None:
            agrees, cells = "no", ["-", "-", "-", "-"]
        else:
            tried = build.tried[name]
            agrees = agreement(each, tried)
            cells = [
                build.name,
                "yes" if tried.declared else "no",
                (tried.library or "yes") if tried.linked else "no",
                (f"{tried.ran} ({tried.returned})" if tried.ran else "-"),
            ]
        by_answer = counts.setdefault(each.status, {"yes": 0, "caveat": 0, "no": 0})
        by_answer[agrees] += 1
        note = NOTES.get(name, "") if agrees != "yes" else ""
        remark = note or (each.caveat if agrees == "caveat" else "")
        if build is not None and each.library and tried.linked and tried.library != each.library:
            elsewhere.append(f"`{name}` ({each.library}, really {tried.library})")
        rows.append(f"| `{name}` | {each.status} | {' | '.join(cells)} | {agrees} | {remark} |")
    total = [
        f"| {status} | {sum(found.values())} | {found['yes']} | {found['caveat']} | {found['no']} |"
        for status, found in ((each, counts[each]) for each in Status if each in counts)
    ]
    return "\n".join(
        [
            (SOURCES / "page.md.in").read_text().rstrip(),
            "",
            "## Agreement",
            "",
            "| audit says | functions | it is so | a caveat says how | it is not |",
            "|---|---|---|---|---|",
            *total,
            "",
            f"Another library than the audit names defines: {', '.join(elsewhere) or 'none'}.",
            "",
            "## Each function",
            "",
            "| function | audit says | build | declared | links | run (returned) | agrees | |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "## Requirements",
            "",
            *_requirements(expected, builds),
            "",
        ]
    )


def _requirements(expected: Mapping[str, Judged], builds: tuple[Build, Build, Build]) -> list[str]:
    """What the bare build says of the Kconfig symbols it lacks, and of those it has."""
    bare = builds[2]
    by_symbol: dict[str, list[str]] = {}
    still: list[str] = []
    fails: list[str] = []
    for name, each in sorted(expected.items()):
        build = chosen(each, builds[:2])
        if each.status is not Status.PROVIDED or build is None or build.tried[name].ran != "works":
            continue
        missing = set(each.symbols) - bare.symbols
        if not missing and bare.tried[name].ran == "works":
            still.append(name)
        elif not missing:
            fails.append(f"`{name}` ({bare.tried[name].ran or 'does not link'})")
        for symbol in missing if len(missing) == 1 else ():
            tried = bare.tried[name]
            by_symbol.setdefault(symbol, []).append(
                f"`{name}`: {tried.ran if tried.linked else 'does not link'}"
            )
    return [
        "LIBUKMMAP and LIBPOSIX_MMAP exclude each other, and the latter takes LIBUKVMEM. The audit "
        "names LIBUKMMAP where one of the two is enough; `bare` has neither. It lacks "
        "LIBPOSIX_USER, too, so `getpwnam` and its kin are those of lib-musl, which read files "
        "that are not there.",
        "",
        "`bare` lacks some of the Kconfig symbols. Of the functions that work elsewhere, "
        f"{len(still) + len(fails)} have all that they require in it; {len(still)} work there as "
        f"well, and {len(fails)} do not: {', '.join(fails) or 'none'}.",
        "",
        "| the only one missing | what becomes of the functions |",
        "|---|---|",
        *(f"| `{symbol}` | {', '.join(found)} |" for symbol, found in sorted(by_symbol.items())),
    ]


def _save(build: Build, path: Path) -> None:
    tried = {name: asdict(each) for name, each in build.tried.items()}
    path.write_text(json.dumps({"symbols": sorted(build.symbols), "tried": tried}))


def _load(build: Build, path: Path) -> None:
    document = json.loads(path.read_text())
    build.symbols = frozenset(document["symbols"])
    build.tried = {name: Tried(**each) for name, each in document["tried"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--unikraft", type=Path, required=True)
    parser.add_argument("--libs", required=True, help="DIR:DIR")
    parser.add_argument("--archives", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--reuse", action="store_true", help="what --scratch keeps of the last run")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    tree = Tree(
        options.unikraft.resolve(),
        tuple(Path(part).resolve() for part in options.libs.split(":")),
        options.archives.resolve(),
    )
    every = probes()
    expected = judged(every)
    builds = configurations(expected)
    for build in builds:
        started = time.monotonic()
        kept = options.scratch.resolve() / f"{build.name}.json"
        if options.reuse and kept.exists():
            _load(build, kept)
        else:
            run(build, tree, options.scratch.resolve(), every)
            _save(build, kept)
        print(f"{build.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    text = page(expected, builds)
    if options.write:
        PAGE.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
