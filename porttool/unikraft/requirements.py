"""What the emitted libraries need, and the lines of their ``Config.uk`` that bring it.

The exporter's needs are those of its patched sources and of the C that starts it, lib-ukmetrics'
those of its own C and of the ukstore entries in the metric table. Both are held against what the
release provides.
"""

import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import porttool
from porttool.audit import audit, cache
from porttool.audit.failures import fail_if_unparsed
from porttool.audit.model import Kind
from porttool.audit.status import Judged, Status, judge
from porttool.unikraft.kconfig import Conditional, Consequences, Graph, Option
from porttool.unikraft.provides import Entry, Provides
from porttool.unikraft.scan.condition import ALWAYS, symbol
from porttool.unikraft.scan.layout import Layout
from porttool.unikraft.selects import Lines, Wanted, config_lines
from porttool.unikraft.table import Catalogue, version
from porttool.unikraft.table import Mapping as MetricMapping

_UKMETRICS = Path(porttool.__file__).parent / "ukmetrics"
_TWIN_HEADERS = Path(porttool.__file__).parent / "hosttwin" / "include"

_OWN = "LIBUKMETRICS"
_GLUE = "glue.c"
_SOCKET, _STACK = "socket", "HAVE_NW_STACK"

#: ``netdev.ip`` on the kernel command line (``lib/uknetdev/Config.uk`` of 0.16.3).
_LISTEN, _ADDRESS = "listen", "LIBUKNETDEV_EINFO_LIBPARAM"

#: ukstore finds libraries by it in its second generation, and has none in its first.
_LIBID = "LIBUKLIBID"

#: A symbol, to the end of its help, and what it says before that.
_ENTRY = re.compile(r"^(?:menu)?config (\w+)\n(?:\t.*\n)*\n?", re.MULTILINE)
_HEAD = re.compile(r"(?:menu)?config \w+\n(?:\t(?!help).*\n)*")
_DEPENDS = re.compile(r"^\tdepends on (\w+)$", re.MULTILINE)
_CONDITIONAL = re.compile(r"\t\w+ .* if (\w+)\n")

#: Headers that a build writes. What is in them does not matter to what code needs.
_GENERATED = {"uk/bits/config.h": "", "uk/bits/libid.h": ""}
#: Those of older releases whose macros take other arguments than the twin's.
_OLDER = {
    "0.16.0": {
        "uk/init.h": """\
#define uk_lib_initcall_prio(init, prio)
#define uk_sys_initcall(init)
#define uk_late_initcall(init)
"""
    },
    "0.14.0": {
        "uk/store.h": """\
#include <uk/arch/types.h>
#define UK_STORE_STATIC_ENTRY(name, type, get, set, cookie)
"""
    },
}

#: What keeps a library from being built.
_MISSING = (Status.ABSENT, Status.DECLARED_ONLY)
_NEEDED = (Kind.FUNCTION, Kind.VARIABLE, Kind.HEADER)


@dataclass(frozen=True, slots=True)
class OwnCode:
    """The needs of our own C, by the symbol that it is built for.

    "" stands for all of lib-ukmetrics, ``glue`` is the C that starts the exporter.
    """

    needs: Mapping[str, tuple[Judged, ...]]
    glue: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class UkmetricsLines:
    """Lines of lib-ukmetrics' symbol, and of its other symbols that a release can have.

    Those that only settle something for lib-ukmetrics itself have no lines.
    """

    own: Lines
    others: Mapping[str, Lines]

    def config(self) -> str:
        """The text of ``Config.uk``: the library's own, with these lines.

        Symbols that depend on what the release does not have are not in it.
        """
        known = {_OWN: self.own, **self.others}

        def entry(match: re.Match[str]) -> str:
            if match[1] not in known:
                return ""
            head = "".join(
                line
                for line in _HEAD.match(match[0])[0].splitlines(keepends=True)  # type: ignore[index]
                if not (condition := _CONDITIONAL.fullmatch(line)) or condition[1] in known
            )
            return head + _text(known[match[1]]) + _HEAD.sub("", match[0], count=1)

        return _ENTRY.sub(entry, _config())


@dataclass(frozen=True, slots=True)
class PortLines:
    """Lines of the exporter's symbol, and what the release lacks for its code to be linked."""

    lines: Lines
    missing: tuple[Judged, ...]


