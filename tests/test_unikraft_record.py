"""What was seen in real trees holds for the libraries as they are emitted now."""

from pathlib import Path

import pytest

from porttool.unikraft import DEFAULT_RELEASE
from tests.e2e.served import copy_port
from tests.unikraft_real import record


@pytest.mark.parametrize("release", sorted(record.read()))
def test_the_libraries_are_those_that_booted(release: str, tmp_path: Path) -> None:
    now = record.current(copy_port(tmp_path / "port"), release)
    assert record.read()[release].digest == now, (
        f"the libraries for {release} changed since they booted; renew with: {record.RENEW}"
    )


def test_the_record_is_of_whole_runs() -> None:
    assert DEFAULT_RELEASE in record.read()
    for entry in record.read().values():
        assert entry.passed >= 10
        assert entry.first_scrape_seconds < 30
        assert set(entry.commits) == {"unikraft", "lib-musl", "lib-lwip"}
