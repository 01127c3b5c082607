"""Metrics of a user's own libraries: the file ``metrics.toml`` of a workspace.

It has two parts. The first is the user's: families in the form of ``metrics.toml`` of this package
(see :mod:`porttool.unikraft.table`). The second, below :data:`MARKER`, is a catalogue of the
entries that they name; ``porttool metrics scan`` writes it, so that emitting needs nothing but the
file. docs/porting.md describes both.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

from porttool.unikraft import table
from porttool.unikraft.provides import ENTRY_TYPES, Entry
from porttool.unikraft.scan.entries import Folder
from porttool.unikraft.table import Catalogue, Family, Mapping, Sample, TableError, TomlTable

MARKER = "# What porttool metrics scan found; it writes all below this line anew.\n"

_TOP = """\
# Metrics of libraries of your own, which porttool emit puts into the metric
# table of lib-ukmetrics. The families are yours to edit: porttool metrics scan
# DIR adds those of new entries and leaves the others as they are.
"""

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*\.h")
_SYMBOL = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_ANY = re.compile(r"[^\x00-\x1f\x7f]*")
_UNITS = ("bytes", "seconds")
_ID_MAX = 2**63
_NAMES = 10


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    """What a file says: entries in its order, families as they stand in it.

    ``where`` is the file, for messages.
    """

    where: str
    entries: tuple[Entry, ...] = ()
    families: tuple[Family, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that was found and that cannot become a metric, with the reason."""

    entry: str
    why: str