def own_code(glue: bytes, target: bytes, provides: Provides) -> OwnCode:
    """What lib-ukmetrics and ``glue``, the C that starts an exporter, need of a release.

    ``target`` is the header that names the release. They are read with the host twin's copies of
    Unikraft's headers. The metric table is not among it: what that takes, its entries say.
    """
    with tempfile.TemporaryDirectory(prefix="porttool-") as temporary:
        root = Path(temporary).resolve()
        owners = _sources(provides, root)
        for name in (*owners, *(path.name for path in _UKMETRICS.glob("*.h"))):
            shutil.copy(_UKMETRICS / name, root)
        (root / _GLUE).write_bytes(glue)
        (root / "target.h").write_bytes(target)
        for name, text in _headers(provides.release).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        symbols = {*_possible(provides), *re.findall(r"CONFIG_(\w+)", glue.decode())}
        report = audit(
            root,
            [root / name for name in (*owners, _GLUE)],
            (root, _UKMETRICS / "include", _TWIN_HEADERS),
            (*(f"CONFIG_{name}=1" for name in sorted(symbols)), "__LIBNAME__=libown"),
            cache=cache.default_folder(),
        )
    fail_if_unparsed(report, patched=True)
    owners[_GLUE] = _GLUE
    needs: dict[str, list[Judged]] = defaultdict(list)
    for each in judge(report, provides):
        for owner in {owners.get(site.file, "") for site in each.need.sites}:
            needs[owner].append(each)
    by_owner = {owner: tuple(found) for owner, found in needs.items()}
    return OwnCode(by_owner, by_owner.pop(_GLUE, ()))


def ukmetrics_lines(
    own: OwnCode, provides: Provides, catalogue: Catalogue, mapping: MetricMapping
) -> UkmetricsLines:
    """What lib-ukmetrics has to say in its ``Config.uk``: for its C and for the metric table.

    ``mapping`` has only what ``catalogue`` has. What a symbol of lib-ukmetrics is said to depend
    on there, it does not select.
    """
    possible = _possible(provides)
    consequences = Consequences(provides.kconfig)
    entries = _entries(catalogue, mapping, possible)
    whole = _wanted(own.needs.get("", ()), provides.kconfig)
    lines = config_lines(whole, consequences, given=[_OWN])
    others: dict[str, Lines] = {}
    for option, depends in possible.items():
        given = {*lines.settled, *depends}
        for above in depends:
            given |= others[above].settled if above in others else set()
        wanted = _wanted(own.needs.get(option, ()), provides.kconfig)
        optional = set()
        for needed, needs in entries.get(option, {}).items():
            if needed not in wanted and all(each.dynamic for each in needs):
                optional.add(needed)
            wanted.setdefault(needed, []).extend(each.key for each in needs)
        others[option] = config_lines(wanted, consequences, given=given, optional=optional)
    return UkmetricsLines(lines, others)


def port_lines(
    root: Path,
    sources: Sequence[Path],
    includes: Sequence[Path],
    defines: Sequence[str],
    own: OwnCode,
    ukmetrics: UkmetricsLines,
    provides: Provides,
    further: Iterable[str] = (),
) -> PortLines:
    """What the exporter has to say in its ``Config.uk`` in the release of ``provides``.

    The first four arguments are those of :func:`porttool.audit.audit`, for the patched upstream.
    ``further`` are Kconfig symbols that ``porttool.toml`` selects. Raises :class:`CheckFailed`
    when a source does not parse, because then nobody knows what it needs.
    """
    folders = (*includes, _UKMETRICS / "include")
    report = audit(root, sources, folders, defines, cache=cache.default_folder())
    fail_if_unparsed(report, patched=True)
    judged = judge(report, provides)
    wanted = _wanted([*judged, *own.glue], provides.kconfig)
    for needed in further:
        wanted.setdefault(needed, []).append("porttool.toml")
    optional = _address(judged, provides)
    for needed, needs in optional.items():
        wanted.setdefault(needed, []).extend(needs)
    consequences = Consequences(_with_ukmetrics(provides.kconfig, ukmetrics.own))
    missing = tuple(
        each for each in judged if each.status in _MISSING and each.need.kind in _NEEDED
    )
    lines = config_lines(wanted, consequences, optional=optional.keys())
    return PortLines(lines, missing)


