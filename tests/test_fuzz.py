"""The targets that are fuzzed, on their seeds, on what fuzzing found, and on a few changes."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS

FUZZ = Path(__file__).parent.parent / "fuzz"
INPUTS = sorted(path for folder in ("seeds", "regressions") for path in (FUZZ / folder).glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_known_input_is_read_or_refused(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("name", ["audit", "pcpp", "scanner"])
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_input_is_read_or_refused(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(sorted((FUZZ / "seeds" / name).iterdir()))).read_bytes()
    start = data.draw(st.integers(0, len(seed)))
    length = data.draw(st.integers(0, 40))
    put_in = data.draw(st.binary(max_size=12) | st.sampled_from([b"{", b")", b"[[", b'"', b"\\\n"]))
    TARGETS[name](seed[:start] + put_in + seed[start + length :])
