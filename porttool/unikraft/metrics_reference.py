"""The reference of all metrics: what there is of which release, and what node_exporter has.

``docs/metrics.md`` is its text; ``porttool metrics doc`` writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from porttool.unikraft import node_exporter, table
from porttool.unikraft.emit import OLDEST
from porttool.unikraft.node_exporter import Answer, Collector, NodeExporter
from porttool.unikraft.provides import Entry
from porttool.unikraft.render import render
from porttool.unikraft.table import Family

#: Symbols that are set whenever lib-ukmetrics is in the build.
_ALWAYS = {"LIBUKLIBID", "LIBUKMETRICS", "LIBUKSTORE"}


@dataclass(frozen=True, slots=True)
class Documented:
    """A family with all that it comes from.

    ``entries`` are the keys of its entries; ``symbols`` the Kconfig symbols (without ``CONFIG_``)
    that have to be set for all of its samples, in the newest release that has it; ``releases``
    those that have it, oldest first.
    """

    family: Family
    entries: tuple[str, ...]
    symbols: tuple[str, ...]
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """All families by name, the releases that were looked at, and node_exporter's families."""

    families: tuple[Documented, ...]
    releases: tuple[str, ...]
    node_exporter: NodeExporter


@dataclass(frozen=True, slots=True)
class _Reason:
    """Families that a collector of node_exporter has, and a unikernel not, with the reason."""

    why: str
    families: tuple[str, ...]


def reference() -> Reference:
    """What porttool ships, for all releases that lib-ukmetrics runs on."""
    releases = tuple(
        release
        for release in table.shipped_releases()
        if table.version(release) >= table.version(OLDEST)
    )
    catalogues = {
        release: {entry.key: entry for entry in table.shipped_catalogue(release).entries}
        for release in releases
    }
    families = [_documented(each, catalogues) for each in table.shipped_mapping().families]
    return Reference(tuple(families), releases, node_exporter.shipped())


def _documented(family: Family, catalogues: Mapping[str, Mapping[str, Entry]]) -> Documented:
    keys = {key for sample in family.samples for key in sample.entries}
    having = [
        release
        for release, entries in catalogues.items()
        if any(entries.keys() >= set(sample.entries) for sample in family.samples)
    ]
    newest = catalogues[having[-1]]
    symbols = table.guard(family, [newest[key] for key in sorted(keys) if key in newest])
    return Documented(family, tuple(sorted(keys)), tuple(sorted(symbols - _ALWAYS)), tuple(having))


def span(having: Sequence[str], releases: Sequence[str]) -> str:
    """Some of ``releases`` in words: all, from one on, or one by one."""
    if tuple(having) == tuple(releases):
        return "all"
    if tuple(having) == tuple(releases[-len(having) :]):
        return f"{having[0]} and later"
    return ", ".join(having)


def markdown(reference: Reference) -> str:
    """The text of ``docs/metrics.md``."""
    groups: dict[str, list[Documented]] = {}
    for each in reference.families:
        groups.setdefault(each.family.collector or "", []).append(each)
    by_default = [each for each in reference.node_exporter.collectors if each.default]
    answers = [answer for collector in by_default for answer in collector.answers]
    return render(
        "metrics.md.j2",
        oldest=reference.releases[0],
        newest=reference.releases[-1],
        total=len(reference.families),
        groups=[
            {
                "collector": name,
                "rows": [_row(each, reference.releases) for each in groups[name]],
            }
            for name in sorted(groups)
        ],
        version=reference.node_exporter.version,
        nr_default=len(answers),
        nr_yes=sum(answer.mapped or answer.by_exporter for answer in answers),
        collectors=[_collector(each) for each in reference.node_exporter.collectors],
    ).decode()


def _row(each: Documented, releases: Sequence[str]) -> dict[str, str]:
    family = each.family
    return {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "help": family.help.replace("|", "\\|"),
        "entries": ", ".join(f"`{key}`" for key in each.entries),
        "symbols": " ".join(f"`{symbol}`" for symbol in each.symbols),
        "releases": span(each.releases, releases),
    }


def _collector(collector: Collector) -> dict[str, object]:
    reasons: dict[str, list[str]] = {}
    for answer in collector.answers:
        if answer.why is not None:
            reasons.setdefault(answer.why, []).append(answer.family)
    return {
        "name": collector.name,
        "default": collector.default,
        "mapped": _names(collector.answers, mapped=True),
        "by_exporter": _names(collector.answers, mapped=False),
        "reasons": [_Reason(why, tuple(families)) for why, families in reasons.items()],
    }


def _names(answers: Sequence[Answer], *, mapped: bool) -> list[str]:
    if mapped:
        return [answer.family for answer in answers if answer.mapped]
    return [answer.family for answer in answers if answer.by_exporter]
