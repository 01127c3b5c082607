"""Run one target under atheris: ``python -m fuzz.run TARGET [libFuzzer options] [corpora]``."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["porttool", "pcpp", "pycparser"]):
    from fuzz.targets import TARGETS

HERE = Path(__file__).parent
LIMITS = ("-max_len=4096", "-timeout=20", "-rss_limit_mb=2048")


def main() -> None:
    """Fuzz until a fault is found or ``-max_total_time`` is over."""
    target = sys.argv[1]
    options = [f"-dict={HERE / 'c.dict'}", *LIMITS, *sys.argv[2:]]
    atheris.Setup([sys.argv[0], *options, str(HERE / "seeds" / target)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
