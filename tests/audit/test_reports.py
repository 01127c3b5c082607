"""Golden output: the same report as JSON, as Markdown, and as a table of three widths."""

import io
import json

import pytest
from rich.console import Console

from porttool.audit import AuditReport, FileResult, Kind, Need, Site
from porttool.audit.reports import markdown, places, plain, summary, table, to_json, used_in

REPORT = AuditReport(
    needs=(
        Need(Kind.FUNCTION, "open", "files", "fcntl.h", (Site("src/a.c", 12),)),
        Need(
            Kind.FUNCTION,
            "printf",
            "stdio",
            "stdio.h",
            (
                *(Site("src/a.c", line) for line in (3, 14, 15)),
                Site("src/b.c", 92),
                Site("src/collectors/filesystem.c", 65),
            ),
        ),
        Need(Kind.FUNCTION, "puts", "stdio", "stdio.h", (Site("src/b.c", 9),)),
        Need(Kind.TYPE, "struct stat", "files", "sys/stat.h", (Site("src/a.c", 7),)),
        Need(Kind.PATH, "/proc/%d/stat", "procfs", None, (Site("src/a.c", 8),)),
    ),
    files=(
        FileResult("src/a.c", True),
        FileResult("src/b.c", True),
        FileResult("src/broken.c", False, "src/broken.c:3: syntax error before }"),
    ),
)

PLAIN = """\
Functions (3)
Group  Name    Header   Used in
files  open    fcntl.h  src/a.c:12
stdio  printf  stdio.h  src/a.c:3,14,15 src/b.c:92 src/collectors/filesystem.c:65
stdio  puts    stdio.h  src/b.c:9

Types (1)
Group  Name         Header      Used in
files  struct stat  sys/stat.h  src/a.c:7

Kernel paths (1)
Group   Name           Used in
procfs  /proc/%d/stat  src/a.c:8

Not parsed (1)
File          Why
src/broken.c  src/broken.c:3: syntax error before }

3 files, 1 not parsed: 3 functions, 1 type, 1 kernel path
"""

AT_80 = """\
Functions (3)

 Group   Name     Header    Used in
 ────────────────────────────────────────────────────────
 files   open     fcntl.h   src/a.c:12
 stdio   printf   stdio.h   src/a.c:3,14,15 src/b.c:92 +1
         puts     stdio.h   src/b.c:9

Types (1)

 Group   Name          Header       Used in
 ────────────────────────────────────────────
 files   struct stat   sys/stat.h   src/a.c:7

Kernel paths (1)

 Group    Name            Used in
 ──────────────────────────────────
 procfs   /proc/%d/stat   src/a.c:8

Not parsed (1)

 File           Why
 ────────────────────────────────────────────────────
 src/broken.c   src/broken.c:3: syntax error before }

3 files, 1 not parsed: 3 functions, 1 type, 1 kernel path
"""

AT_44 = """\
Functions (3)

 Group   Name     Header    Used in
 ──────────────────────────────────────────
 files   open     fcntl.h   src/a.c:12
 stdio   printf   stdio.h   src/a.c:3,14,15
                            src/b.c:92 +1
         puts     stdio.h   src/b.c:9

Types (1)

 Group   Name         Header      Used in
 ──────────────────────────────────────────
 files   struct       sys/stat.   src/a.c:7
         stat         h

Kernel paths (1)

 Group    Name            Used in
 ──────────────────────────────────
 procfs   /proc/%d/stat   src/a.c:8

Not parsed (1)

 File           Why
 ──────────────────────────────────────────
 src/broken.c   src/broken.c:3: syntax
                error before }

3 files, 1 not parsed: 3 functions, 1 type,
1 kernel path
"""

MARKDOWN = """\
# What the code needs

3 files, 1 not parsed: 3 functions, 1 type, 1 kernel path.

## Functions (3)

| Group | Name | Header | Used in |
|---|---|---|---|
| files | `open` | `fcntl.h` | src/a.c:12 |
| stdio | `printf` | `stdio.h` | src/a.c:3,14,15 src/b.c:92 src/collectors/filesystem.c:65 |
| stdio | `puts` | `stdio.h` | src/b.c:9 |

## Types (1)

| Group | Name | Header | Used in |
|---|---|---|---|
| files | `struct stat` | `sys/stat.h` | src/a.c:7 |

## Kernel paths (1)

| Group | Name | Header | Used in |
|---|---|---|---|
| procfs | `/proc/%d/stat` | - | src/a.c:8 |

## Not parsed (1)

| File | Why |
|---|---|
| src/broken.c | src/broken.c:3: syntax error before } |
"""


