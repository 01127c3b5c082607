"""The Kconfig symbols of a tree, read from its Config.uk files."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from porttool.errors import UserError
from porttool.unikraft.kconfig import Choice, Conditional, Graph, text
from porttool.unikraft.scan.condition import ALWAYS, NEVER
from porttool.unikraft.scan.configuration import read_configuration
from tests.unikraft.toyport import write_files

SUBMENU = (
    "$(shell,$(UK_BASE)/support/build/config-submenu.sh -q -o '$(KCONFIG_DIR)/{0}.uk' "
    "-r '$(KCONFIG_{1}_BASE){2}' -l '$(KCONFIG_{1}_BASE){2}')"
)

TREE = {
    "Config.uk": (
        'mainmenu "Unikraft/$(UK_FULLVERSION) Configuration"\n'
        "config NO_APP\n\tdef_bool $(shell,touch ran && echo y)\n"
        'source "$(UK_BASE)/arch/Config.uk"\n'
        f'source "{SUBMENU.format("drivers", "DRIV", "")}"\n'
        f'source "{SUBMENU.format("libs", "LIB", "")}"\n'
    ),
    "arch/Config.uk": (
        'choice\n\tprompt "Architecture"\n\tdefault ARM if ($(shell,$(CC) -x | cut -f1) = "a")\n'
        '\tdefault X86\nconfig X86\n\tbool "x86"\nconfig ARM\n\tbool "arm"\nendchoice\n'
    ),
    "drivers/Config.uk": f'source "{SUBMENU.format("bus", "DRIV", "/bus")}"\n',
    "drivers/bus/pci/Config.uk": 'config PCI\n\tbool "pci"\n\tdepends on X86\n',
    "lib/Config.uk": "config HAVE_LIBC\n\tbool\n",
    "lib/files/Config.uk": (
        'menuconfig LIBFILES\n\tbool "files"\n\tdefault y if ARM || X86\n\tselect LIBTABLE if \\\n'
        "X86\n\timply PCI\n\thelp\n\t  config LIBNOT\n\t  source of files\n"
        "if LIBFILES\n"
        'config LIBFILES_MORE\n\tbool "more" if !ARM\n\tdepends on PCI\n\tselect LIBSLOW\n'
        'config LIBFILES_SIZE\n\tint "size"\n\tdefault 3\n'
        "config LIBFILES_BIG\n\tbool\n\tdefault y if LIBFILES_SIZE != 3\n\tdefault LIBTABLE\n"
        "endif\n"
    ),
    "lib/speed/Config.uk": (
        'choice\n\tprompt "Speed"\nconfig LIBFAST\n\tbool "fast"\n'
        'config LIBSLOW\n\tbool "slow"\nendchoice\n'
    ),
    "lib/table/Config.uk": "config LIBTABLE\n\tbool\n",
}
LIBC = {"Config.uk": 'config LIBC\n\tbool "c"\n\tselect HAVE_LIBC\n'}


def read(tmp_path: Path, changed: Mapping[str, str] = MappingProxyType({})) -> Graph:
    write_files(tmp_path / "tree", TREE | dict(changed))
    write_files(tmp_path / "lib-c", LIBC)
    return read_configuration(tmp_path / "tree", [tmp_path / "lib-c"])


def test_symbols_of_the_tree_and_of_libraries(tmp_path: Path) -> None:
    graph = read(tmp_path)
    sources = {option.name: option.source for option in graph.options.values()}
    assert sources == {
        "NO_APP": "Config.uk",
        "X86": "arch/Config.uk",
        "ARM": "arch/Config.uk",
        "PCI": "drivers/bus/pci/Config.uk",
        "HAVE_LIBC": "lib/Config.uk",
        "LIBFILES": "lib/files/Config.uk",
        "LIBFILES_MORE": "lib/files/Config.uk",
        "LIBFILES_BIG": "lib/files/Config.uk",
        "LIBFAST": "lib/speed/Config.uk",
        "LIBSLOW": "lib/speed/Config.uk",
        "LIBTABLE": "lib/table/Config.uk",
        "LIBC": "lib-c/Config.uk",
    }
    assert [name for name, option in graph.options.items() if option.external] == ["LIBC"]
    assert [name for name, option in graph.options.items() if option.machine] == ["X86", "ARM"]
    assert graph.features("LIBC") == ("HAVE_LIBC",)


def test_what_a_symbol_says(tmp_path: Path) -> None:
    options = read(tmp_path).options
    files, more, big = (options[name] for name in ("LIBFILES", "LIBFILES_MORE", "LIBFILES_BIG"))
    assert (files.prompt, options["LIBTABLE"].prompt) == (ALWAYS, NEVER)
    assert [(line.value, text(line.condition)) for line in files.selects] == [("LIBTABLE", "X86")]
    assert files.implies == (Conditional("PCI"),)
    assert [(line.value, text(line.condition)) for line in files.defaults] == [("y", "ARM || X86")]
    assert text(more.depends) == "LIBFILES && PCI"
    assert text(more.prompt) == "!ARM && LIBFILES && PCI"
    # A select of a choice's member has no effect, and a comparison counts as false.
    assert more.selects == ()
    assert [(line.value, text(line.condition)) for line in big.defaults] == [
        ("y", "n"),
        ("y", "LIBFILES && LIBTABLE"),
        ("n", "LIBFILES"),
    ]


def test_a_choice(tmp_path: Path) -> None:
    graph = read(tmp_path)
    assert graph.choices == {
        "X86": Choice(("X86", "ARM"), (Conditional("ARM", NEVER), Conditional("X86")), ALWAYS),
        "LIBFAST": Choice(("LIBFAST", "LIBSLOW"), (), ALWAYS),
    }
    assert graph.options["ARM"].choice == "X86"


def test_nothing_is_run_and_nothing_outside_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("config SECRET\n\tbool\n")
    evil = (
        f'source "{secret}"\nsource "$(UK_BASE)/../secret"\nrsource "../../../secret"\n'
        f'osource "{secret}"\ngsource "{tmp_path}/s*"\nsour\\\nce "{secret}"\n'
        "X := $(shell,touch ran)\nconfig $(shell,touch ran)A\n\tbool\n\tdefault $(X)\n"
        'config B\n\tstring\n\tdefault "$(shell,$(shell,touch ran))$ran"\n'
    )
    graph = read(tmp_path, {"lib/table/Config.uk": evil})
    assert "SECRET" not in graph.options
    assert "nA" in graph.options
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize(
    "broken",
    [
        "config A\n\tboool\n",
        "config A\n\tbool\n\tdepends on " + "(" * 5000 + "B" + ")" * 5000 + "\n",
        "config A\n\tbool\n\tdefault $(shell,echo (a) b)\n",
    ],
)
def test_what_is_no_kconfig_is_said(tmp_path: Path, broken: str) -> None:
    with pytest.raises(UserError, match=r"Config\.uk files are not valid"):
        read(tmp_path, {"lib/table/Config.uk": broken})


def test_files_that_source_each_other_end(tmp_path: Path) -> None:
    again = 'source "$(UK_BASE)/lib/table/Config.uk"\nconfig LIBTABLE\n\tbool\n'
    assert "LIBTABLE" in read(tmp_path, {"lib/table/Config.uk": again}).options


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    """Each sources the next one twice."""
    files = {
        f"lib/x{n}/Config.uk": f'source "$(UK_BASE)/lib/x{n + 1}/Config.uk"\n' * 2 + "#" * 4000
        for n in range(30)
    }
    with pytest.raises(UserError, match="too many"):
        read(tmp_path, files)
