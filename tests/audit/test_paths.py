"""Paths of the kernel that are put together: each true one, and no other."""

import re
from pathlib import Path

import pytest

from porttool.audit import Kind
from tests.audit.trees import audit_text

PRELUDE = """\
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#define PROC "/proc"
#define INNER PROC "/self"
void use(const char *);
"""
CONSTANTS = {
    "root": 'static const char *const root = "/proc";',
    "moved": 'static const char *moved = "/proc/moved";',
    "others": 'const char *others = "/proc/others";',
    "name": 'const char name[] = "/sys/class";',
}
FUNCTION = """\
void f(int pid, const char *what, char *given)
{
	char buf[256], buf2[256], *p;
	int fd;
	(void)buf; (void)buf2; (void)p; (void)fd;
"""


def paths(folder: Path, body: str) -> set[str]:
    constants = "\n".join(
        text for word, text in CONSTANTS.items() if re.search(rf"\b{word}\b", body)
    )
    report = audit_text(folder, f"{PRELUDE}{constants}\n{FUNCTION}{body}\n}}\n")
    return {need.name for need in report.of_kind(Kind.PATH)}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('snprintf(buf, 9, "%s/%d/stat", "/proc", pid);', {"/proc/%d/stat"}),
        ('snprintf(buf, 9, "%s/stat", PROC);', {"/proc/stat"}),
        ('snprintf(buf, 9, "%s/maps", INNER);', {"/proc/self/maps"}),
        ('snprintf(buf, 9, "%s/%s", root, what);', {"/proc/%s"}),
        ('snprintf(buf, 9, "%s/net", name);', {"/sys/class/net"}),
        ('snprintf(buf, 9, "%s/x", moved); moved = what;', {"/proc/moved"}),
        ('snprintf(buf, 9, "%s/x", others);', {"/proc/others"}),
        ('snprintf(buf, 9, "%s/x", what);', set()),
        ('snprintf(buf, 9, "%.3s/x", "/proc");', {"/proc"}),
        ('snprintf(buf, 9, "%*d%s/x", 3, pid, "/proc");', {"/proc"}),
        ('snprintf(buf, 9, "%s%s/%ld%%", "/sys", "/block", 1L);', {"/sys/block/%ld%"}),
        ('asprintf(&p, "%s/%u", "/dev", 1u);', {"/dev/%u"}),
        ('const char *base = "/sys"; sprintf(buf, "%s/bus", base);', {"/sys/bus"}),
        ('const char *base = "/sys"; base = what; sprintf(buf, "%s/bus", base);', {"/sys"}),
        ('const char *base = "/sys"; base++; sprintf(buf, "%s/bus", base);', {"/sys"}),
        ('strcpy(buf, "/proc/"); strcat(buf, what); strcat(buf, "/stat");', {"/proc/%s/stat"}),
        ('strcpy(buf, "/proc"); strcat(buf, "/stat"); use(buf);', {"/proc/stat"}),
        ('char b[64] = "/proc/"; strcat(b, "stat");', {"/proc/stat"}),
        (
            'strcpy(buf, "/proc"); use(buf); strcat(buf, "/stat");',
            {"/proc"},
        ),
        (
            'strcpy(buf, "/proc"); fopen(buf, "r"); strcat(buf, "/stat");',
            {"/proc", "/proc/stat"},
        ),
        ('strcpy(buf, "/proc/a"); if (pid) strcat(buf, "/b"); use(buf);', {"/proc/a/b"}),
        ('strcpy(buf, "/proc"); while (pid--) strcat(buf, "/b"); use(buf);', {"/proc"}),
        ('strcpy(buf, "/proc"); pid && strcat(buf, "/b"); strcat(buf, "/c");', {"/proc/b"}),
        ('strcpy(buf, "/proc"); strcpy(buf + 5, "/x"); strcat(buf, "/y");', {"/proc"}),
        ('strcpy(buf, "/proc"); buf[3] = 0; strcat(buf, "/y");', {"/proc"}),
        ('p = given; strcat(p, "/proc/stat");', {"/proc/stat"}),
        (
            'snprintf(buf, 9, "%s/%d", "/proc", pid); snprintf(buf2, 9, "%s/fd", buf);',
            {"/proc/%d", "/proc/%d/fd"},
        ),
        (
            'snprintf(buf, 9, "%s/%d", "/proc", pid); snprintf(buf, 9, "%s/fd", buf);',
            {"/proc/%d/fd"},
        ),
        ('fd = open("/proc", 0); openat(fd, "stat", 0);', {"/proc", "/proc/stat"}),
        ('fd = open("/proc", 0); fd = pid; openat(fd, "stat", 0);', {"/proc"}),
        ('fd = open("/proc", 0); openat(fd, "/etc/passwd", 0);', {"/proc"}),
        (
            'DIR *d = opendir("/sys/block"); struct stat s; fstatat(dirfd(d), "sda", &s, 0);',
            {"/sys/block", "/sys/block/sda"},
        ),
        ("use(PROC);", {"/proc"}),
        ('if (0) snprintf(buf, 9, "%s/stat", "/proc");', set()),
    ],
)
def test_path(tmp_path: Path, body: str, found: set[str]) -> None:
    assert paths(tmp_path, body) == found


def test_constant_that_is_used_otherwise_too_stays_a_path(tmp_path: Path) -> None:
    text = (
        '#include <stdio.h>\nstatic const char *const root = "/proc";\n'
        'void f(char *b) { sprintf(b, "%s/stat", root); }\n'
    )
    alone = audit_text(tmp_path, text)
    assert [need.name for need in alone.of_kind(Kind.PATH)] == ["/proc/stat"]
    again = audit_text(tmp_path, f"{text}const char *g(void) {{ return root; }}\n")
    assert [need.name for need in again.of_kind(Kind.PATH)] == ["/proc", "/proc/stat"]


def test_own_function_that_is_named_like_the_systems_puts_nothing_together(
    tmp_path: Path,
) -> None:
    report = audit_text(
        tmp_path,
        "static void sprintf(char *b, const char *f, const char *s) { *b = *f + *s; }\n"
        'void f(char *b) { sprintf(b, "%s/stat", "/proc"); }\n',
    )
    assert [need.name for need in report.of_kind(Kind.PATH)] == ["/proc"]


def test_place_is_that_of_the_format_and_the_macro(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        '#include <stdio.h>\n#define PROC "/proc"\nvoid f(char *b, int n)\n{\n'
        '\tsprintf(b,\n\t\t"%s/%d", PROC, n);\n}\n',
    )
    [need] = report.of_kind(Kind.PATH)
    [site] = need.sites
    assert (need.name, site.line, site.function) == ("/proc/%d", 6, "f")
    assert site.macro == "PROC"