@dataclass(frozen=True, slots=True)
class Update:
    """What a scan makes of a file.

    ``text`` is what the file has to be. ``added`` are the families that it gets; ``changed`` keys
    of entries whose facts differ from what the file had; ``gone`` those that were not found any
    more, ``dropped`` the families that went with them because nobody had edited them, and
    ``dangling`` those that somebody had and that name an entry that is gone. ``left`` are entries
    that cannot become metrics, ``shipped`` those that the table has without the file.
    """

    text: str
    entries: tuple[Entry, ...]
    added: tuple[Family, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    dropped: tuple[str, ...]
    dangling: tuple[str, ...]
    left: tuple[Left, ...]
    shipped: tuple[str, ...]


def load(path: Path) -> OwnMetrics:
    """Read a file; :class:`TableError` when it is not as it must be."""
    top = table.read_toml(path)
    families = tuple(table.read_families(top.take("families", list, []), top.where))
    entries: dict[str, Entry] = {}
    for position, raw in enumerate(top.take("libraries", list, []), 1):
        library = TomlTable(raw, f"{path}: library {position}")
        for entry in _library_entries(library):
            if entry.key in entries:
                raise library.error(f"{entry.key} is listed twice")
            entries[entry.key] = entry
    top.done()
    return OwnMetrics(str(path), tuple(entries.values()), families)


def _library_entries(library: TomlTable) -> Iterator[Entry]:
    name = library.text("name", table.LIBRARY_NAME)
    library.where += f" ({name})"
    raws = library.take("entries", list)
    library.done()
    for position, raw in enumerate(raws, 1):
        each = TomlTable(raw, f"{library.where}: entry {position}")
        value = each.take("value", int) if each.has("value") else None
        pattern = each.optional_text("object", _ANY)
        entry = Entry(
            library=name,
            name=each.text("name", table.ENTRY_NAME),
            id=each.optional_text("id", _ID),
            value=value,
            type=each.text("type", re.compile("|".join(ENTRY_TYPES))),
            header=each.optional_text("header", _HEADER),
            requires=tuple(sorted(each.texts("requires", _SYMBOL))),
            object=pattern or None,
            dynamic=pattern is not None,
        )
        each.done()
        if value is not None and not 0 <= value < _ID_MAX:
            raise each.error("'value' is no id")
        if entry.header is not None and entry.id is None:
            raise each.error("'id' is missing, which 'header' defines")
        yield entry


def combined(release: str, own: OwnMetrics | None) -> tuple[Catalogue, Mapping]:
    """The catalogue of a release and the mapping for it, with ``own`` in both.

    What the release knows by itself counts; entries of objects are left out where it has none.
    Raises :class:`TableError` when a family names an entry that nobody knows, or does not go with
    the others.
    """
    shipped = table.shipped_catalogue(release)
    if own is None:
        return shipped, table.available(table.shipped_mapping(), shipped)
    fitting = [entry for entry in own.entries if _reason(entry, shipped.ukstore) is None]
    entries = {entry.key: entry for entry in (*fitting, *shipped.entries)}
    known = entries.keys() | {entry.key for entry in own.entries}
    for family in own.families:
        unknown = {key for sample in family.samples for key in sample.entries} - known
        if unknown and not unknown <= _ever_shipped():
            raise TableError(
                f"{family.name}: there is no entry '{min(unknown - _ever_shipped())}'",
                where=own.where,
                why="neither porttool metrics scan nor porttool itself knows it",
                fix="scan the library that has it, or remove the family",
            )
    catalogue = Catalogue(release, shipped.ukstore, tuple(entries[key] for key in sorted(entries)))
    try:
        mapping = table.merge_families((*table.shipped_mapping().families, *own.families))
        mapping = table.available(mapping, catalogue)
        table.metric_table(catalogue, mapping)
    except TableError as error:
        error.where = error.where or own.where
        raise
    return catalogue, mapping


@cache
def _ever_shipped() -> frozenset[str]:
    return frozenset(
        entry.key
        for release in table.shipped_releases()
        for entry in table.shipped_catalogue(release).entries
    )


def _reason(entry: Entry, ukstore: int) -> str | None:
    """Why an entry cannot be in a table, or None when it can."""
    if entry.type not in table.SHOWN:
        return "an address is neither a figure nor a text"
    if ukstore < 2:
        return "this release has no objects" if entry.dynamic else None
    if entry.header is None and entry.value is None:
        return "its id is not known"
    return None


def update(path: Path, found: Folder, release: str) -> Update:
    """What ``path`` has to become when ``found`` was scanned for a Unikraft release.

    A file that is not there counts as empty. Nothing is written. Raises :class:`TableError` for a
    file that is not as it must be, or when a library has a name that C could not take.
    """
    before = load(path) if path.exists() else OwnMetrics(str(path))
    edited = _edited_part(path)
    usable, left, twice = _usable(found, table.shipped_catalogue(release))
    scanned = {*found.libraries, *(entry.library for entry in found.entries)}
    old = {entry.key: entry for entry in before.entries if entry.library in scanned}
    gone = sorted(old.keys() - usable.keys())
    changed = sorted(key for key in old.keys() & usable.keys() if usable[key] != old[key])

    outdated: dict[str, str] = {}  # name of a family that nobody edited -> key of its entry
    for key in (*gone, *changed):
        for family in before.families:
            if _by_rule(family, old[key], edited) and (
                key in gone or family != _family(family.name, usable[key])
            ):
                outdated[family.name] = key
                edited = edited.replace(_text_of(family), "", 1)
    kept = [family for family in before.families if family.name not in outdated]
    mapped = {key for family in kept for sample in family.samples for key in sample.entries}
    wanted = (usable.keys() - old.keys() | {*outdated.values()}) & usable.keys() - mapped
    namer = _Namer(kept)
    # A counter's name cannot be bent; that of another may have to give way to it.
    order = sorted(wanted, key=lambda key: (not _counts(usable[key]), key))
    added = sorted((namer.take(usable[key]) for key in order), key=lambda family: family.name)

    others = [entry for entry in before.entries if entry.library not in scanned]
    entries = sorted((*others, *usable.values()), key=lambda entry: entry.key)
    return Update(
        text=edited + "".join(map(_text_of, added)) + _catalogue_text(entries),
        entries=tuple(usable[key] for key in sorted(usable)),
        added=tuple(added),
        changed=tuple(changed),
        gone=tuple(gone),
        dropped=tuple(sorted(name for name, key in outdated.items() if key in gone)),
        dangling=tuple(
            family.name
            for family in kept
            if any(key in gone for sample in family.samples for key in sample.entries)
        ),
        left=left,
        shipped=twice,
    )


def _by_rule(family: Family, entry: Entry, text: str) -> bool:
    """Whether a family in ``text`` is just what was made of an entry once."""
    return (
        family.name in islice(_Namer.names(entry), _NAMES)
        and family == _family(family.name, entry)
        and _text_of(family) in text
    )


def _edited_part(path: Path) -> str:
    """The part of a file that is the user's."""
    if not path.exists():
        return _TOP
    text = path.read_text(encoding="utf-8")
    head, marker, _ = text.partition("\n" + MARKER)
    if not marker and re.search(r"^\s*\[\[\s*libraries\s*\]\]", text, re.MULTILINE):
        raise TableError(
            "the line above the libraries is missing",
            where=str(path),
            why="what stands below it is written anew, what stands above is kept",
            fix=f"bring it back: {MARKER.rstrip()}",
        )
    return head.rstrip("\n") + "\n"


def _usable(
    found: Folder, shipped: Catalogue
) -> tuple[dict[str, Entry], tuple[Left, ...], tuple[str, ...]]:
    """Entries that can become metrics, those that cannot, and those that need nothing."""
    known = {entry.key for entry in shipped.entries}
    usable: dict[str, Entry] = {}
    left, twice = [], []
    for entry in map(_portable, found.entries):
        if not table.LIBRARY_NAME.fullmatch(entry.library):
            raise TableError(f"{entry.library!r} cannot be the name of a library in C")
        why = _reason(entry, shipped.ukstore)
        if entry.key in known:
            twice.append(entry.key)
        elif entry.key in usable:
            left.append(Left(entry.key, "another entry of the library has its name"))
        elif why is not None:
            left.append(Left(entry.key, why))
        else:
            usable[entry.key] = entry
    return usable, tuple(left), tuple(twice)


def _portable(entry: Entry) -> Entry:
    """An entry as every build can take it.

    No Kconfig symbol tells whether an application is the one in a build, so its headers may not be
    there: its ids are known by value.
    """
    if entry.value is not None and not 0 <= entry.value < _ID_MAX:
        entry = replace(entry, value=None)
    if entry.id is not None and not _ID.fullmatch(entry.id):
        entry = replace(entry, id=None)
    shared = not entry.library.startswith("app")
    if entry.header is not None and not (entry.id and shared and _HEADER.fullmatch(entry.header)):
        entry = replace(entry, header=None)
    return entry


def _counts(entry: Entry) -> bool:
    return entry.name.endswith("_total") and entry.type != table.TEXT


class _Namer:
    """Makes the family of an entry by rule, under a name that is not taken."""

    def __init__(self, taken: Iterable[Family]) -> None:
        families = (*table.shipped_mapping().families, *taken)
        self._bases = {family.base for family in families}

    def take(self, entry: Entry) -> Family:
        """The family for an entry; its name is taken from now on."""
        made = (_family(name, entry) for name in self.names(entry))
        family = next(each for each in made if each.base not in self._bases)
        self._bases.add(family.base)
        return family

    @staticmethod
    def names(entry: Entry) -> Iterator[str]:
        """The names that an entry's family could have, the first choice first; no end of them."""
        ending = ""
        name = entry.name
        if entry.type == table.TEXT:
            ending = "_info"
        elif _counts(entry):
            name, ending = name.removesuffix("_total"), "_total"
        for library in (entry.library[3:].lstrip("_"), entry.library):
            yield f"unikraft_{library}_{name}{ending}"
        number = 2
        while True:
            yield f"unikraft_{entry.library}_{name}_{number}{ending}"
            number += 1


def _family(name: str, entry: Entry) -> Family:
    counter, text = _counts(entry), entry.type == table.TEXT
    base = name.removesuffix("_total") if counter else name
    label = _object_label(entry) if entry.dynamic else None
    what = f"{entry.name} of {entry.library}"
    of = f", of each {label}" if label else ""
    text_label = entry.name if entry.name != label else "value"
    sample = Sample(
        entry=None if text else entry.key,
        texts=((text_label, entry.key),) if text else (),
        object_label=label,
    )
    unit = next((unit for unit in _UNITS if not text and base.endswith(f"_{unit}")), "")
    return Family(
        name=name,
        help=f"The ukstore entry {what}{of}{'; always 1' if text else ''}.",
        type="counter" if counter else "gauge",
        unit=unit,
        collector=None,
        samples=(sample,),
    )


def _object_label(entry: Entry) -> str:
    """What an object is, as far as its name tells: ``netdev`` of ``netdev%d``."""
    word = re.sub(r"[-_.]?(%.*|[0-9]+)$", "", entry.object or "")
    return word if re.fullmatch(r"[a-z][a-z0-9_]*", word) else "object"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _inline(pairs: Iterable[tuple[str, str]]) -> str:
    return "{ " + ", ".join(f"{key} = {value}" for key, value in pairs) + " }"


def _text_of(family: Family) -> str:
    """A family by rule, in TOML, with the empty line in front of it."""
    (sample,) = family.samples
    pairs = []
    if sample.entry:
        pairs.append(("entry", _quoted(sample.entry)))
    if sample.texts:
        texts = ((label, _quoted(entry)) for label, entry in sample.texts)
        pairs.append(("texts", _inline(texts)))
    if sample.object_label:
        pairs.append(("object_label", _quoted(sample.object_label)))
    lines = [
        "",
        "[[families]]",
        f"name = {_quoted(family.name)}",
        f"help = {_quoted(family.help)}",
        f"type = {_quoted(family.type)}",
        *([f"unit = {_quoted(family.unit)}"] if family.unit else []),
        f"samples = [{_inline(pairs)}]",
    ]
    return "\n".join(lines) + "\n"


def _catalogue_text(entries: Iterable[Entry]) -> str:
    libraries: dict[str, list[Entry]] = {}
    for entry in entries:
        libraries.setdefault(entry.library, []).append(entry)
    if not libraries:
        return ""
    lines = ["", MARKER.rstrip()]
    for library, members in libraries.items():
        lines += ["", "[[libraries]]", f"name = {_quoted(library)}", "entries = ["]
        lines += [f"    {_inline(_entry_pairs(entry))}," for entry in members]
        lines += ["]"]
    return "\n".join(lines) + "\n"


def _entry_pairs(entry: Entry) -> Iterator[tuple[str, str]]:
    yield "name", _quoted(entry.name)
    yield "type", _quoted(entry.type)
    if entry.id is not None:
        yield "id", _quoted(entry.id)
    if entry.value is not None:
        yield "value", str(entry.value)
    if entry.header is not None:
        yield "header", _quoted(entry.header)
    yield "requires", "[" + ", ".join(map(_quoted, entry.requires)) + "]"
    if entry.dynamic:
        yield "object", _quoted(entry.object or "")
