"""The ukstore reader of lib-ukmetrics, trap by trap, on the host twin."""

import re
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import pytest

from porttool.unikraft.table import shipped_mapping
from tests.ukmetrics.ukm_twin import MAX_OBJECTS, VARIANTS, Run, build, run


@pytest.fixture(params=VARIANTS)
def twin(request: pytest.FixtureRequest) -> Path:
    return build(request.param)


@pytest.fixture
def collected(twin: Path) -> Run:
    return run(twin)


def test_every_figure_of_the_mapping_is_there(collected: Run) -> None:
    assert collected.returned == [0]
    names = {sample.name for sample in collected.rounds[0]}
    assert names >= {family.name for family in shipped_mapping().families}
    for family in shipped_mapping().families:
        sample = next(s for s in collected.rounds[0] if s.name == family.name)
        assert (sample.type, sample.unit, sample.help) == (family.type, family.unit, family.help)


def test_samples_of_a_family_follow_each_other_and_differ_in_labels(collected: Run) -> None:
    names = [name for name, _ in groupby(s.name for s in collected.rounds[0])]
    assert len(names) == len(set(names))
    identities = [(s.name, s.labels) for s in collected.rounds[0]]
    assert len(identities) == len(set(identities))


def test_numbers_of_every_type_and_sign(collected: Run) -> None:
    assert collected.values("traps_value", "type") == {
        "u8": 200,
        "s8": -5,
        "u16": 65535,
        "s16": -300,
        "u32": 4000000000,
        "s32": -70000,
        "u64": float(1 << 63),
        "s64": -float(1 << 40),
        "zero": 0,
        # Left out: a zero that means unknown, a string, a getter that fails or is not there, an
        # entry that the library does not have or has with another type, a library that is not in
        # the build (UKLIBID_NONE).
    }


def test_scale_and_odd_characters(collected: Run) -> None:
    assert collected.values("traps_scaled_seconds") == {"": 4000000.0}
    sample = next(s for s in collected.rounds[0] if s.name == "traps_value")
    assert sample.help == 'Every type of a number: "quoted", back\\slash, ??( and \u2013 dash.'


def test_objects(collected: Run) -> None:
    # The second "seven" would be the same sample twice; a name that is not ASCII could not be sent.
    assert collected.values("traps_object_a", "object") == {"seven": 7, "without b": 8}
    assert collected.values("traps_object_b", "object") == {"seven": -7}
    # An entry that no object has: ukstore gives a pointer all the same.
    assert not collected.values("traps_object_none", "object")
    sample = next(s for s in collected.rounds[0] if s.name == "traps_object_a")
    assert sample.labels == (("object", "seven"), ("sign", "plus"))


def test_never_asks_for_an_object_that_does_not_exist(collected: Run) -> None:
    assert "does not exist" not in collected.console


def test_objects_come_and_go(twin: Path) -> None:
    result = run(twin, "traps.late=100", "consumer.rounds=2", "consumer.pause=400")
    assert set(result.values("traps_object_a", "object")) == {"seven", "without b"}
    after = result.values("traps_object_a", "object", round_=1)
    assert after == {"without b": 8, "late": 9}


def test_objects_beyond_the_table_are_counted(twin: Path) -> None:
    few = run(twin)
    devices = len(few.values("node_network_receive_bytes_total", "device"))
    # lib-ukmetrics' own: each device once more, an allocator, the libraries as one, a mount.
    own = devices + 3
    assert few.values("ukmetrics_dropped_objects_total") == {"": 0}
    result = run(twin, "traps.more=60")
    # Four objects of the traps come first, then sixty, then the devices and our own.
    dropped = 64 + devices + own - MAX_OBJECTS
    assert result.values("ukmetrics_dropped_objects_total") == {"": dropped}
    assert len(result.values("traps_object_b", "object")) == MAX_OBJECTS - 4 + 1
    assert not result.values("node_network_receive_bytes_total", "device")


def test_emit_ends_the_collection(twin: Path) -> None:
    result = run(twin, "consumer.stop=3")
    assert result.returned == [42]
    assert len(result.rounds[0]) == 3


def test_collecting_allocates_nothing_and_is_repeatable(twin: Path) -> None:
    result = run(twin, "consumer.rounds=3")
    allocations = [
        result.values("unikraft_alloc_allocations_total", round_=n)[""] for n in range(3)
    ]
    assert allocations[0] > 0
    # The getters of the traps' strings are never called, those of the twin do not allocate.
    # Texts are read once, by the first collection.
    assert allocations[0] <= allocations[1] == allocations[2]
    assert [s.name for s in result.rounds[1]] == [s.name for s in result.rounds[0]]


def test_mutex_figures_move_and_add_up(twin: Path) -> None:
    result = run(twin, "consumer.rounds=2", "consumer.pause=600")
    before, after = (
        {
            name: result.values(f"unikraft_mutex_{name}_total", round_=n)[""]
            for name in ("locks", "unlocks")
        }
        | result.values("unikraft_mutex_trylocks_total", "result", round_=n)
        for n in range(2)
    )
    assert after["locks"] > before["locks"]
    assert after["ok"] > before["ok"]
    assert after["locks"] + after["ok"] == after["unlocks"]
    assert result.values("unikraft_mutex_locked") == {"": 0}


def test_network_figures_are_those_of_the_host(twin: Path) -> None:
    before = _bytes_received()
    result = run(twin)
    after = _bytes_received()
    devices = result.values("node_network_receive_bytes_total", "device")
    assert list(devices) == [f"netdev{n}" for n in range(len(before))]
    for low, value, high in zip(before, devices.values(), after, strict=True):
        assert low <= value <= high


def _bytes_received() -> list[int]:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return [int(line.split(":")[1].split()[0]) for line in lines]


def test_promtool_objects_to_nothing_but_node_exporters_capitals() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (package prometheus)")
    result = run(build("gcc"), "ukmetrics.labels=site=fra1,rack=b7")
    lines = []
    for name, samples in groupby(result.rounds[0], key=lambda sample: sample.name):
        if name.startswith("traps_"):
            continue
        for position, sample in enumerate(samples):
            if not position:
                lines += [f"# HELP {name} {sample.help}", f"# TYPE {name} {sample.type}"]
            labels = ",".join(f'{label}="{value}"' for label, value in sample.labels)
            lines.append(f"{name}{{{labels}}} {sample.value}")
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input="\n".join([*lines, ""]),
        capture_output=True,
        text=True,
        check=False,
    )
    complaint = " metric names should be written in 'snake_case' not 'camelCase'"
    capitals = {s.name for s in result.rounds[0] if re.search("[a-z][A-Z]", s.name)}
    assert all(name.startswith("node_") for name in capitals)
    assert set((done.stdout + done.stderr).splitlines()) == {name + complaint for name in capitals}


def test_only_the_interface_is_exported() -> None:
    olib = build("gcc").parent / "libukmetrics.o"
    symbols = subprocess.run(
        ["nm", "--extern-only", "--defined-only", "--format=just-symbols", str(olib)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert symbols.stdout.split() == ["ukm_collect", "ukm_config_get"]
