import re
from pathlib import Path

import pytest

from porttool.audit.groups import (
    HEADER_GROUPS,
    LIBRARY,
    OTHER,
    PATH_GROUPS,
    UNDECLARED,
    header_group,
)

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "audit.md"


@pytest.mark.parametrize(
    ("header", "group"),
    [
        ("pthread.h", "pthread"),
        ("sys/socket.h", "sockets"),
        ("netinet/tcp.h", "sockets"),
        ("stdio.h", "stdio"),
        ("linux/if_link.h", "linux"),
        ("sys/timerfd.h", "time"),
        ("nobody-knows.h", OTHER),
    ],
)
def test_header_group(header: str, group: str) -> None:
    assert header_group(header) == group


def test_document_has_the_table() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    documented = {group: tuple(re.findall(r"`([^`]+)`", cell)) for group, cell in rows}
    for group, patterns in HEADER_GROUPS:
        assert documented.get(group) == patterns, group
    assert {OTHER, LIBRARY, UNDECLARED, *PATH_GROUPS.values()} <= set(documented)


def test_no_header_is_listed_twice() -> None:
    listed = [pattern for _, patterns in HEADER_GROUPS for pattern in patterns]
    assert len(listed) == len(set(listed))