def rendered(width: int, site_limit: int) -> str:
    console = Console(width=width, color_system=None, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(REPORT, site_limit=site_limit))
    return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


def test_plain_table_has_a_line_a_need() -> None:
    assert plain(REPORT) == PLAIN


@pytest.mark.parametrize(("width", "golden"), [(44, AT_44), (80, AT_80), (160, AT_80)])
def test_table_fits_the_terminal(width: int, golden: str) -> None:
    assert rendered(width, 4) == golden
    assert all(len(line) <= width for line in rendered(width, 100).splitlines())


def test_markdown() -> None:
    assert markdown(REPORT) == MARKDOWN


def test_markdown_cannot_be_broken_by_names() -> None:
    need = Need(Kind.PATH, "/proc/`a|b\x1b[2J", "procfs", None, (Site("a|b_*.c", 1),))
    report = AuditReport((need,), (FileResult("<b>.c", False, "x|y"),))
    text = markdown(report)
    assert "| procfs | `/proc/'a\\|b?[2J` | - | a\\|b\\_\\*.c:1 |" in text
    assert "| \\<b\\>.c | x\\|y |" in text
    assert "\x1b" not in plain(report)


def test_json_document() -> None:
    assert to_json(REPORT)["schema"] == 3
    assert to_json(REPORT)["release"] is None
    assert json.dumps(to_json(REPORT)["needs"][0]) == (
        '{"kind": "function", "name": "open", "group": "files", "header": "fcntl.h", '
        '"primitive": null, "tested": false, "conditions": [], "defined": [], '
        '"sites": [{"file": "src/a.c", "line": 12, "function": null, "macro": null}], '
        '"status": null, "library": null, '
        '"requires": [], "reason": null, "patch": null, "caveat": null}'
    )
    assert to_json(REPORT)["needs"][4]["header"] is None
    assert to_json(REPORT)["files"][1:] == [
        {"path": "src/b.c", "parsed": True, "error": None},
        {
            "path": "src/broken.c",
            "parsed": False,
            "error": "src/broken.c:3: syntax error before }",
        },
    ]
    assert list(to_json(REPORT)) == [
        *("schema", "report", "release", "kconfig", "preprocessor", "headers"),
        *("needs", "files", "configurations", "unseen"),
    ]


def test_places_beyond_the_limit_are_counted() -> None:
    sites = [Site("a.c", 1), Site("a.c", 2), Site("b.c", 3)]
    assert places(sites) == "a.c:1,2 b.c:3"
    assert places(sites, 3) == "a.c:1,2 b.c:3"
    assert places(sites, 2) == "a.c:1,2 +1"


def test_places_with_their_functions_and_macros() -> None:
    one = Site("http.c", 33, "serve", "LOCK")
    assert used_in([one]) == used_in([one], 4) == "http.c:33 in serve via LOCK"
    several = [Site("a.c", 1, "f"), Site("a.c", 2, "f"), Site("a.c", 9, "g"), Site("b.c", 3), one]
    assert used_in(several) == "a.c:1,2 in f; a.c:9 in g; b.c:3; http.c:33 in serve via LOCK"
    assert used_in(several, 4) == "a.c:1,2,9 b.c:3 +1"
    long = Site("collectors/filesystem.c", 33, "collect_all")
    assert used_in([long], 4) == "collectors/filesystem.c:33"


def test_pthread_primitives_are_told_apart() -> None:
    site = (Site("a.c", 1),)
    needs = tuple(
        Need(Kind.FUNCTION, name, "pthread", "pthread.h", site, primitive)
        for name, primitive in [
            ("pthread_cond_wait", "condition"),
            ("pthread_create", "thread"),
            ("pthread_mutex_lock", "mutex"),
            ("pthread_mutex_unlock", "mutex"),
        ]
    )
    report = AuditReport(needs, (FileResult("a.c", True),))
    assert (
        plain(report)
        == """\
Functions (4)
Group              Name                  Header     Used in
pthread condition  pthread_cond_wait     pthread.h  a.c:1
pthread mutex      pthread_mutex_lock    pthread.h  a.c:1
pthread mutex      pthread_mutex_unlock  pthread.h  a.c:1
pthread thread     pthread_create        pthread.h  a.c:1

1 file: 4 functions
Threads: 2 mutex, 1 condition, 1 thread
"""
    )
    assert "\nThreads: 2 mutex, 1 condition, 1 thread.\n" in markdown(report)
    assert "| pthread mutex | `pthread_mutex_lock` |" in markdown(report)
    assert to_json(report)["needs"][0]["primitive"] == "condition"


def test_summary_of_nothing() -> None:
    assert summary(AuditReport((), ())) == "0 files: nothing needed"
