"""Compiler commands: what of them is believed, from a database and from make."""

import json
from pathlib import Path
from typing import Any

import pytest

from porttool.audit import Kind, audit
from porttool.audit.commands import Commands, read_compile_commands, read_make_output
from porttool.audit.preprocess import Flags
from porttool.errors import UserError
from tests.audit.trees import build_tree, functions, lines, names


def database(root: Path, *entries: Any) -> Path:
    path = root / "compile_commands.json"
    path.write_text(json.dumps(entries))
    return path


def read(root: Path, *entries: dict[str, Any]) -> Commands:
    return read_compile_commands(database(root, *entries), root)


def flags(root: Path, command: str) -> Flags:
    [only] = read(root, {"directory": ".", "file": "a.c", "command": command}).commands
    return only.flags


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return build_tree(
        tmp_path / "t", {"a.c": "", "b/b.c": "", "inc/x.h": "", "q/y.h": "", "force.h": ""}
    )


def test_flags_that_are_believed(tree: Path) -> None:
    assert flags(
        tree,
        "gcc -DA -D B=2 -UC -U D '-DE=\"two words\"' -Iinc -I b -isystem q -iquote inc -std=c99 "
        "-include force.h -O2 -Wall -fno-builtin -MF -Dno -o -Uno -c a.c",
    ) == Flags(
        (tree / "inc", tree / "b", tree / "q"),
        ("-DA", "-DB=2", "-UC", "-UD", '-DE="two words"'),
        (tree / "force.h",),
        "c99",
    )


def test_arguments_and_a_directory_below(tree: Path) -> None:
    found = read(
        tree,
        {"directory": "b", "file": "b.c", "arguments": ["cc", "-I../inc", "-DX", "b.c"]},
        {"directory": str(tree / "b"), "file": str(tree / "b/b.c"), "arguments": ["cc", "-DY"]},
    )
    assert [(each.path, each.flags.includes, each.flags.macros) for each in found.commands] == [
        (tree / "b/b.c", (tree / "inc",), ("-DX",)),
        (tree / "b/b.c", (), ("-DY",)),
    ]


def test_nothing_of_a_command_is_executed(tree: Path) -> None:
    found = flags(tree, "gcc -DX=$(touch${IFS}made) `touch made` ; touch made; cc a.c")
    assert found.macros == ("-DX=$(touch${IFS}made)",)
    assert not (tree / "made").exists()


def test_what_lies_outside_is_left_out_and_said(tree: Path) -> None:
    (tree.parent / "out").mkdir()
    (tree.parent / "out/o.h").write_text("")
    (tree / "link.h").symlink_to(tree.parent / "out/o.h")
    (tree / "folder").symlink_to(tree.parent / "out")
    found = read(
        tree,
        {
            "directory": ".",
            "file": "a.c",
            "command": "cc -I../out -Ifolder -I/usr/include -include ../out/o.h -include link.h "
            "-include /etc/passwd -std=c++17 -D1X -UA-B a.c",
        },
        {"directory": "/", "file": "/etc/x.c", "command": "cc"},
        {"directory": ".", "file": "a.cpp", "command": "c++ a.cpp"},
    )
    [only] = found.commands
    assert only.flags == Flags()
    assert found.notes == (
        f"-I{tree}/../out: outside of the folder, left out",
        f"-I{tree}/folder: outside of the folder, left out",
        "-include ../out/o.h: not in the folder, left out",
        "-include link.h: not in the folder, left out",
        "-include /etc/passwd: not in the folder, left out",
        "1 file is not in the folder, left out",
    )


def test_database_of_another_checkout_stands_for_the_tree(tree: Path, tmp_path: Path) -> None:
    other = build_tree(tmp_path / "other", {"a.c": "", "build/x": "", "inc/x.h": ""})
    path = database(
        other / "build",
        {"directory": str(other / "build"), "file": "../a.c", "command": "cc -I../inc ../a.c"},
    )
    [only] = read_compile_commands(path, tree).commands
    assert (only.path, only.flags.includes) == (tree / "a.c", (tree / "inc",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "not a list"),
        ("[", "Expecting"),
        ("[3]", "entry 1: not an object"),
        ('[{"directory": "."}]', "entry 1: file and directory"),
        ('[{"directory": ".", "file": "a.c"}]', "entry 1: neither command nor arguments"),
        ('[{"directory": ".", "file": "a.c", "command": "cc \'"}]', "entry 1: No closing"),
        ('[{"directory": ".", "file": "a.c", "arguments": [1]}]', "entry 1: arguments have"),
        ('[{"directory": ".", "file": "a\\u0000.c", "command": ""}]', "entry 1: file and"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_malformed_database(tree: Path, text: str, why: str) -> None:
    path = tree / "compile_commands.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_compile_commands(path, tree)
    assert why in (caught.value.why or "")
    assert caught.value.where == str(path)


def test_database_that_is_not_there(tree: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_compile_commands(tree / "none.json", tree)


def test_each_file_is_audited_with_its_own_flags(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": "#ifdef ONE\n#include <unistd.h>\nint a(void) { return getpid(); }\n#endif\n"
            "#ifdef TWO\nint b(void) { return sync(), 0; }\n#endif\n",
            "b.c": "#include <x.h>\n#ifdef ONE\nint c(void) { return getuid(); }\n#endif\n"
            "#ifdef GONE\nint d(void) { return getgid(); }\n#endif\n"
            "int e(void) { return FORCED(); }\n#ifdef __STRICT_ANSI__\nint strict;\n#endif\n",
            "inc/x.h": "#include <unistd.h>\n",
            "force.h": "#define FORCED pause\n",
        },
    )
    found = read(
        tmp_path,
        {"directory": ".", "file": "a.c", "command": "cc -DONE a.c"},
        {"directory": ".", "file": "a.c", "command": "cc -DTWO a.c"},
        {
            "directory": ".",
            "file": "b.c",
            "command": "cc -Iinc -UGONE -include force.h -std=c99 b.c",
        },
    )
    sources = [tmp_path / "a.c", tmp_path / "b.c"]
    report = audit(tmp_path, sources, defines=["GONE"], commands=found.commands)
    assert not report.failed
    assert functions(report) == {"getpid", "sync", "pause"}
    assert lines(report, "pause") == ["b.c:8"]
    assert names(report, Kind.HEADER) == {"unistd.h"}
    assert [file.path for file in report.files] == ["a.c", "b.c"]


def test_commands_in_what_make_says(tree: Path) -> None:
    output = f"""\
make: Entering directory '{tree}'
echo a.c
ccache x86_64-linux-gnu-gcc-12 -DA="$(git describe)" -Iinc -c a.c \\
 -o a.o && ar r x.a a.o
if test -f x; then cc -DN b/b.c; fi
make[1]: Entering directory '{tree}/b'
cc -DB -o b b.c a.o `pkg-config x`; echo "cc -DNO a.c"
make[1]: Leaving directory '{tree}/b'
cd b && clang -DC b.c
gcc -DZ 'unclosed a.c
"""
    found = read_make_output(output, tree, tree)
    assert [(each.path.name, each.flags.macros) for each in found.commands] == [
        ("a.c", ("-DA=unknown",)),
        ("b.c", ("-DN",)),
        ("b.c", ("-DB",)),
        ("b.c", ("-DC",)),
    ]
    assert found.commands[0].flags.includes == (tree / "inc",)
