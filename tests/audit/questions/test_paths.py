"""The paths from a program's entries to a need, and how they read."""

import time
from itertools import pairwise
from pathlib import Path as Folder

import pytest
from rich.box import SIMPLE_HEAD

from porttool.audit import AuditReport, Kind, Need, Site
from porttool.audit.model import Call, Function
from porttool.audit.questions.paths import Entry, Found, Graph, matching, similar
from porttool.audit.questions.pathsreports import in_words, markdown, table, to_json
from porttool.audit.status import Judged, Status
from tests.audit.questions.rendering import golden, on_terminal
from tests.audit.trees import audit_tree

FILES = {
    "main.c": (
        "void serve(void);\nvoid log_line(void);\n"
        "int main(void)\n{\n\tlog_line();\n\tserve();\n\tserve();\n\treturn 0;\n}\n"
    ),
    "serve.c": (
        "#include <unistd.h>\n#include <pthread.h>\nvoid log_line(void);\n"
        "#define PUT(n) write(1, n, 1)\n"
        'static void reply(void)\n{\n\tPUT("a");\n\tlog_line();\n}\n'
        "static void *work(void *arg)\n{\n\treply();\n\treturn arg;\n}\n"
        "void serve(void)\n{\n\tpthread_t t;\n\tpthread_create(&t, 0, work, 0);\n\treply();\n}\n"
    ),
    "log.c": '#include <unistd.h>\nvoid log_line(void)\n{\n\twrite(2, "x", 1);\n}\n',
    "table.c": (
        "#include <unistd.h>\n"
        'static int collect(void)\n{\n\treturn write(1, "t", 1);\n}\n'
        "struct ops { int (*collect)(void); } ops = { collect };\n"
        'void idle(void)\n{\n\twrite(1, "i", 1);\n}\n'
        "static void pong(void);\n"
        "static void ping(void)\n{\n\tpong();\n}\n"
        'static void pong(void)\n{\n\twrite(1, "p", 1);\n\tping();\n}\n'
        "void (*volatile unused)(void);\n"
    ),
}


@pytest.fixture(name="report", scope="module")
def report_fixture(tmp_path_factory: pytest.TempPathFactory) -> AuditReport:
    return audit_tree(tmp_path_factory.mktemp("tree"), FILES)


def found(report: AuditReport, name: str) -> list[Found]:
    graph = Graph(report)
    return [
        Found(graph.why(need), Judged(need, Status.RUNTIME, reason="no such system call"))
        for need in matching(report, name)
    ]


def test_each_function_that_has_the_need_and_how_it_is_entered(report: AuditReport) -> None:
    (write,) = found(report, "write")
    assert [(path.entry, in_words(path)) for path in write.why.paths] == [
        (Entry.MAIN, "main main.c:5 → log_line log.c:4"),
        (Entry.MAIN, "main main.c:6,7 → serve serve.c:19 → reply serve.c:7 via PUT"),
        (Entry.TABLE, "(file scope) table.c:6 → collect table.c:4"),
        (Entry.UNCALLED, "idle table.c:9"),
        (Entry.RECURSION, "ping table.c:14 → pong table.c:18"),
    ]


def test_a_thread_is_reached_where_its_function_is_named(report: AuditReport) -> None:
    (write,) = found(report, "write")
    callers = {(call.caller.name, call.callee.name) for call in write.why.calls}
    assert {("serve", "work"), ("work", "reply"), ("serve", "reply")} <= callers


def test_what_the_series_puts_in_the_place_of_main_is_an_entry() -> None:
    need = Need(Kind.FUNCTION, "write", "unistd", "unistd.h", (Site("a.c", 2, "small_serve"),))
    report = AuditReport((need,), ())
    assert Graph(report).why(need).paths[0].entry is Entry.UNCALLED
    assert Graph(report, "small_serve").why(need).paths[0].entry is Entry.MAIN


def test_names_and_globs(report: AuditReport) -> None:
    def names(asked: str) -> list[str]:
        return [need.name for need in matching(report, asked)]

    assert names("write") == ["write"]
    assert names("pthread_*") == ["pthread_create", "pthread_t"]
    assert names("<unistd.h>") == ["unistd.h"]
    assert names("wrote") == []
    assert similar(report, "wrote")[0] == "write"
    tag = Need(Kind.TYPE, "struct stat", "files", "sys/stat.h", (Site("a.c", 1),))
    assert matching(AuditReport((tag,), ()), "stat") == (tag,)
    path = Need(Kind.PATH, "/proc/[1]/stat", "procfs", None, (Site("a.c", 1),))
    assert matching(AuditReport((path,), ()), "/proc/[1]/stat") == (path,)


