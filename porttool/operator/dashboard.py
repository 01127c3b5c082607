"""The Grafana dashboard: from rows of panels in TOML to Grafana's JSON.

The model is Grafana's classic dashboard JSON (grafana.com/docs, "Dashboard JSON model"), with the
field names of the package @grafana/schema 13.2.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cattrs

#: What Grafana 12 and 13 write; older ones read what they know of it.
SCHEMA_VERSION = 42

#: Stands for the dashboard's variables inside an expression.
SELECTED = "SELECTED"
_SELECTOR = 'job=~"$job", instance=~"$instance"'

_COLUMNS = 24
_PANEL_HEIGHT = {"stat": 4, "timeseries": 8, "table": 8}
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

#: Finds jobs by what only a unikernel has, so that node_exporter's do not show.
JOBS = 'label_values({__name__=~"unikraft_.+"}, job)'
INSTANCES = 'label_values(up{job=~"$job"}, instance)'
REBOOTS = f"changes(node_boot_time_seconds{{{_SELECTOR}}}[$__rate_interval]) > 0"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression with ``SELECTED`` in its selectors, and what its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A colour from ``value`` on; without a value, from the beginning."""

    color: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; ``width`` in columns of 24, ``unit`` an id of Grafana's, ``values`` texts by value.

    ``mirror`` is the end of the legends whose series are drawn downwards.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    unit: str = "none"
    width: int = 8
    min: float | None = None
    max: float | None = None
    stack: bool = False
    mirror: str | None = None
    values: Mapping[str, str] | None = None
    thresholds: tuple[Threshold, ...] = (Threshold("green"),)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All rows, and what the dashboard is called. ``uid`` is its address in Grafana."""

    title: str
    uid: str
    description: str
    tags: tuple[str, ...]
    rows: tuple[Row, ...]


def shipped() -> Dashboard:
    """Read the dashboard that comes with porttool."""
    document = tomllib.loads(Path(__file__).with_name("dashboard.toml").read_text("utf-8"))
    converter = cattrs.Converter(forbid_extra_keys=True)
    return converter.structure(document, Dashboard)


def _targets(panel: Panel) -> list[dict[str, Any]]:
    table = panel.kind == "table"
    return [
        {
            "datasource": _DATASOURCE,
            "editorMode": "code",
            "expr": query.expr.replace(SELECTED, _SELECTOR),
            "format": "table" if table else "time_series",
            "instant": table,
            "legendFormat": query.legend,
            "range": not table,
            "refId": chr(ord("A") + number),
        }
        for number, query in enumerate(panel.queries)
    ]


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"color": step.color, "value": step.value} for step in panel.thresholds]
    defaults: dict[str, Any] = {
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "unit": panel.unit,
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 30 if panel.stack else 0,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,  # A gap is a scrape that was not answered.
            "stacking": {"group": "A", "mode": "normal" if panel.stack else "none"},
        }
    if panel.min is not None:
        defaults["min"] = panel.min
    if panel.max is not None:
        defaults["max"] = panel.max
    if panel.values:
        texts = {value: {"index": i, "text": panel.values[value]}
                 for i, value in enumerate(panel.values)}  # fmt: skip
        defaults["mappings"] = [{"type": "value", "options": texts}]
    return defaults


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    if panel.mirror is None:
        return []
    return [
        {
            "matcher": {"id": "byRegexp", "options": f"/{panel.mirror}$/"},
            "properties": [{"id": "custom.transform", "value": "negative-Y"}],
        }
    ]


def _options(kind: str) -> dict[str, Any]:
    if kind == "stat":
        return {
            "colorMode": "value",
            "graphMode": "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
        }
    if kind == "table":
        return {"cellHeight": "sm", "showHeader": True}
    return {
        "legend": {
            "calcs": ["lastNotNull", "max"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    document = {
        "datasource": _DATASOURCE,
        "description": panel.description,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "gridPos": {"h": _PANEL_HEIGHT[panel.kind], "w": panel.width, "x": x, "y": y},
        "id": number,
        "options": _options(panel.kind),
        "targets": _targets(panel),
        "title": panel.title,
        "type": panel.kind,
    }
    if panel.kind == "table":
        hidden = {"Time": True, "__name__": True}
        document["transformations"] = [
            {"id": "organize", "options": {"excludeByName": hidden}},
        ]
    return document


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Place panels from left to right; a line is as high as its highest panel."""
    number, y = 1, 0
    for row in rows:
        place = {"h": 1, "w": _COLUMNS, "x": 0, "y": y}
        yield {"collapsed": False, "gridPos": place, "id": number, "panels": [],
               "title": row.title, "type": "row"}  # fmt: skip
        number, x, y, height = number + 1, 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            yield _panel(panel, number, x, y)
            number, x = number + 1, x + panel.width
            height = max(height, _PANEL_HEIGHT[panel.kind])
        y += height


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": _DATASOURCE,
        "includeAll": True,
        "label": label,
        "multi": True,
        "name": name,
        "query": {"query": query, "refId": f"variable-{name}"},
        "refresh": 2,  # when the time range changes: instances come and go
        "sort": 1,
        "type": "query",
    }


def grafana_json(dashboard: Dashboard) -> bytes:
    """Write the dashboard as the JSON that Grafana imports."""
    document = {
        "annotations": {
            "list": [
                {
                    "datasource": _DATASOURCE,
                    "enable": True,
                    "expr": REBOOTS,
                    "iconColor": "orange",
                    "name": "Reboots",
                    "textFormat": "{{instance}} booted again",
                    "titleFormat": "Reboot",
                }
            ]
        },
        "description": dashboard.description,
        "editable": True,
        "graphTooltip": 1,
        "panels": list(_panels(dashboard.rows)),
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": list(dashboard.tags),
        "templating": {
            "list": [
                {
                    "label": "Data source",
                    "name": "datasource",
                    "query": "prometheus",
                    "type": "datasource",
                },
                _variable("job", "Job", JOBS),
                _variable("instance", "Instance", INSTANCES),
            ]
        },
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
