"""The names of metrics in PromQL, and those that there are."""

import re

from porttool.unikraft.table import shipped_mapping

#: Of Prometheus itself, and what exporters may have of their own, as node_exporter's have.
OTHERS = {
    "ALERTS",
    "node_scrape_collector_duration_seconds",
    "node_scrape_collector_success",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "up",
}

_SELECTED = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")
_RECORD = re.compile(r"^ +- record: (\S+)$", re.MULTILINE)


def selected(expression: str) -> set[str]:
    """Names of the metrics whose series an expression selects, with braces always."""
    return set(_SELECTED.findall(expression))


def records(rules: str) -> set[str]:
    return set(_RECORD.findall(rules))


def known(rules: str) -> set[str]:
    """All metrics that there can be, with what recording ``rules`` make."""
    return {family.name for family in shipped_mapping().families} | OTHERS | records(rules)
