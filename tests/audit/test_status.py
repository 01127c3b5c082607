"""Each status by its rule, and how a judged audit reads."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from porttool.audit import AuditReport, FileResult, Kind, Need, Site
from porttool.audit.reports import to_json
from porttool.audit.status import Judged, Judgement, Removed, Status, fewest, judge
from porttool.audit.statusreports import markdown, plain, table
from porttool.unikraft.provides import shipped
from porttool.unikraft.table import shipped_catalogue
from tests.audit.catalogues import catalogue


def need(
    name: str,
    header: str | None = "unistd.h",
    kind: Kind = Kind.FUNCTION,
    group: str = "unistd",
    line: int = 1,
) -> Need:
    return Need(kind, name, group, header, (Site("a.c", line),))


def judged(folder: Path, *needs: Need) -> tuple[Judged, ...]:
    report = AuditReport(needs, (FileResult("a.c", True),))
    return judge(report, catalogue(folder), catalogue=shipped_catalogue("0.16.3"))


FUNCTIONS = {
    "strlen": (Status.PROVIDED, ["LIBMUSL"], ""),
    "printf": (Status.PROVIDED, ["LIBMUSL"], ""),
    "readdir": (
        Status.PROVIDED,
        ["LIBMUSL", "LIBVFSCORE"],
        "links, but needs syscall getdents64, which LIBVFSCORE provides",
    ),
    "send": (Status.PROVIDED, ["LIBMUSL", "LIBPOSIX_SOCKET"], ""),
    "inotify_init": (
        Status.RUNTIME,
        ["LIBMUSL"],
        "links, but nothing provides syscalls inotify_init, inotify_init1: ENOSYS at run time",
    ),
    "fork": (Status.STUBBED, ["LIBMUSL"], "links, but is a stub: ENOSYS at run time"),
    "prlimit": (
        Status.STUBBED,
        ["LIBMUSL", "LIBPOSIX_PROCESS"],
        "links, but syscall prlimit64 under it is a stub: nothing is done but a warning",
    ),
    "setgroups": (
        Status.STUBBED,
        ["LIBMUSL", "LIBPOSIX_PROCESS", "LIBVFSCORE"],
        "links, but syscalls sync, prlimit64 under it are stubs: nothing is done",
    ),
    "sync": (
        Status.STUBBED,
        ["LIBMUSL", "LIBVFSCORE"],
        "links, but syscall sync under it is a stub: nothing is done",
    ),
    "time": (
        Status.PROVIDED,
        ["LIBMUSL", "LIBPOSIX_TIME", "LIBVFSCORE"],
        "links, but needs syscalls clock_gettime, gettimeofday, which LIBPOSIX_TIME provides; "
        "syscall getdents64, which LIBVFSCORE provides",
    ),
    "pthread_create": (
        Status.PROVIDED,
        ["LIBMUSL", "LIBPOSIX_TIME"],
        "links, but needs syscall clock_gettime, which LIBPOSIX_TIME provides; syscall "
        "sched_setscheduler is missing, and made only for threads with a scheduling policy",
    ),
    "pthread_setschedparam": (
        Status.RUNTIME,
        ["LIBMUSL"],
        "links, but nothing provides syscall sched_setscheduler: ENOSYS at run time",
    ),
    "get_phys_pages": (
        Status.PROVIDED,
        ["LIBMUSL", "LIBPOSIX_SYSINFO"],
        "links, but needs syscall sysinfo, which LIBPOSIX_SYSINFO provides; syscall prlimit64 is a "
        "stub, and made only on some ways through it",
    ),
    # Of what it makes on some ways nothing works: there is no other way.
    "nice": (
        Status.RUNTIME,
        ["LIBMUSL", "LIBPOSIX_PROCESS"],
        "links, but nothing provides syscall getpriority: ENOSYS at run time",
    ),
    "raise": (
        Status.PROVIDED,
        ["LIBMUSL", "LIBPOSIX_USER"],
        "links, but needs syscall getuid, which LIBPOSIX_USER provides; syscall prlimit64 is a "
        "stub, and its result not looked at",
    ),
    # Of two definitions the one that works.
    "gethostname": (Status.PROVIDED, ["LIBPOSIX_SYSINFO"], ""),
    "getlogin": (Status.PROVIDED, ["LIBMUSL"], "only without LIBPOSIX_USER"),
    "get_nprocs": (
        Status.STUBBED,
        ["LIBMUSL", "LIBPOSIX_PROCESS"],
        "links, but syscall sched_getaffinity under it is a stub: ENOSYS at run time",
    ),
    "sysconf": (
        Status.STUBBED,
        ["LIBMUSL", "LIBPOSIX_PROCESS"],
        "links, but syscalls sched_getaffinity, prlimit64 under it are stubs: ENOSYS at run time",
    ),
    "setsid": (Status.DECLARED_ONLY, [], "<unistd.h> declares it, and nothing defines it"),
    "getifaddrs": (Status.ABSENT, [], "nothing defines it"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(tmp_path: Path, name: str) -> None:
    (found,) = judged(tmp_path, need(name))
    assert (found.status, list(found.requires), found.reason) == FUNCTIONS[name]
    assert (found.library is None) == (found.status in (Status.ABSENT, Status.DECLARED_ONLY))


def test_what_the_upstream_defines_itself_is_its_own(tmp_path: Path) -> None:
    own = replace(need("strlen"), defined=(Site("compat/strlen.c", 12),))
    (found,) = judged(tmp_path, own)
    assert (found.status, found.reason) == (Status.OWN, "upstream brings it: compat/strlen.c:12")
    assert (found.library, found.requires) == (None, ())


def test_macro_that_is_only_asked_for_says_so(tmp_path: Path) -> None:
    asked = replace(need("F_OK", "unistd.h", Kind.CONSTANT), tested=True)
    gone = replace(asked, header="sys/inotify.h")
    provided, absent = judged(tmp_path, asked, gone)
    assert provided.reason == "only an #if asks for it"
    assert absent.reason == "only an #if asks for it; no library has <sys/inotify.h>"


def test_file_that_is_not_audited_and_has_the_name_is_said(tmp_path: Path) -> None:
    lost = replace(
        need("helper", None, group="undeclared"), elsewhere=(Site("x.c", 3), Site("y.c", 4))
    )
    (found,) = judged(tmp_path, lost)
    assert found.status is Status.ABSENT
    assert found.reason == "not among the audited files: x.c:3 and 1 more defines it"


def test_one_missing_syscall_of_several_is_enough(tmp_path: Path) -> None:
    provides = catalogue(tmp_path)
    some = {**provides.syscalls, "inotify_init": provides.syscalls["writev"]}
    report = AuditReport((need("inotify_init"),), ())
    provides = type(provides)(
        provides.release, {}, provides.symbols, some, provides.headers, provides.declared
    )
    (found,) = judge(report, provides)
    assert found.status is Status.RUNTIME
    assert "syscall inotify_init1:" in found.reason


def test_types_constants_and_headers_follow_the_header(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        need("struct timespec", "time.h", Kind.TYPE),
        need("struct inotify_event", "sys/inotify.h", Kind.TYPE),
        need("IN_MODIFY", "sys/inotify.h", Kind.CONSTANT),
        need("stdio.h", "stdio.h", Kind.HEADER),
        need("sys/inotify.h", "sys/inotify.h", Kind.HEADER),
        need("struct ukm_config", "ukm.h", Kind.TYPE, "library"),
        need("ukm_collect", "ukm.h", Kind.FUNCTION, "library"),
        need("api", "api.h", Kind.FUNCTION, "library"),
    )
    assert [(each.status.value, each.library, each.reason) for each in found] == [
        ("provided", "libmusl", ""),
        ("absent", None, "no library has <sys/inotify.h>"),
        ("absent", None, "no library has <sys/inotify.h>"),
        ("provided", "libmusl", ""),
        ("absent", None, "no library has this header"),
        ("provided", "libukmetrics", ""),
        ("provided", "libukmetrics", ""),
        ("absent", None, "<api.h> is of a library that is not Unikraft's"),
    ]


def path(name: str) -> Need:
    return need(name, None, Kind.PATH, "procfs")


def test_kernel_paths_name_what_stands_in_for_them(tmp_path: Path) -> None:
    memory, network, uptime, stat, null = judged(
        tmp_path,
        path("/proc/meminfo"),
        path("/sys/class/net/%s/statistics"),
        path("/proc/uptime"),
        path("/proc/%d/stat"),
        path("/dev/null"),
    )
    assert memory.status is Status.RUNTIME
    assert memory.reason.startswith(
        "no such file at run time; instead: ukstore's libukalloc (cur_mem_free, "
    )
    assert memory.requires == ("LIBUKALLOC_IFSTATS", "LIBUKALLOC_IFSTATS_GLOBAL", "LIBUKSTORE")
    assert network.status is Status.RUNTIME
    assert "libuknetdev (" in network.reason
    assert "rx_bytes" in network.reason
    assert uptime.reason == "no such file at run time; instead: clock_gettime()"
    assert uptime.requires == ("LIBMUSL", "LIBPOSIX_TIME")
    assert (stat.status, stat.reason) == (Status.ABSENT, "nothing has this")
    assert null.status is Status.RUNTIME


def test_nothing_stands_in_where_the_release_does_not_have_it(tmp_path: Path) -> None:
    report = AuditReport((path("/proc/meminfo"), path("/proc/version")), ())
    for found in judge(report, catalogue(tmp_path)):
        assert (found.status, found.reason) == (Status.ABSENT, "nothing has this")


def test_caveat_of_what_can_be_linked(tmp_path: Path) -> None:
    statvfs, strlen, getifaddrs, clk_tck, type_ = judged(
        tmp_path,
        need("statvfs", "sys/statvfs.h"),
        need("strlen"),
        need("getifaddrs"),
        need("_SC_CLK_TCK", kind=Kind.CONSTANT),
        need("struct statvfs", kind=Kind.TYPE),
    )
    assert statvfs.status is Status.PROVIDED
    assert statvfs.caveat == "all figures are 0 on ramfs, 9pfs and devfs"
    assert clk_tck.caveat == "sysconf gives 0 with LIBPOSIX_SYSINFO"
    assert getifaddrs.status is Status.ABSENT
    assert [each.caveat for each in (strlen, getifaddrs, type_)] == ["", "", ""]


def report_of_all() -> AuditReport:
    needs = (
        need("fork", line=3),
        need("getifaddrs", "ifaddrs.h", group="sockets", line=7),
        need("inotify_init", "sys/inotify.h", group="poll", line=9),
        need("printf", "stdio.h", group="stdio"),
        need("readdir", "dirent.h", group="files", line=12),
        need("send", "sys/socket.h", group="sockets", line=5),
        need("setsid", line=4),
        need("statvfs", "sys/statvfs.h", group="filesystem", line=15),
        need("struct timespec", "time.h", Kind.TYPE, "time"),
        need("stdio.h", "stdio.h", Kind.HEADER, "stdio"),
        path("/proc/%d/stat"),
        path("/proc/uptime"),
    )
    return AuditReport(needs, (FileResult("a.c", True), FileResult("b.c", False, "b.c:3: no")))


def judgement_of_all(folder: Path) -> Judgement:
    gone = {(Kind.FUNCTION, "setsid"): Removed("0004-stay.patch", "")}
    release = catalogue(folder)
    needs = judge(report_of_all(), release, removed=gone)
    return Judgement("0.16.3", needs, fewest(needs, release))


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["status-80.txt", "status.txt", "status.md"])
def test_golden(tmp_path: Path, name: str) -> None:
    report, judgement = report_of_all(), judgement_of_all(tmp_path)
    if name == "status-80.txt":
        console = Console(width=80, color_system=None, file=io.StringIO())
        with console.capture() as captured:
            console.print(table(report, judgement, site_limit=4))
        text = "".join(line.rstrip() + "\n" for line in captured.get().splitlines())
        assert all(len(line) <= 80 for line in text.splitlines())
    elif name == "status.txt":
        text = plain(report, judgement)
    else:
        text = markdown(report, judgement)
    assert text == (GOLDEN / name).read_text()


def test_json_has_the_status_of_each_need(tmp_path: Path) -> None:
    document = to_json(report_of_all(), judgement_of_all(tmp_path))
    assert list(document) == [
        *("schema", "report", "release", "kconfig", "preprocessor", "headers"),
        *("needs", "files", "configurations", "unseen"),
    ]
    assert (document["schema"], document["release"]) == (3, "0.16.3")
    assert document["kconfig"] == ["LIBMUSL", "LIBPOSIX_SOCKET", "LIBVFSCORE"]
    by_name = {each["name"]: each for each in document["needs"]}
    assert list(by_name["readdir"].items())[9:] == [
        ("status", "provided"),
        ("library", "libmusl"),
        ("requires", ["LIBMUSL", "LIBVFSCORE"]),
        ("reason", "links, but needs syscall getdents64, which LIBVFSCORE provides"),
        ("patch", None),
        ("caveat", None),
    ]
    assert (by_name["setsid"]["status"], by_name["setsid"]["patch"]) == (
        "patched",
        "0004-stay.patch",
    )
    assert by_name["printf"]["reason"] is None
    assert by_name["statvfs"]["caveat"] == "all figures are 0 on ramfs, 9pfs and devfs"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("setsid", "links, but syscall setsid under it is a stub: EPERM at run time"),
        ("login_tty", "links, but syscall setsid under it is a stub: EPERM at run time"),
        ("killpg", "links, but syscall kill under it is a stub: no signal is sent"),
        ("getrusage", "links, but syscall getrusage under it is a stub: all figures are 0"),
        ("dlopen", "links, but is a stub: nothing can be loaded; only without LIBPOSIX_LIBDL"),
        ("setuid", "links, but syscall setuid under it is a stub: nothing is done"),
        ("pthread_cancel", "links, but is a stub: no thread is ever cancelled"),
    ],
)
def test_what_only_pretends_is_a_stub_though_its_code_does_not_look_like_one(
    name: str, reason: str
) -> None:
    (found,) = judge(AuditReport((need(name),), ()), shipped("0.16.3"))
    assert (found.status, found.reason) == (Status.STUBBED, reason)


def test_what_other_needs_take_decides_which_library_has_a_function(tmp_path: Path) -> None:
    alone = judged(tmp_path, need("getlogin"), need("get_avphys_pages"))
    assert [each.status for each in alone] == [Status.PROVIDED, Status.PROVIDED]
    login, pages, uid = judged(tmp_path, need("getlogin"), need("get_avphys_pages"), need("getuid"))
    assert (login.status, login.library) == (Status.STUBBED, "libposix_user")
    assert login.requires == ("LIBPOSIX_USER",)
    assert (pages.status, pages.library, pages.requires) == (Status.DECLARED_ONLY, None, ())
    assert pages.reason == "libmusl leaves it out with LIBPOSIX_USER, which is set"
    assert uid.status is Status.PROVIDED


def test_a_network_stack_is_there_once_something_opens_a_socket() -> None:
    provides = shipped("0.16.3")
    # The stack's own, which warns and does nothing, is rather a stub than musl's is missing.
    (alone,) = judge(AuditReport((need("sendfile"),), ()), provides)
    assert (alone.status, alone.library) == (Status.STUBBED, "liblwip")
    # In a copy of the release in which the stack has none, and musl's works.
    calls = {**provides.syscalls, "sendfile": replace(provides.syscalls["read"], name="sendfile")}
    other = replace(provides, others={}, syscalls=calls)
    (alone,) = judge(AuditReport((need("sendfile"),), ()), other)
    assert (alone.status, alone.library) == (Status.PROVIDED, "libmusl")
    found, _ = judge(AuditReport((need("sendfile"), need("socket")), ()), other)
    assert found.reason == "libmusl leaves it out with LIBLWIP, which is set"
    # All at once, so that they can be set at once.
    both = judge(AuditReport((need("get_nprocs"), need("uname"), need("sysconf")), ()), provides)
    assert [(each.status.value, each.library) for each in both] == [
        ("declared-only", None),
        ("provided", "libmusl"),
        ("provided", "libposix_sysinfo"),
    ]


def test_a_function_of_another_library_is_not_taken_for_the_one_that_pretends() -> None:
    provides = shipped("0.16.3")
    other = replace(provides.symbols["dlopen"], library="libposix_libdl")
    provides = replace(provides, symbols={"dlopen": other})
    (found,) = judge(AuditReport((need("dlopen"),), ()), provides)
    assert found.status is Status.PROVIDED


def test_what_a_real_unikernel_answered_is_what_the_audit_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "provider-truth.md"
    rows = re.findall(
        r"^\| `(\w+)` \| ([a-z-]+) \| .* \| (yes|caveat|no) \|", page.read_text(), re.M
    )
    found = judge(AuditReport(tuple(need(name) for name, *_ in rows), ()), shipped("0.16.3"))
    assert [(each.need.name, each.status.value) for each in found] == [row[:2] for row in rows]
    assert len(rows) >= 40
    assert {status for _, status, _ in rows} == {*Status} - {Status.OWN, Status.PATCHED}
    assert all(each.caveat for each, row in zip(found, rows, strict=True) if row[2] == "caveat")
    assert sum(row[2] == "no" for row in rows) <= 2
