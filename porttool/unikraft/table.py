"""The metric table of lib-ukmetrics: which ukstore entry becomes which Prometheus metric.

A :class:`Catalogue` holds the entries that one Unikraft release has, a :class:`Mapping` says what
they are called in Prometheus; :func:`metric_table` makes C of the two. Ids appear in the C text by
their macros, so the compiler takes their values from the tree that is being built; those that no
header defines appear as numbers.
"""

import math
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from porttool.errors import UserError
from porttool.unikraft import provides
from porttool.unikraft.provides import ENTRY_TYPES, Entry
from porttool.unikraft.render import render

_HERE = Path(__file__).parent
_T = TypeVar("_T")

TEXT = "charp"
"""The type of ukstore for texts, which can be labels and no figures."""

SHOWN = tuple(name for name in ENTRY_TYPES if name != "uptr")
"""The types of ukstore that can be shown: an address is neither a figure nor a text."""

COLLECTORS = ("cpu", "files", "locks", "memory", "mounts", "netstat", "network", "system")
"""Groups that can be switched off; in ``ukm.h``, enum ukm_collector, they are UKM_CPU and so on."""

ROW_LABELS_MAX = 4
"""UKM_ROW_LABELS_MAX in ``table.h``."""

ROW_TEXTS_MAX = 6
"""UKM_ROW_TEXTS_MAX in ``table.h``."""

C_MACRO = re.compile(r"[A-Z_][A-Z0-9_]*")
_HEADER = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*\.h")
LIBRARY_NAME = re.compile(r"(lib|app)[a-z0-9_]+")
ENTRY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
OBJECT_NAME = re.compile(r"[A-Za-z0-9_.%-]+")
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+)+")


