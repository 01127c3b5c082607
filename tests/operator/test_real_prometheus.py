"""What is emitted for the operator, with real Prometheus servers and a real run."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from porttool.operator import dashboard
from porttool.operator.emit import write
from tests.e2e.served import Served, copy_port, serve
from tests.operator.metrics import OTHERS, selected
from tests.operator.prometheus import Server, eventually, running

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="prometheus is not installed (Debian package prometheus)",
)

#: What the host twin does not have: it has no mounts, and no memory by library.
NOT_ON_THE_TWIN = re.compile("node_filesystem_|unikraft_library_")

#: What depends on memory and network devices of the host, which the twin shows.
OF_THE_HOST = {
    "UnikernelLinkDown",
    "UnikernelMemoryLow",
    "UnikernelNetworkErrors",
    "UnikernelNetworkQueueFull",
    "UnikernelPacketsDropped",
}

DOCUMENT: dict[str, Any] = json.loads(dashboard.grafana_json(dashboard.shipped()))
TARGETS: list[dict[str, Any]] = [
    target for panel in DOCUMENT["panels"] for target in panel.get("targets", [])
]


@dataclass(frozen=True, slots=True)
class Servers:
    """One that scrapes what it names, one that reads files, and one that an agent writes to.

    ``end_agent`` takes the agent away.
    """

    single: Server
    files: Server
    central: Server
    end_agent: Callable[[], None]


@contextmanager
def servers(served: Served, folder: Path) -> Iterator[Servers]:
    """All at once, since each takes five seconds until it looks for its targets."""
    names = ("single", "files", "near", "far")
    single, files, near, far = (write(folder / name).path for name in names)
    address = f"127.0.0.1:{served.port}"
    group = {"targets": [address], "labels": {"instance": "shop-1"}}
    other = {"targets": [address], "labels": {"instance": "shop-2", "site": "fra1"}}
    gone = {"targets": ["127.0.0.1:9"], "labels": {"instance": "shop-3"}}
    (files / "targets" / "unikernels.json").write_text(json.dumps([group]))
    (near / "targets" / "unikernels.json").write_text(json.dumps([group, other, gone]))
    with ExitStack() as stack:
        # What an agent that ended sent last counts for five minutes, unless told otherwise.
        options = ("--web.enable-remote-write-receiver", "--query.lookback-delta=5s")
        central = stack.enter_context(running(far / "prometheus-central.yml", {}, *options))
        changes = {
            "http://central.example:9090/api/v1/write": (
                f"http://127.0.0.1:{central.port}/api/v1/write\n"
                "    queue_config: {batch_send_deadline: 500ms}"
            ),
            "127.0.0.1:9090": f"127.0.0.1:{central.port}",
        }
        agent = stack.enter_context(ExitStack())
        agent.enter_context(
            running(near / "prometheus-agent.yml", changes, "--enable-feature=agent")
        )
        yield Servers(
            stack.enter_context(running(single / "prometheus.yml", {"127.0.0.1:9100": address})),
            stack.enter_context(running(files / "prometheus-files.yml", {})),
            central,
            agent.close,
        )


@dataclass(frozen=True, slots=True)
class Variables:
    """What Grafana puts into an expression: all values of both variables, 5 s for rates."""

    job: str
    instance: str

    def fill(self, expression: str) -> str:
        filled = expression.replace("$job", self.job).replace("$instance", self.instance)
        return filled.replace("$__rate_interval", "5s")


def values_of(server: Server, query: str) -> str:
    """All values of a variable, as Grafana joins them for =~."""
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert match
    found = server.get(f"label/{match[2]}/values", **{"match[]": match[1]})
    assert found
    return "|".join(re.escape(value).replace("\\", "\\\\") for value in found)


def variables(server: Server) -> Variables:
    job = values_of(server, dashboard.JOBS)
    assert job == "unikernel"
    return Variables(job, values_of(server, dashboard.INSTANCES.replace("$job", job)))


def series(server: Server, target: dict[str, Any], expression: str) -> list[dict[str, Any]]:
    """Ask as Grafana does: over a time for a graph, once for a table."""
    if target["instant"]:
        return server.query(expression)
    now = time.time()
    answer = server.get("query_range", query=expression, start=now - 3, end=now, step=1)
    return list(answer["result"])


def complaint(found: list[dict[str, Any]], legend: str) -> str | None:
    """What is wrong with the answer to a query, if anything."""
    values = [pair[1] for one in found for pair in one.get("values", [one.get("value")])]
    if all(value == "NaN" for value in values):
        return "no data"
    labels = re.findall(r"\{\{(\w+)\}\}", legend)
    names = [tuple(one["metric"].get(label) for label in labels) for one in found]
    if any(None in name for name in names):
        return f"no label for {legend}"
    return None if len(set(names)) == len(names) else f"two series are {legend}"


def queries_have_answers(server: Server) -> None:
    chosen = variables(server)
    complaints = []
    for target in TARGETS:
        expression = target["expr"]
        found = series(server, target, chosen.fill(expression))
        # Of what is not there, all that can be said is that Prometheus takes the query.
        if "ALERTS" not in expression and not any(map(NOT_ON_THE_TWIN.match, selected(expression))):
            complaints.append((complaint(found, target["legendFormat"]), expression))
    assert len(complaints) > 70
    assert [pair for pair in complaints if pair[0]] == []
    (annotation,) = DOCUMENT["annotations"]["list"]
    assert server.query(chosen.fill(annotation["expr"])) == []


def the_twin_lacks_no_more_than_is_known(text: str) -> None:
    """Otherwise queries would be let off that could be asked."""
    names = {name for target in TARGETS for name in selected(target["expr"])} - OTHERS
    lacking = {name for name in names if f"\n{name}{{" not in text}
    assert {name for name in lacking if not NOT_ON_THE_TWIN.match(name)} == set()


def rules_are_well_and_none_fires(server: Server) -> None:
    rules = [rule for group in server.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 30
    assert {rule["health"] for rule in rules} == {"ok"}
    active = {rule["name"] for rule in rules if rule.get("alerts")}
    assert active <= OF_THE_HOST
    recorded = {rule["name"] for rule in rules if rule["type"] == "recording"}
    assert {name for name in recorded if not server.query(name)} == set()


def an_agent_sends_instances(central: Server) -> None:
    """Scrapes near the unikernels; rules far away, where nothing is scraped."""
    ups = 'up{job="unikernel",agent="agent-1"}'

    def states() -> dict[str, str]:
        return {one["metric"]["instance"]: one["value"][1] for one in central.query(ups)}

    eventually(lambda: states() == {"shop-1": "1", "shop-2": "1", "shop-3": "0"})
    assert central.get("targets")["activeTargets"] == []
    eventually(lambda: central.query('up{job="prometheus-agent",agent="agent-1"} == 1'))

    # What an instance says of itself, and what the labels of its target say.
    (one,) = eventually(lambda: central.query('unikraft_uptime_seconds{instance="shop-1"}'))
    (two,) = eventually(lambda: central.query('unikraft_uptime_seconds{instance="shop-2"}'))
    assert one["metric"]["site"] == "lab"
    assert (two["metric"]["site"], two["metric"]["exported_site"]) == ("fra1", "lab")

    eventually(lambda: central.query("job:unikernel_instances:count == 3"))
    pending = eventually(lambda: central.query('ALERTS{alertname="UnikernelDown"}'))
    assert [alert["metric"]["instance"] for alert in pending] == ["shop-3"]


def an_agent_that_ends_is_noticed(central: Server) -> None:
    """There is no up of its unikernels at all any more, not even 0."""
    silent = eventually(lambda: central.query('ALERTS{alertname="PrometheusAgentSilent"}'))
    assert [alert["metric"]["agent"] for alert in silent] == ["agent-1"]
    eventually(lambda: central.query('up{job="unikernel"}') == [])


@needs_prometheus
def test_dashboard_rules_and_fleet_with_real_servers(tmp_path: Path) -> None:
    """One test, so that the servers are started once however tests are distributed."""
    exporter = copy_port(tmp_path / "port")
    with (
        serve(exporter, tmp_path, "ukmetrics.labels=site=lab") as served,
        servers(served, tmp_path) as running_ones,
    ):
        single = running_ones.single
        eventually(lambda: single.query("count_over_time(unikraft_uptime_seconds[1m]) > 3"))
        the_twin_lacks_no_more_than_is_known(served.page().text)
        queries_have_answers(single)
        rules_are_well_and_none_fires(single)
        (up,) = eventually(lambda: running_ones.files.query('up{job="unikernel"} == 1'))
        assert up["metric"]["instance"] == "shop-1"
        an_agent_sends_instances(running_ones.central)
        running_ones.end_agent()
        an_agent_that_ends_is_noticed(running_ones.central)


def test_series_of_a_panel_have_different_names() -> None:
    for panel in DOCUMENT["panels"]:
        names = [target["legendFormat"] for target in panel.get("targets", [])]
        assert len(set(names)) == len(names), panel["title"]
