"""Configurations and rules, held to promtool and to the metrics that there are."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from porttool.operator.emit import operator_files, write
from tests.operator.metrics import known, selected

CONFIGURATIONS = {
    "prometheus.yml": [],
    "prometheus-agent.yml": ["--agent"],
    "prometheus-central.yml": [],
    "prometheus-files.yml": [],
}

FILES = {path: data.decode() for path, data in operator_files().files.items()}
RULES = {path: text for path, text in FILES.items() if path.startswith("rules/")}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is not installed (Debian package prometheus)",
)


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule as it stands in the file."""

    name: str
    text: str


ALERTS = [
    Alert(*found)
    for found in re.findall(
        r"^      - alert: (\w+)\n(.*?)(?=^      - alert|^  - name|\Z)",
        FILES["rules/alerts.yml"],
        re.MULTILINE | re.DOTALL,
    )
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path).path


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@needs_promtool
def test_promtool_takes_configurations_and_rules(folder: Path) -> None:
    assert sorted(CONFIGURATIONS) == sorted(path.name for path in folder.glob("*.yml"))
    for name, options in CONFIGURATIONS.items():
        done = promtool(folder, "check", "config", *options, name)
        assert done.returncode == 0, done.stdout + done.stderr
    done = promtool(folder, "check", "rules", "--lint-fatal", *sorted(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_pass_their_tests(folder: Path) -> None:
    done = promtool(folder, "test", "rules", "tests/alerts.yml", "tests/recording.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def waiting(rules: str, time: str | None) -> str:
    """The rules with another time to wait for all alerts; None for none."""
    without = re.sub(r"^ +for: .*\n", "", rules, flags=re.MULTILINE)
    return (
        without
        if time is None
        else re.sub(r"(- alert: .*\n)", rf"\1        for: {time}\n", without)
    )


@needs_promtool
def test_a_test_fails_for_each_alert_that_does_not_fire(folder: Path) -> None:
    (folder / "rules" / "alerts.yml").write_text(waiting(FILES["rules/alerts.yml"], "10d"))
    failed = promtool(folder, "test", "rules", "tests/alerts.yml").stderr
    missed = "\n".join(line for line in failed.splitlines() if " exp: {" in line)
    assert [alert.name for alert in ALERTS if f'"{alert.name}"' not in missed] == []


@needs_promtool
def test_a_test_fails_for_each_alert_that_does_not_wait(folder: Path) -> None:
    (folder / "rules" / "alerts.yml").write_text(waiting(FILES["rules/alerts.yml"], None))
    failed = promtool(folder, "test", "rules", "tests/alerts.yml").stderr
    early = "\n".join(line for line in failed.splitlines() if " got: {" in line)
    waits = [alert.name for alert in ALERTS if "        for: " in alert.text]
    assert len(waits) > 15
    assert [name for name in waits if f'"{name}"' not in early] == []


def test_rules_and_dashboard_know_the_metrics() -> None:
    metrics = known(FILES["rules/recording.yml"])
    for path in (*RULES, "grafana/unikernels.json"):
        names = selected(FILES[path])
        assert len(names) > 5
        assert names <= metrics, path


def test_rules_are_of_unikernels_only() -> None:
    """Names are node_exporter's, whose job must not be taken for a unikernel."""
    for path, text in RULES.items():
        selectors = re.findall(r"\w\{([^{}]*)\}", text)
        assert len(selectors) > 10
        for selector in selectors:
            assert 'job="unikernel"' in selector or 'job="prometheus-agent"' in selector, path


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_what_is_wrong_and_what_to_do(alert: Alert) -> None:
    assert re.search(r"severity: (critical|warning|info)\}", alert.text)
    assert re.search(r'^ +summary: "[^"]+"$', alert.text, re.MULTILINE)
    assert re.search(r'^ +description: "[^"]+\."$', alert.text, re.MULTILINE)
    assert f'runbook: "RUNBOOK.md#{alert.name.lower()}"' in alert.text
    section = FILES["RUNBOOK.md"].split(f"## {alert.name}\n\n")[1].split("\n## ")[0]
    assert len(section) > 100


def test_the_runbook_has_no_section_too_many() -> None:
    sections = re.findall(r"^## (\w+)$", FILES["RUNBOOK.md"], re.MULTILINE)
    assert sections == [alert.name for alert in ALERTS]


def test_the_guide_names_every_alert() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operating.md").read_text("utf-8")
    table = guide[guide.index("## Alerts") : guide.index("## Dashboard")]
    assert re.findall(r"(?:Unikernel|Prometheus)[A-Z]\w+", table) == [
        alert.name for alert in ALERTS
    ]
    assert f"{len(ALERTS)} alerts" in table


def test_the_example_of_targets_gives_each_a_name() -> None:
    groups = json.loads(FILES["targets/unikernels.json"])
    names = [group["labels"]["instance"] for group in groups]
    assert len(set(names)) == len(groups)
    assert all(len(group["targets"]) == 1 for group in groups)


def test_the_readme_names_every_file() -> None:
    for path in FILES:
        parts = (path, path.split("/")[0] + "/")
        assert path in {"README.md", ".porttool-stamp"} or any(
            p in FILES["README.md"] for p in parts
        )
