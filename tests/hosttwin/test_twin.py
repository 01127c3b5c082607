"""The host twin behaves as Unikraft does, and ends where Unikraft would come to harm."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from porttool.hosttwin.kconfig import write_config
from tests.ukmetrics.ukm_twin import VARIANTS, make_twin

PROBE = Path(__file__).parent / "probe"


@pytest.fixture(scope="module", params=VARIANTS)
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "musl" and not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed (package musl-tools)")
    out = tmp_path_factory.mktemp("probe")
    write_config([PROBE], out, {"LIBPROBE_GREETING": 'say "hi"'})
    return make_twin([PROBE], out, *VARIANTS[request.param])


def boot(
    twin: Path, *arguments: str, end: signal.Signals = signal.SIGTERM
) -> tuple[int, list[str], str]:
    """Boot, and ask the twin to end: status, lines of stdout, stderr."""
    with subprocess.Popen(
        [str(twin), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = [process.stdout.readline()]  # blocks SIGTERM by now
        process.send_signal(end)
        lines += process.stdout
        err = process.stderr.read()
    return process.returncode, [line.rstrip("\n") for line in lines], err


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_init_levels_and_end(twin: Path, end: signal.Signals) -> None:
    status, lines, _ = boot(twin, end=end)
    assert lines == [
        "ctor first early plat lib rootfs sys late small 1 flag 0 argc 1 argv0 1",
        "ended",
    ]
    assert status == 0


@pytest.mark.parametrize(
    ("arguments", "settings", "console"),
    [
        (["probe.small=0x7f", "--", "a", "b"], "small 127 flag 0 argc 3 argv0 1", ""),
        (["probe.small=-128", "probe.flag", "--"], "small -128 flag 1 argc 1 argv0 1", ""),
        (["probe.flag=on", "--"], "small 1 flag 1 argc 1 argv0 1", ""),
        (["probe.flag=1", "probe.flag=no", "--"], "small 1 flag 0 argc 1 argv0 1", ""),
        # Without "--" nothing is a parameter.
        (["probe.small=2"], "small 1 flag 0 argc 2 argv0 1", ""),
        (["probe.small=128", "--"], "small 1 flag 0 argc 1 argv0 1", "out of range"),
        (["probe.small=1x", "--"], "small 1 flag 0 argc 1 argv0 1", "not a number"),
        (["probe.small=", "--"], "small 1 flag 0 argc 1 argv0 1", "needs a value"),
        (["probe.big=1", "--"], "small 1 flag 0 argc 1 argv0 1", "probe.big: Unknown"),
        # The prefix is the one that Makefile.uk sets, not the library's name.
        (["libprobe.small=2", "--"], "small 1 flag 0 argc 1 argv0 1", "Unknown"),
    ],
)
def test_parameters(twin: Path, arguments: list[str], settings: str, console: str) -> None:
    status, lines, err = boot(twin, *arguments)
    assert (status, lines[0].partition("late ")[2]) == (0, settings)
    assert console in err


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("static of no library", "UKLIBID_NONE"),
        ("object of no library", "UKLIBID_NONE"),
        ("unknown object", "an object was used that does not exist"),
        ("unknown entry", "an entry was read that its object does not have"),
        ("last reference", "last reference"),
        ("charp of static", "charp"),
        ("lock twice", "assertion failed"),
    ],
)
def test_what_unikraft_does_not_survive(twin: Path, what: str, why: str) -> None:
    status, lines, err = boot(twin, f"probe.what={what}", "--")
    assert status == -signal.SIGABRT
    assert "host twin: " in err
    assert why in err
    # The ids of what was handed out did not match.
    assert [line for line in lines[1:] if line.startswith("id")] in ([], ["id 0"])


def test_an_init_function_that_fails_ends_the_boot(twin: Path) -> None:
    status, _, err = boot(twin, "probe.what=init fails", "--")
    assert status == 1
    assert "an init function of level 6 returned -22" in err


def test_mutex_figures_have_unikrafts_oddities(twin: Path) -> None:
    _, lines, _ = boot(twin, "probe.what=mutexes", "--")
    # Two mutexes held. Of `unlocked`, one was set up (+1) and locked (-1), the static one only
    # locked (-1). The nested lock is not counted, the nested unlocks are.
    assert lines[1] == "held 2 -1 locks 2 trylocks 1 unlocks 4 after 0 1"


def test_reading_oddities(twin: Path) -> None:
    _, lines, _ = boot(twin, "probe.what=reads", "--")
    assert lines[1] == (
        "u64 1 s8 0 -1 text 0 77 ncharp 0 te none 1 self 1 unprefixed 65535 no objects 1 "
        'netdev0 "rx_bytes" cur_mem_free'
    )


def test_events(twin: Path) -> None:
    _, lines, _ = boot(twin, "probe.what=events", "--")
    assert lines[1] == "1 0 11"


def test_configuration_reaches_the_sources(twin: Path) -> None:
    _, lines, _ = boot(twin, "probe.what=greeting", "--")
    assert lines[1] == 'say "hi"'
