"""What was seen in real trees holds for the libraries as they are emitted now."""

from pathlib import Path

import pytest

from tests.e2e.served import copy_port
from tests.unikraft_real import record


@pytest.mark.parametrize("release", record.releases())
def test_the_libraries_are_those_that_booted(release: str, tmp_path: Path) -> None:
    known = record.read().get(release)
    now = record.current(copy_port(tmp_path / "port"), release)
    assert known is not None, f"never booted; renew {record.RECORD} with: {record.RENEW}"
    assert known.digest == now, (
        f"the libraries for {release} changed since they booted; renew with: {record.RENEW}"
    )


def test_the_record_is_of_whole_runs() -> None:
    for entry in record.read().values():
        assert entry.passed >= 10
        assert entry.first_scrape_seconds < 30
        assert set(entry.commits) == {"unikraft", "lib-musl", "lib-lwip"}