class TableError(UserError, ValueError):
    """A catalogue or a mapping does not say what it must."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one Unikraft release keeps in ukstore, with what lib-ukmetrics adds to it.

    ``ukstore`` is its generation: 1 when entries are looked up by name, 2 by id.
    """

    release: str
    ukstore: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of the table: an entry and the labels that tell it from others of its family.

    ``texts`` are labels whose values are entries, which never change. Without an ``entry`` the
    texts are all there is, and the value is 1.
    """

    entry: str | None
    labels: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    object_label: str | None = None
    scale: float = 1.0
    zero_is_unknown: bool = False

    @property
    def entries(self) -> tuple[str, ...]:
        """Keys of all entries that the sample takes, at least one."""
        return (*filter(None, [self.entry]), *(entry for _, entry in self.texts))


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family. ``unit`` is "" when there is none; ``collector`` None means always on."""

    name: str
    help: str
    type: str
    unit: str
    collector: str | None
    samples: tuple[Sample, ...]

    @property
    def base(self) -> str:
        """The name of the family in OpenMetrics: a counter's without ``_total``."""
        return self.name.removesuffix("_total")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Metric families in the order of their names, each name once."""

    families: tuple[Family, ...]


class TomlTable:
    """A TOML table that knows where it stands and that every key in it must be asked for."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise TableError("expected a table", where=where)
        self._values: dict[str, Any] = dict(values)
        self.where = where

    def error(self, what: str) -> TableError:
        """An error about this table."""
        return TableError(what, where=self.where)

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """The value of a key, once; without a default it must be there."""
        value = self._values.pop(key, default)
        if value is None:
            raise self.error(f"'{key}' is missing")
        if kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(f"'{key}' must be of type {kind.__name__}")
        return value

    def flag(self, key: str) -> bool:
        """A key that must be there, true or false."""
        value = self._values.pop(key, None)
        if not isinstance(value, bool):
            raise self.error(f"'{key}' must be true or false")
        return value

    def text(self, key: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        """A text that matches ``pattern`` as a whole."""
        value = self.take(key, str, default)
        if not pattern.fullmatch(value):
            raise self.error(f"'{key}' is not valid: {value!r}")
        return value

    def texts(self, key: str, pattern: re.Pattern[str]) -> list[str]:
        """A list of texts that match ``pattern``; empty when the key is missing."""
        values = self.take(key, list, [])
        for value in values:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise self.error(f"'{key}' holds something that is not valid: {value!r}")
        return values

    def has(self, key: str) -> bool:
        """Whether the key is there and was not taken so far."""
        return key in self._values

    def optional_text(self, key: str, pattern: re.Pattern[str]) -> str | None:
        """A text, None when the key is missing."""
        return self.text(key, pattern) if self.has(key) else None

    def pairs(self, names: re.Pattern[str], values: re.Pattern[str]) -> tuple[tuple[str, str], ...]:
        """All keys, which must match ``names``, with their texts, sorted."""
        for name in self._values:
            if not names.fullmatch(name):
                raise self.error(f"not a valid name: {name!r}")
        return tuple((name, self.text(name, values)) for name in sorted(self._values))

    def done(self) -> None:
        """Raise :class:`TableError` if there is a key that nobody took."""
        if self._values:
            raise self.error(f"unknown key '{min(self._values)}'")


def read_toml(path: Path) -> TomlTable:
    """Read a TOML file; :class:`TableError` when it is none."""
    try:
        return TomlTable(tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise TableError("cannot be read", where=str(path), why=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError("is not TOML", where=str(path), why=str(error)) from error


def load_catalogue(path: Path) -> Catalogue:
    """Read a catalogue from its TOML file; :class:`TableError` when it is not as it must be."""
    top = read_toml(path)
    release = top.text("release", _RELEASE)
    ukstore = top.take("ukstore", int)
    entries: dict[str, Entry] = {}
    for position, raw in enumerate(top.take("libraries", list), 1):
        library = TomlTable(raw, f"{path}: library {position}")
        for entry in _library_entries(library):
            if entry.key in entries:
                raise library.error(f"{entry.key} is listed twice")
            entries[entry.key] = entry
    top.done()
    return Catalogue(release, ukstore, tuple(entries[key] for key in sorted(entries)))


def _library_entries(library: TomlTable) -> Iterable[Entry]:
    name = library.text("name", LIBRARY_NAME)
    library.where += f" ({name})"
    header = library.text("header", _HEADER)
    requires = library.texts("requires", C_MACRO)
    pattern = library.optional_text("object", OBJECT_NAME)
    raws = library.take("entries", list)
    library.done()
    for position, raw in enumerate(raws, 1):
        table = TomlTable(raw, f"{library.where}: entry {position}")
        entry = Entry(
            library=name,
            name=table.text("name", ENTRY_NAME),
            id=table.text("id", C_MACRO),
            value=table.take("value", int),
            type=table.text("type", re.compile("|".join(SHOWN))),
            header=header,
            requires=tuple(sorted({*requires, *table.texts("requires", C_MACRO)})),
            object=pattern,
            dynamic=pattern is not None,
        )
        table.done()
        yield entry


def load_mapping(path: Path) -> Mapping:
    """Read a mapping from its TOML file; :class:`TableError` when it is not as it must be."""
    top = read_toml(path)
    families = list(read_families(top.take("families", list), top.where))
    top.done()
    return merge_families(families)


def read_families(raws: Iterable[object], where: str) -> Iterator[Family]:
    """The families of a file, each as its table tells; ``where`` names the file."""
    for position, raw in enumerate(raws, 1):
        table = TomlTable(raw, f"{where}: family {position}")
        name = table.text("name", _METRIC)
        table.where += f" ({name})"
        yield Family(
            name=name,
            help=table.text("help", re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")),
            type=table.text("type", re.compile("counter|gauge|untyped")),
            unit=table.text("unit", re.compile("[a-z]*"), ""),
            collector=table.optional_text("collector", re.compile("|".join(COLLECTORS))),
            samples=tuple(
                _load_sample(TomlTable(sample, f"{table.where}: sample {number}"))
                for number, sample in enumerate(table.take("samples", list), 1)
            ),
        )
        table.done()


def _load_sample(table: TomlTable) -> Sample:
    labels = TomlTable(table.take("labels", dict, {}), f"{table.where}: labels")
    texts = TomlTable(table.take("texts", dict, {}), f"{table.where}: texts")
    sample = Sample(
        entry=table.take("entry", str, "") or None,
        labels=labels.pairs(_LABEL, re.compile("[ -~]+")),
        texts=texts.pairs(_LABEL, re.compile(".+")),
        object_label=table.optional_text("object_label", _LABEL),
        scale=table.take("scale", float, 1.0),
        zero_is_unknown=table.text("zero", re.compile("known|unknown"), "known") == "unknown",
    )
    table.done()
    if not (math.isfinite(sample.scale) and sample.scale > 0):
        raise table.error("'scale' must be a positive number")
    if len(sample.labels) > ROW_LABELS_MAX:
        raise table.error(f"more than {ROW_LABELS_MAX} labels")
    if len(sample.texts) > ROW_TEXTS_MAX:
        raise table.error(f"more than {ROW_TEXTS_MAX} texts")
    if not sample.entries:
        raise table.error("'entry' is missing, and so is 'texts'")
    return sample


def merge_families(families: Iterable[Family]) -> Mapping:
    """Check families on their own and make a mapping of them.

    A family that is listed several times (by more than one file, say) becomes one, so that its
    samples follow each other. :class:`TableError` when the listings differ in anything but
    samples, when a name breaks the conventions of Prometheus, when two families would be one in
    OpenMetrics, or when two samples of a family would have the same labels.
    """
    merged: dict[str, Family] = {}
    for family in families:
        _check_family(family)
        known = merged.get(family.name, family)
        if replace(known, samples=()) != replace(family, samples=()):
            raise TableError(
                f"{family.name} is listed with differing help, type, unit or collector",
                fix="give every listing of a family the same text",
            )
        samples = family.samples if known is family else known.samples + family.samples
        merged[family.name] = replace(family, samples=samples)

    bases: dict[str, str] = {}
    for family in merged.values():
        if bases.setdefault(family.base, family.name) != family.name:
            raise TableError(
                f"{family.name} and {bases[family.base]} are the same family in OpenMetrics"
            )
        seen: set[tuple[object, ...]] = set()
        for sample in family.samples:
            library = sample.entries[0].partition("/")[0] if sample.object_label else None
            identity = (sample.labels, sample.texts, sample.object_label, library)
            if identity in seen:
                raise TableError(f"{family.name}: two samples have the same labels")
            seen.add(identity)
    return Mapping(tuple(merged[name] for name in sorted(merged)))


def _check_family(family: Family) -> None:
    if not family.samples:
        raise TableError(f"{family.name} has no samples")
    ends_in_total = family.name.endswith("_total")
    if (family.type == "counter") != ends_in_total and not (
        family.type == "untyped" and not ends_in_total
    ):
        raise TableError(f"{family.name}: a counter, and nothing else, ends in _total")
    if family.unit and not family.base.endswith(f"_{family.unit}"):
        raise TableError(f"{family.name}: the name does not end in its unit, {family.unit}")
    for sample in family.samples:
        names = [*dict(sample.labels), *dict(sample.texts), *filter(None, [sample.object_label])]
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        if twice:
            raise TableError(f"{family.name}: label '{twice[0]}' is set twice")


@cache
def shipped_catalogue(release: str) -> Catalogue:
    """The catalogue of a Unikraft release that porttool knows, for instance ``0.16.3``.

    Raises :class:`TableError` for a release that is not known.
    """
    if release not in shipped_releases():
        raise TableError(
            f"no catalogue of Unikraft {release!r}",
            why=f"known releases: {', '.join(shipped_releases())}",
        )
    known = provides.shipped(release)
    entries = (*known.entries, *own_entries(release))
    return Catalogue(release, known.ukstore or 0, tuple(sorted(entries, key=lambda e: e.key)))


@cache
def _all_own_entries() -> tuple[tuple[str | None, Entry], ...]:
    """What lib-ukmetrics adds, each entry with the oldest release that can have it."""
    top = read_toml(_HERE / "own_entries.toml")
    found = []
    for position, raw in enumerate(top.take("libraries", list), 1):
        library = TomlTable(raw, f"{top.where}: library {position}")
        since = library.optional_text("since", _RELEASE)
        found += [(since, entry) for entry in _library_entries(library)]
    top.done()
    return tuple(found)


def own_entries(release: str) -> tuple[Entry, ...]:
    """What lib-ukmetrics itself adds to ukstore on a Unikraft release."""
    return tuple(
        entry
        for since, entry in _all_own_entries()
        if since is None or version(since) <= version(release)
    )


def version(release: str) -> tuple[int, ...]:
    """A release's number, to compare it with others."""
    return tuple(int(part) for part in release.split("."))


def shipped_releases() -> Sequence[str]:
    """The releases of which a catalogue is shipped, oldest first."""
    return provides.releases()


@cache
def shipped_mapping() -> Mapping:
    """The mapping of Unikraft's own entries to metrics, for all releases."""
    return load_mapping(_HERE / "metrics.toml")


def available(mapping: Mapping, catalogue: Catalogue) -> Mapping:
    """What a release can show of a mapping: without the samples whose entries it does not have."""
    entries = {entry.key for entry in catalogue.entries}
    families = []
    for family in mapping.families:
        samples = tuple(each for each in family.samples if entries.issuperset(each.entries))
        if samples:
            families.append(replace(family, samples=samples))
    return Mapping(tuple(families))


def c_string(text: str) -> str:
    """A C string literal that holds ``text`` as UTF-8, whatever characters are in it."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\?':  # '?': two of them could begin a trigraph
            out.append("\\" + char)
        elif " " <= char <= "~":
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def _all_of(symbols: Iterable[str]) -> str:
    """The ``#if`` condition under which all symbols are set; "" when nothing has to be."""
    return " && ".join(f"CONFIG_{symbol}" for symbol in sorted(symbols))


def _any_of(conditions: Iterable[frozenset[str]]) -> str:
    """The ``#if`` condition under which all symbols of at least one set are set."""
    distinct = set(conditions)
    # What needs more than another one of the sets adds nothing.
    distinct = {one for one in distinct if not any(other < one for other in distinct)}
    terms = sorted(_all_of(condition) for condition in distinct)
    if len(terms) == 1:
        return terms[0]
    return " || \\\n    ".join(f"({term})" for term in terms)


def guard(family: Family, found: Iterable[Entry]) -> frozenset[str]:
    """The Kconfig symbols that a row depends on."""
    collector = [f"LIBUKMETRICS_{family.collector.upper()}"] if family.collector else []
    requires = [symbol for entry in found for symbol in entry.requires]
    # Set whenever metric_table.c is compiled: the library selects ukstore.
    return frozenset([*requires, *collector]) - {"LIBUKMETRICS", "LIBUKSTORE"}


def _find_entries(
    entries: dict[str, Entry], ukstore: int, family: Family, sample: Sample
) -> list[Entry]:
    """The entries of a sample, that of its value first if it has one."""
    found = []
    for key in sample.entries:
        entry = entries.get(key)
        if entry is None:
            raise TableError(f"{family.name}: there is no entry '{key}' in the catalogue")
        if entry.dynamic != (sample.object_label is not None):
            raise TableError(
                f"{family.name}: {key} is "
                + ("an entry of objects" if entry.dynamic else "static and has no object"),
                fix="set object_label" if entry.dynamic else "remove object_label",
            )
        if entry.type not in SHOWN:
            raise TableError(f"{family.name}: {key} is no figure: its type is {entry.type}")
        if (entry.type == TEXT) != (key != sample.entry):
            raise TableError(
                f"{family.name}: {key} is "
                + ("a text, and so no value" if entry.type == TEXT else "not a text")
            )
        if ukstore > 1 and entry.header is None and entry.value is None:
            raise TableError(f"{family.name}: nobody can tell the id of {key}")
        found.append(entry)
    if len({entry.library for entry in found}) > 1:
        raise TableError(f"{family.name}: a sample has entries of several libraries")
    return found


def _row(family: Family, sample: Sample, found: Sequence[Entry]) -> dict[str, Any]:
    """What the template needs of one sample. ``found`` as :func:`_find_entries` gives it."""

    def key(entry: Entry) -> str:
        # Without a header for the macro, its value; without ids, the name is all that counts.
        number = entry.id if entry.header is not None else entry.value or 0
        return f"UKM_KEY({number}, {entry.name})"

    value = found[0] if sample.entry else None
    labels = [*dict(sample.texts)]
    return {
        "guard": _all_of(guard(family, found)),
        "family": f"family_{family.name}",
        "library": f"UKM_LIBRARY({found[0].library})",
        "entry": value and key(value),
        "type": value and value.type,
        "object_label": sample.object_label and c_string(sample.object_label),
        "labels": [
            {"name": c_string(name), "value": c_string(value)} for name, value in sample.labels
        ],
        "texts": [
            {"label": c_string(label), "entry": key(entry)}
            for label, entry in zip(labels, found[len(found) - len(labels) :], strict=True)
        ],
        "collector": family.collector and f"UKM_{family.collector.upper()}",
        "zero_is_unknown": sample.zero_is_unknown,
        "scale": repr(sample.scale),
    }


def metric_table(catalogue: Catalogue, mapping: Mapping) -> str:
    """Text of ``metric_table.c``: the same catalogue and mapping give the same text.

    :class:`TableError` when the mapping names an entry that the catalogue does not have, that is
    no figure where one is needed or no text, or whose id nobody can tell, or treats a static entry
    like one of objects or the other way round.
    """
    entries = {entry.key: entry for entry in catalogue.entries}
    rows = []
    families = []
    headers: dict[str, list[frozenset[str]]] = defaultdict(list)
    labels: set[str] = set()
    for family in mapping.families:
        conditions = []
        for sample in family.samples:
            found = _find_entries(entries, catalogue.ukstore, family, sample)
            symbols = guard(family, found)
            conditions.append(symbols)
            for entry in found:
                if entry.header is not None:
                    headers[entry.header].append(symbols)
            labels.update(dict(sample.labels), dict(sample.texts))
            if sample.object_label:
                labels.add(sample.object_label)
            rows.append(_row(family, sample, found))
        families.append(
            {
                "guard": _any_of(conditions),
                "variable": f"family_{family.name}",
                "name": c_string(family.name),
                "help": c_string(family.help),
                "unit": c_string(family.unit),
                "type": f"UKM_{family.type.upper()}",
            }
        )
    return render(
        "metric_table.c.j2",
        release=catalogue.release,
        includes=[
            {"guard": _any_of(headers[header]), "header": header} for header in sorted(headers)
        ],
        families=families,
        rows=rows,
        label_names=[c_string(name) for name in sorted(labels)],
    ).decode()
