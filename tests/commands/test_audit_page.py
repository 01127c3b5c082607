"""The pages of an audit: sound, without network or script, with everything in them."""

import re
from dataclasses import replace
from pathlib import Path

from porttool.audit import AuditReport, FileResult, Kind, Need, Site
from porttool.audit.questions.matrix import matrix
from porttool.audit.status import Judged, Judgement, Status
from porttool.commands.audit_page import audit_page, releases_page
from tests.audit.questions.reports import judged, judgement, report
from tests.audit.trees import build_tree
from tests.commands.ports import invoke
from tests.pages.html import text_of

NEEDS = (
    judged("getifaddrs", Status.ABSENT, group="sockets", reason="nothing defines it"),
    replace(judged("socket", group="sockets"), requires=("LIBPOSIX_SOCKET",)),
    replace(judged("pthread_create", group="pthread"), caveat="the scheduler is cooperative"),
    judged("fork", Status.STUBBED, reason="links, but is a stub"),
    judged("struct stat", kind=Kind.TYPE, group="files"),
)


def words(page: bytes) -> str:
    return " ".join(text_of(page).split())


def test_all_needs_with_status_reason_and_places() -> None:
    text = words(audit_page("small", report(*NEEDS), judgement(*NEEDS)))
    assert "small: what it needs of Unikraft 0.16.3" in text
    assert "absent function getifaddrs sockets nothing defines it a.c:1 in main" in text
    assert "provided function socket sockets libmusl LIBPOSIX_SOCKET a.c:1 in main" in text
    assert "libmusl; the scheduler is cooperative" in text
    assert "CONFIG_LIBPOSIX_SOCKET=y" in text
    assert text.index("getifaddrs sockets") < text.index("fork unistd") < text.index("socket soc")


def test_a_bar_for_each_group_the_worst_first() -> None:
    page = audit_page("small", report(*NEEDS), judgement(*NEEDS)).decode()
    bars = re.findall(
        r'<svg viewBox="0 0 (\d+) 1".*?aria-label="([^"]+)">\n(.*?)</svg>', page, re.S
    )
    assert [(widest, said) for widest, said, _ in bars] == [
        ("2", "sockets: 1 absent, 1 provided"),
        ("2", "unistd: 1 stubbed"),
        ("2", "files: 1 provided"),
        ("2", "pthread: 1 provided"),
    ]
    parts = re.findall(r'<rect class="(\S+)" x="(\d+)" y="0" width="(\d+)"', bars[0][2])
    assert parts == [("absent", "0", "1"), ("provided", "1", "1")]


def test_every_filter_is_tied_to_its_rows() -> None:
    page = audit_page("small", report(*NEEDS), judgement(*NEEDS)).decode()
    style, body = page.split("</style>")
    inputs = set(re.findall(r'<input type="\w+"(?: name="group")? id="([\w-]+)"', body))
    assert {"s-absent", "s-provided", "k-type", "g-sockets", "g-all-of-them"} <= inputs
    for name in inputs - {"g-all-of-them"}:
        if name.startswith("g-"):
            hidden = f"body:has(#{name}:checked) tr.need:not(.{name}) {{ display: none; }}"
        else:
            hidden = f"body:has(#{name}:not(:checked)) tr.{name} {{ display: none; }}"
        assert hidden in style
        assert re.search(rf'<tr class="need [^"]*\b{name}\b', body), name


def test_without_a_release_there_is_no_status() -> None:
    text = words(audit_page("small", report(*NEEDS), None))
    assert "Nothing is known of the Unikraft release" in text
    assert "not known function getifaddrs sockets a.c:1 in main" in text
    assert "Kconfig All provided" not in text


def test_nothing_needed_and_nothing_parsed() -> None:
    failed = (FileResult("b.c", False, "b.c:3: syntax error before }"),)
    text = words(audit_page("small", AuditReport((), failed), Judgement("0.16.3", ())))
    assert "b.c: b.c:3: syntax error before }" in text
    assert "By group and status" not in text


def test_names_from_elsewhere_stay_text() -> None:
    name = "/proc/<script>alert(1)</script>&\"'\x1b[2J\u202e"
    need = Need(Kind.PATH, name, "procfs", None, (Site("<b>.c", 1, "f<i>", "M</td>"),))
    listed = Judged(need, Status.ABSENT, reason="</table>")
    page = audit_page("<h1>", AuditReport((need,), ()), Judgement("0.16.3", (listed,)))
    assert "<script>alert(1)</script>" in text_of(page)
    matrix_ = matrix([Judgement("0.16.3", (listed,))])
    assert "<script>alert(1)</script>" in text_of(
        releases_page("<h1>", AuditReport((need,), ()), matrix_)
    )


def test_the_matrix_says_where_a_status_changes() -> None:
    columns = [
        judgement(judged("fork", Status.STUBBED), judged("puts"), release="0.10.0"),
        judgement(
            judged("fork", Status.RUNTIME, reason="nothing provides syscall fork"),
            judged("puts"),
            release="0.11.0",
        ),
    ]
    page = releases_page("small", report(*columns[0].needs), matrix(columns))
    assert "fork function stubbed runtime a.c:1 puts function provided provided" in words(page)
    (row,) = re.findall(r'<tr class="changing">.*?</tr>', page.decode(), re.S)
    assert '<td class="stubbed">stubbed</td>' in row
    assert '<td class="runtime turn" title="nothing provides syscall fork">runtime</td>' in row
    assert '<tr class="alike fine">' in page.decode()


def test_pages_are_written_beside_the_result(tmp_path: Path) -> None:
    source = build_tree(
        tmp_path / "p", {"a.c": "#include <unistd.h>\nint f(void) { return dup(1); }\n"}
    )
    for question in ((), ("--releases",)):
        page = tmp_path / "page.html"
        outcome = invoke("audit-deps", *question, source, "--html", page, "--json")
        assert outcome.code == 0
        assert '"schema": 3' in outcome.out
        assert "dup" in text_of(page.read_bytes())
        page.unlink()
    outcome = invoke("audit-deps", source, "--html", tmp_path / "gone" / "page.html")
    assert outcome.code == 1
    outcome.says("page.html cannot be written")
