"""What there is on which release, and of node_exporter's families: facts and their page."""

import json
from pathlib import Path

import pytest

from porttool.unikraft import node_exporter, table
from porttool.unikraft.metrics_reference import markdown, reference, span
from porttool.unikraft.table import TableError
from tests.commands.ports import invoke
from tests.unikraft.required import EXPORTER, OPTIONAL, REQUIRED

ROOT = Path(__file__).parents[2]

#: Families of ours that node_exporter for Linux does not have under that name.
OURS_ALONE: dict[str, str] = {}


@pytest.mark.parametrize("release", REQUIRED)
def test_what_is_required_of_a_release_is_in_its_table(release: str) -> None:
    mapping = table.available(table.shipped_mapping(), table.shipped_catalogue(release))
    there = {family.name for family in mapping.families}
    optional = OPTIONAL if release != "0.13.1" else frozenset()
    assert there == REQUIRED[release] | optional


def test_the_page_is_current() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert text == markdown(reference()), "porttool metrics doc > docs/metrics.md"
    for name in EXPORTER:
        assert f"`{name}`" in text
    assert invoke("metrics", "doc").out == text


def test_the_facts_for_programs() -> None:
    document = json.loads(invoke("metrics", "doc", "--json").out)
    families = {each["name"]: each for each in document["families"]}
    assert families["node_filefd_maximum"] == {
        "name": "node_filefd_maximum",
        "help": "Descriptors that there can be.",
        "type": "gauge",
        "unit": "",
        "collector": "files",
        "entries": ["libukmetrics/files_max"],
        "requires": ["LIBUKMETRICS_FILES"],
        "releases": ["0.16.0", "0.16.1", "0.16.2", "0.16.3", "0.17.0"],
    }
    assert families["node_memory_MemFree_bytes"]["requires"] == [
        "LIBUKALLOC_IFSTATS",
        "LIBUKMETRICS_MEMORY",
    ]
    collectors = {each["name"]: each for each in document["node_exporter"]["collectors"]}
    assert collectors["filefd"]["families"][0] == {
        "name": "node_filefd_allocated",
        "has": "lib-ukmetrics",
        "why": None,
    }
    assert not collectors["zoneinfo"]["default"]


def test_every_family_of_node_exporter_has_one_answer() -> None:
    found = node_exporter.shipped()
    assert sum(len(each.answers) for each in found.collectors if each.default) == 951
    assert len(found.answers) == 1215  # 1182 of its own test, and 33 that this leaves out
    for answer in found.answers:
        assert [answer.mapped, answer.by_exporter, answer.why is not None].count(True) == 1


def test_what_is_said_of_node_exporters_families_is_so() -> None:
    answers = node_exporter.shipped().answers
    mapped = {answer.family for answer in answers if answer.mapped}
    ours = {family.name for family in table.shipped_mapping().families}
    assert mapped <= ours
    nodes = {name for name in ours if name.startswith("node_")}
    assert nodes - mapped == OURS_ALONE.keys()
    by_exporter = {answer.family for answer in answers if answer.by_exporter}
    assert by_exporter == {name for name in EXPORTER if name.startswith("node_")}


COLLECTOR = """\
version = "1.0"
[[collectors]]
name = "x"
default = true
yes = ["node_a"]
[[collectors.no]]
why = "It cannot be."
families = ["node_b"]
"""


def test_facts_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "node_exporter.toml"
    path.write_text(COLLECTOR)
    (collector,) = node_exporter.load(path).collectors
    assert [(each.family, each.why) for each in collector.answers] == [
        ("node_a", None),
        ("node_b", "It cannot be."),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("node_b", "node_a"),
        ("node_b", "b"),
        ('"It cannot be."', '""'),
        ("default = true\n", ""),
        ("default = true", 'default = "yes"'),
        ("yes =", "yeah ="),
        ("why =", "reason ="),
    ],
)
def test_facts_that_are_not_as_they_must_be(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "node_exporter.toml"
    assert old in COLLECTOR
    path.write_text(COLLECTOR.replace(old, new, 1))
    with pytest.raises(TableError) as caught:
        node_exporter.load(path)
    assert str(path) in (caught.value.where or "")


def test_releases_in_words() -> None:
    releases = ("0.13.0", "0.14.0", "0.15.0")
    assert span(releases, releases) == "all"
    assert span(releases[1:], releases) == "0.14.0 and later"
    assert span(releases[:2], releases) == "0.13.0, 0.14.0"