def test_a_header_says_what_it_brings(report: AuditReport) -> None:
    (header,) = found(report, "pthread.h")
    assert header.why.brings == ("pthread_create", "pthread_t")
    assert [(path.entry, in_words(path)) for path in header.why.paths] == [
        (Entry.TABLE, "(file scope) serve.c:2")
    ]


def ladder(height: int) -> AuditReport:
    """Functions in pairs, each of which calls both of the next pair: 2 ** height paths."""
    rows = [[Function("a.c", "main")]]
    rows += [[Function("a.c", f"{side}{n:04}") for side in "lr"] for n in range(height)]
    calls = [
        Call(caller, callee, Site("a.c", line, caller.name))
        for line, (above, below) in enumerate(pairwise(rows))
        for caller in above
        for callee in below
    ]
    site = Site("a.c", 9999, rows[-1][0].name)
    return AuditReport(
        (Need(Kind.FUNCTION, "write", "unistd", "unistd.h", (site,)),), (), "", tuple(calls)
    )


def test_paths_beyond_number_are_bounded() -> None:
    report = ladder(2000)
    graph = Graph(report)
    begun = time.monotonic()
    (write,) = found(report, "write")
    text = on_terminal(table(graph, [write], box=SIMPLE_HEAD), 200)
    assert time.monotonic() - begun < 5
    assert len(write.why.paths) == 1
    assert len(write.why.paths[0].steps) == 2001
    assert len(text.splitlines()) < 250
    assert "more, see --json" in text


def test_the_place_may_be_in_a_file_that_the_function_includes(tmp_path: Folder) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": (
                "#include <unistd.h>\n"
                'static int f(void)\n{\n#include "body.inc"\n}\n'
                "int main(void)\n{\n\treturn f();\n}\n"
            ),
            "body.inc": '\treturn write(1, "", 0);\n',
        },
    )
    (write,) = found(report, "write")
    assert [in_words(path) for path in write.why.paths] == ["main a.c:8 → f body.inc:1"]


def test_a_path_begins_at_the_likeliest_entry_though_another_is_nearer() -> None:
    table_, main, serve, reply = (Function("a.c", name) for name in ("", "main", "serve", "reply"))
    calls = (
        Call(main, serve, Site("a.c", 2, "main")),
        Call(serve, reply, Site("a.c", 4, "serve")),
        Call(table_, reply, Site("a.c", 9)),
    )
    need = Need(Kind.FUNCTION, "write", "unistd", "unistd.h", (Site("a.c", 6, "reply"),))
    (path,) = Graph(AuditReport((need,), (), "", calls)).why(need).paths
    assert (path.entry, path.entries) == (Entry.MAIN, 2)
    assert in_words(path) == "main a.c:2 → serve a.c:4 → reply a.c:6"


@pytest.mark.parametrize("width", [44, 80])
def test_golden_terminal(report: AuditReport, width: int) -> None:
    shown = table(Graph(report), found(report, "write"), box=SIMPLE_HEAD)
    assert on_terminal(shown, width) == golden(f"paths-{width}.txt")


def test_golden_pipe_and_markdown(report: AuditReport) -> None:
    needs = found(report, "write") + found(report, "pthread.h")
    assert on_terminal(table(Graph(report), needs, box=None), 1000) == golden("paths.txt")
    assert markdown("write", needs) == golden("paths.md")


def test_json(report: AuditReport) -> None:
    document = to_json(report, "write", "0.16.3", found(report, "write"))
    path = document["needs"][0]["paths"][1]
    assert path["steps"][2] == {
        "function": "reply",
        "file": "serve.c",
        "sites": [{"file": "serve.c", "line": 7, "macro": "PUT"}],
    }
    assert document["needs"][0]["calls"][0] == {
        "caller": {"function": "main", "file": "main.c"},
        "callee": {"function": "log_line", "file": "log.c"},
        "site": {"file": "main.c", "line": 5, "macro": None},
    }