def _headers(release: str) -> dict[str, str]:
    """Headers that the twin does not have, or not as an older release has them."""
    found = dict(_GENERATED)
    for later, headers in _OLDER.items():
        if version(release) < version(later):
            found |= headers
    return found


def _config() -> str:
    return (_UKMETRICS / "Config.uk").read_text(encoding="utf-8")


def _possible(provides: Provides) -> dict[str, tuple[str, ...]]:
    """The symbols of lib-ukmetrics that a release can have, with what they depend on.

    Its own, ``LIBUKMETRICS``, is not among them.
    """
    found: dict[str, tuple[str, ...]] = {}
    for entry in _ENTRY.finditer(_config()):
        depends = tuple(_DEPENDS.findall(entry[0]))
        known = provides.kconfig.options.keys() | found.keys()
        if entry[1] != _OWN and known >= set(depends):
            found[entry[1]] = depends
    return found


def _sources(provides: Provides, temporary: Path) -> dict[str, str]:
    """The C files of lib-ukmetrics that are built for a release, each with the symbol it is for."""
    possible = _possible(provides)
    fixed = {name: False for name in _names(_config()) if name not in (*possible, _OWN)}
    fixed[_LIBID] = _LIBID in provides.kconfig.options
    found = {}
    layout = Layout(None, [_UKMETRICS], None, temporary)
    for library in layout.libraries:
        for file in layout.files(library):
            for term in file.condition.given(fixed).terms:
                needed = sorted(name for name, _ in term if name in possible)
                found[file.path.name] = needed[0] if needed else ""
    return found


def _names(config: str) -> list[str]:
    return [entry[1] for entry in _ENTRY.finditer(config)]


def _text(lines: Lines | None) -> str:
    return "".join(f"\t{line.text}\n" for line in lines.lines) if lines is not None else ""


def _with_ukmetrics(graph: Graph, own: Lines) -> Graph:
    """``graph`` with the symbol of lib-ukmetrics, of which it does not know."""
    depends = ALWAYS
    for line in own.lines:
        if line.word == "depends on":
            depends = depends & symbol(line.symbol)
    selects = tuple(Conditional(line.symbol) for line in own.lines if line.word == "select")
    option = Option(_OWN, "lib/ukmetrics/Config.uk", ALWAYS, depends, selects)
    return replace(graph, options={**graph.options, _OWN: option})


def _wanted(judged: Iterable[Judged], graph: Graph) -> dict[str, list[str]]:
    """The Kconfig symbols of all needs that can be linked, each with these needs.

    Not those of platforms: every one has what is in ``<uk/plat/...>``.
    """
    wanted: dict[str, list[str]] = {}
    for each in judged:
        if each.need.kind in (Kind.FUNCTION, Kind.VARIABLE):
            name = each.need.name
        elif each.need.kind is Kind.HEADER:
            name = f"<{each.need.name}>"
        else:
            continue
        for needed in each.symbols:
            if needed in graph.options and graph.options[needed].machine:
                continue
            wanted.setdefault(needed, []).append(name)
        if _SOCKET in each.syscalls:
            # A socket can be opened for what the network stack has registered, and for no more.
            wanted.setdefault(_STACK, []).append(name)
    return wanted


def _address(judged: Iterable[Judged], provides: Provides) -> Wanted:
    """What lets an operator give the devices of a server their address.

    A network stack comes up without one, and the code does not say that it needs any.
    """
    servers = [each.need.name for each in judged if _LISTEN in each.syscalls]
    known = _ADDRESS in provides.kconfig.options
    return {_ADDRESS: servers} if servers and known else {}


def _entries(
    catalogue: Catalogue, mapping: MetricMapping, possible: Collection[str]
) -> dict[str, dict[str, list[Entry]]]:
    """The entries that each symbol of lib-ukmetrics shows, by the Kconfig symbols that they take.

    One that lib-ukmetrics makes itself is of the symbol that it is made for, another one of its
    family's collector.
    """
    found: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    entries = {entry.key: entry for entry in catalogue.entries}
    for family in mapping.families:
        for key in {key for sample in family.samples for key in sample.entries}:
            entry = entries[key]
            own = [name for name in entry.requires if name in possible]
            owner = own[0] if own else f"{_OWN}_{(family.collector or '').upper()}"
            for name in entry.requires:
                if name not in (*possible, _OWN):
                    found[owner][name].append(entry)
    return found
