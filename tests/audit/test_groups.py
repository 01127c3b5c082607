import re
from pathlib import Path

import pytest

from porttool.audit.groups import (
    HEADER_GROUPS,
    LIBRARY,
    OTHER,
    PATH_GROUPS,
    PRIMITIVES,
    UNDECLARED,
    header_group,
    pthread_primitive,
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


@pytest.mark.parametrize(
    ("name", "primitive"),
    [
        ("pthread_create", "thread"),
        ("pthread_t", "thread"),
        ("thrd_join", "thread"),
        ("pthread_mutex_lock", "mutex"),
        ("PTHREAD_MUTEX_INITIALIZER", "mutex"),
        ("mtx_unlock", "mutex"),
        ("PTHREAD_MUTEX_RECURSIVE", "attributes"),
        ("pthread_mutexattr_settype", "attributes"),
        ("pthread_attr_init", "attributes"),
        ("pthread_getattr_np", "attributes"),
        ("PTHREAD_CREATE_DETACHED", "attributes"),
        ("pthread_cond_wait", "condition"),
        ("pthread_setspecific", "tls"),
        ("_pthread_cleanup_push", "cancellation"),
        ("pthread_setcancelstate", "cancellation"),
        ("pthread_rwlock_t", "rwlock"),
        ("pthread_spin_lock", "spinlock"),
        ("pthread_barrier_wait", "barrier"),
        ("pthread_once", "once"),
        ("once_flag", "once"),
        ("sem_post", "semaphore"),
        ("pthread_sigmask", "signal"),
        ("pthread_setschedparam", "scheduling"),
        ("pthread_atfork", "fork"),
        ("struct sched_param", ""),
    ],
)
def test_pthread_primitive(name: str, primitive: str) -> None:
    assert pthread_primitive("pthread", name) == primitive
    assert pthread_primitive("stdio", name) == ""


def test_document_has_the_primitives() -> None:
    text = DOCUMENT.read_text("utf-8")
    for primitive, _ in PRIMITIVES:
        assert f"| `{primitive}` |" in text


def test_document_has_the_table() -> None:
    table = DOCUMENT.read_text("utf-8").partition("| group | headers |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", table, re.MULTILINE)
    documented = {group: tuple(re.findall(r"`([^`]+)`", cell)) for group, cell in rows}
    for group, patterns in HEADER_GROUPS:
        assert documented.get(group) == patterns, group
    assert {OTHER, LIBRARY, UNDECLARED, *PATH_GROUPS.values()} <= set(documented)


def test_no_header_is_listed_twice() -> None:
    listed = [pattern for _, patterns in HEADER_GROUPS for pattern in patterns]
    assert len(listed) == len(set(listed))
