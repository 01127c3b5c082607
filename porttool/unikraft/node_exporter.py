"""The families of node_exporter on Linux, and which of them a unikernel has."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from porttool.unikraft.table import TableError, TomlTable, read_toml

_FILE = Path(__file__).parent / "node_exporter.toml"
_NAME = re.compile(r"node_[a-zA-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one family: it is in our mapping, the exporter has it, or why neither."""

    family: str
    mapped: bool = False
    by_exporter: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """One of node_exporter's collectors. ``default`` is whether it is on by itself.

    ``answers`` are sorted by family.
    """

    name: str
    default: bool
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class NodeExporter:
    """All collectors for Linux that have families of a fixed name, of one version."""

    version: str
    collectors: tuple[Collector, ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers of all collectors."""
        return tuple(answer for each in self.collectors for answer in each.answers)


@cache
def shipped() -> NodeExporter:
    """The facts that come with porttool."""
    return load(_FILE)


def load(path: Path) -> NodeExporter:
    """Read the facts from a TOML file; :class:`TableError` when it is not as it must be.

    Each family must have one answer.
    """
    top = read_toml(path)
    version = top.text("version", re.compile(r"[0-9.]+"))
    collectors = []
    for position, raw in enumerate(top.take("collectors", list), 1):
        table = TomlTable(raw, f"{path}: collector {position}")
        collectors.append(_collector(table))
    top.done()
    result = NodeExporter(version, tuple(sorted(collectors, key=lambda each: each.name)))
    seen: set[str] = set()
    for answer in result.answers:
        if answer.family in seen:
            raise TableError(f"{answer.family} has two answers", where=str(path))
        seen.add(answer.family)
    return result


def _collector(table: TomlTable) -> Collector:
    name = table.text("name", re.compile("[a-z_]+"))
    table.where += f" ({name})"
    default = table.flag("default")
    answers = [Answer(family, mapped=True) for family in table.texts("yes", _NAME)]
    answers += [Answer(family, by_exporter=True) for family in table.texts("exporter", _NAME)]
    for number, raw in enumerate(table.take("no", list, []), 1):
        group = TomlTable(raw, f"{table.where}: no {number}")
        why = group.text("why", re.compile(r"[^\n|]+\."))
        answers += [Answer(family, why=why) for family in group.texts("families", _NAME)]
        group.done()
    table.done()
    return Collector(name, default, tuple(sorted(answers, key=lambda each: each.family)))
