"""The kernel command line of lib-ukmetrics, on the host twin."""

from pathlib import Path

import pytest

from tests.ukmetrics.ukm_twin import build, run


@pytest.fixture
def twin() -> Path:
    return build("gcc-sanitized")


def test_defaults(twin: Path) -> None:
    result = run(twin)
    assert result.settings == {"port": "9100", "address": "0.0.0.0", "collectors": "255"}
    assert result.labels == []


def test_port_address_and_labels(twin: Path) -> None:
    result = run(
        twin,
        "ukmetrics.port=65535",
        "ukmetrics.address=127.0.0.1",
        'ukmetrics.labels=site=fra1,rack_7=b=7 "x" \\y',
    )
    assert result.settings["port"] == "65535"
    assert result.settings["address"] == "127.0.0.1"
    constant = (("site", "fra1"), ("rack_7", 'b=7 "x" \\y'))
    assert tuple(result.labels) == constant
    assert all(sample.labels[-2:] == constant for sample in result.rounds[0])
    sample = next(s for s in result.rounds[0] if s.name == "traps_object_a")
    assert sample.labels[:2] == (("object", "seven"), ("sign", "plus"))


@pytest.mark.parametrize(
    "address",
    ["1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..3.4", "0x7f.1", "", "::1"],
)
def test_a_wrong_address_becomes_loopback(twin: Path, address: str) -> None:
    result = run(twin, f"ukmetrics.address={address}")
    assert result.settings["address"] == "127.0.0.1"
    assert "ukmetrics.address" in result.console


@pytest.mark.parametrize("port", ["65536", "-1", "http", ""])
def test_a_wrong_port_leaves_the_default(twin: Path, port: str) -> None:
    assert run(twin, f"ukmetrics.port={port}").settings["port"] == "9100"


@pytest.mark.parametrize(
    ("collectors", "bits"),
    [
        ("memory", 1),
        ("network,memory", 3),
        ("locks", 4),
        ("", 0),
        ("memory,network,locks", 7),
        ("mounts", 128),
    ],
)
def test_collectors(twin: Path, collectors: str, bits: int) -> None:
    result = run(twin, f"ukmetrics.collectors={collectors}")
    assert result.settings["collectors"] == str(bits)
    groups = {sample.name.split("_")[1] for sample in result.rounds[0]}
    assert ("memory" in groups) == bool(bits & 1)
    assert ("network" in groups) == bool(bits & 2)
    assert ("mutex" in groups) == bool(bits & 4)
    assert result.values("ukmetrics_dropped_objects_total") == {"": 0}


@pytest.mark.parametrize("collectors", ["mem", "memory,", ",memory", "memory,,locks", "Memory"])
def test_wrong_collectors_leave_all_on(twin: Path, collectors: str) -> None:
    result = run(twin, f"ukmetrics.collectors={collectors}")
    assert result.settings["collectors"] == "255"
    assert "ukmetrics.collectors" in result.console


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ("site", "key=value"),
        ("=x", "not a label name"),
        ("7up=x", "not a label name"),
        ("a-b=x", "not a label name"),
        ("__name__=x", "not a label name"),
        ("a=1,a=2", "used twice"),
        ("device=x", "used twice"),
        ("a=", "empty"),
        ("a=caf\u00e9", "not printable ASCII"),
        ("a=b\tc", "not printable ASCII"),
        ("a=1,", "comma"),
        ("a=" + "x" * 254, "too long"),
        (",".join(f"l{n}=v" for n in range(9)), "too many"),
    ],
)
def test_wrong_labels_set_none(twin: Path, labels: str, why: str) -> None:
    result = run(twin, f"ukmetrics.labels={labels}")
    assert result.labels == []
    assert why in result.console


def test_as_many_labels_as_fit(twin: Path) -> None:
    labels = [(f"l{n}", "v") for n in range(7)] + [("last", "x" * (255 - 7 * 5 - 5))]
    result = run(twin, "ukmetrics.labels=" + ",".join(f"{n}={v}" for n, v in labels))
    assert result.labels == labels
