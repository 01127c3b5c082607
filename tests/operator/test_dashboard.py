"""The dashboard against Grafana's own model, as its SDK for Python has it."""

import json
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus, stat, table, timeseries, units

from porttool.operator import dashboard
from porttool.unikraft.table import shipped_mapping

KINDS: dict[str, ModuleType] = {"stat": stat, "table": table, "timeseries": timeseries}

#: Of the Prometheus data source, and unknown to the model.
PLUGINS_OWN = {".annotations.list[0].textFormat", ".annotations.list[0].titleFormat"}

DOCUMENT: dict[str, Any] = json.loads(dashboard.grafana_json(dashboard.shipped()))
PANELS: list[dict[str, Any]] = [panel for panel in DOCUMENT["panels"] if panel["type"] != "row"]


def lost(given: object, kept: object, path: str = "") -> Iterator[str]:
    """Paths in ``given`` that Grafana's model does not know: it drops what it cannot name."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key in given:
            if key in kept:
                yield from lost(given[key], kept[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, pair in enumerate(zip(given, kept, strict=True)):
            yield from lost(*pair, f"{path}[{number}]")
    elif given != kept:
        yield path


def through(kind: Any, document: dict[str, Any]) -> list[str]:
    return list(lost(document, json.loads(JSONEncoder().encode(kind.from_json(document)))))


def test_grafana_knows_every_field() -> None:
    assert set(through(model.Dashboard, DOCUMENT)) == PLUGINS_OWN
    for panel in PANELS:
        kind = KINDS[panel["type"]]
        assert through(kind.Options, panel["options"]) == [], panel["title"]
        custom = panel["fieldConfig"]["defaults"].get("custom")
        assert custom is None or through(timeseries.FieldConfig, custom) == [], panel["title"]
        for target in panel["targets"]:
            assert through(prometheus.Dataquery, target) == [], panel["title"]


def test_a_field_that_grafana_does_not_know_is_seen() -> None:
    panel = {**PANELS[0], "descriptoin": ""}
    assert through(model.Panel, panel) == [".descriptoin"]


def test_units_are_grafanas() -> None:
    known = {typing.get_args(hint)[0] for hint in typing.get_type_hints(units).values()}
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS} <= known


def test_panels_have_a_place_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DOCUMENT["panels"]:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        assert x + w <= 24
        cells = {(column, line) for column in range(x, x + w) for line in range(y, y + h)}
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DOCUMENT["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_say_what_they_show() -> None:
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        for target in panel["targets"]:
            assert '{job=~"$job", instance=~"$instance"' in target["expr"], target["expr"]
            assert "legendFormat" in target


def test_every_family_is_on_the_dashboard() -> None:
    expressions = [target["expr"] for panel in PANELS for target in panel["targets"]]
    families = [family.name for family in shipped_mapping().families]
    missing = [name for name in families if not any(f"{name}{{" in text for text in expressions)]
    assert missing == []


def test_the_same_bytes_each_time() -> None:
    made = dashboard.grafana_json(dashboard.shipped())
    assert made == dashboard.grafana_json(dashboard.shipped())
