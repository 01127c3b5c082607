"""What follows from Kconfig symbols, and the Config.uk lines that bring them."""

import itertools
from pathlib import Path

import kconfiglib
import pytest

from porttool.unikraft import provides
from porttool.unikraft.kconfig import (
    Choice,
    Conditional,
    Consequences,
    Graph,
    Option,
    from_document,
    parse,
    text,
    to_document,
    to_kconfig,
)
from porttool.unikraft.scan.condition import ALWAYS, NEVER
from porttool.unikraft.selects import config_lines


def lines(*texts: str) -> tuple[Conditional, ...]:
    return tuple(
        Conditional(value, parse(condition or "y"))
        for value, _, condition in (each.partition(" if ") for each in texts)
    )


def option(
    name: str,
    *,
    source: str = "lib/x/Config.uk",
    prompt: str = "y",
    depends: str = "y",
    selects: tuple[str, ...] = (),
    implies: tuple[str, ...] = (),
    defaults: tuple[str, ...] = (),
    choice: str | None = None,
) -> Option:
    return Option(
        name,
        source,
        parse(prompt),
        parse(depends),
        lines(*selects),
        lines(*implies),
        lines(*defaults),
        choice,
    )


#: A libc and a network stack that an application chooses, and what there is beside them.
OPTIONS = (
    option("HAVE_LIBC", source="lib/Config.uk", prompt="n"),
    option("HAVE_NET", source="lib/Config.uk", prompt="n"),
    option("HAVE_PAGING", source="plat/Config.uk", prompt="n"),
    option("PLAT_KVM", source="plat/kvm/Config.uk"),
    option(
        "LIBC",
        source="lib-c/Config.uk",
        selects=("HAVE_LIBC", "FILES", "C_STRING", "NOLIBC if !HAVE_LIBC"),
        implies=("MAPS",),
    ),
    option("C_STRING", source="lib-c/Config.uk", prompt="LIBC", depends="LIBC"),
    option("C_STDIO", source="lib-c/Config.uk", depends="LIBC", defaults=("y",)),
    option("C_COMPLEX", source="lib-c/Config.uk", depends="LIBC"),
    option("LIBNET", source="lib-net/Config.uk", selects=("HAVE_NET",)),
    option("NET_THREADS", source="lib-net/Config.uk", depends="LIBNET", choice="NET_LOOP"),
    option("NET_LOOP", source="lib-net/Config.uk", depends="LIBNET", choice="NET_LOOP"),
    option(
        "NET_SOCKET",
        source="lib-net/Config.uk",
        depends="LIBNET && NET_THREADS",
        selects=("SOCKET",),
        defaults=("y",),
    ),
    option("NOLIBC", depends="!HAVE_LIBC"),
    option("FILES", selects=("TABLE",)),
    option("TABLE", prompt="n"),
    option("MAPS", depends="!MAPS2"),
    option("MAPS2", depends="HAVE_PAGING"),
    option("SOCKET", selects=("FILES", "NOLIBC if !HAVE_LIBC")),
    option("LOCK"),
    option("MUTEX", depends="LOCK", defaults=("y",)),
    option("MUTEX_METRICS", depends="LOCK && MUTEX"),
    option("DEVICE"),
    option("DEVICE_STATS", depends="DEVICE"),
    option("QUIET", depends="!LOUD"),
    option("LOUD"),
    option("KVM_ONLY", depends="PLAT_KVM"),
    option("EITHER", depends="LOCK && LOUD || DEVICE"),
    option("ALWAYS_ON", prompt="n", defaults=("y",)),
)
GRAPH = Graph(
    {each.name: each for each in OPTIONS},
    {"NET_LOOP": Choice(("NET_LOOP", "NET_THREADS"), lines("NET_THREADS"), parse("LIBNET"))},
)
RULES = Consequences(GRAPH)


def said(*wanted: str, **more: object) -> list[str]:
    found = config_lines({name: [f"{name.lower()}()"] for name in wanted}, RULES, **more)  # type: ignore[arg-type]
    return [line.text.partition("  #")[0] for line in found.lines]


@pytest.mark.parametrize("words", ["y", "n", "A", "!A", "A && !B", "!C && D || A && B"])
def test_conditions_are_read_as_they_were_written(words: str) -> None:
    assert text(parse(words)) == words
    assert (parse(words) is ALWAYS, parse(words) is NEVER) == (words == "y", words == "n")


def test_the_json_form_loses_nothing() -> None:
    assert from_document(to_document(GRAPH)) == GRAPH


def test_certain_is_what_nobody_can_switch_off() -> None:
    on = RULES.certain({"LIBC", "LIBNET"})
    assert on >= {"LIBC", "LIBNET", "HAVE_LIBC", "HAVE_NET", "FILES", "TABLE", "C_STRING"}
    assert "ALWAYS_ON" in on
    # A default, a choice and what somebody implies can be answered otherwise.
    assert not on & {"C_STDIO", "NET_THREADS", "NET_SOCKET", "SOCKET", "MAPS", "NOLIBC"}


def test_by_default_is_what_happens_when_nobody_says_more() -> None:
    on = RULES.by_default({"LIBC", "LIBNET"})
    assert on >= {"C_STDIO", "NET_THREADS", "NET_SOCKET", "SOCKET", "MAPS"}
    assert not on & {"NOLIBC", "NET_LOOP", "C_COMPLEX", "MUTEX", "LOUD"}
    assert "NET_SOCKET" not in RULES.by_default({"LIBNET", "NET_LOOP"})


def test_fewest_leaves_out_what_follows() -> None:
    assert RULES.fewest(["LIBC", "C_STDIO", "C_STRING", "FILES", "TABLE"]) == ("LIBC",)
    assert RULES.fewest(["FILES", "C_COMPLEX", "OTHER"]) == ("C_COMPLEX", "FILES", "OTHER")
    assert RULES.fewest(["LOCK", "MUTEX"]) == ("LOCK",)


def test_by_default_is_what_kconfig_makes_of_it(tmp_path: Path) -> None:
    """Every pair of symbols that a person can set, against kconfiglib."""
    path = tmp_path / "Config.uk"
    path.write_text(to_kconfig(GRAPH))
    tree = kconfiglib.Kconfig(str(path), warn=False)
    names = [each.name for each in OPTIONS if each.prompt is ALWAYS and each.choice is None]
    for chosen in itertools.combinations(names, 2):
        tree.unset_values()
        for name in chosen:
            tree.syms[name].set_value("y")
        theirs = {each.name for each in tree.unique_defined_syms if each.str_value == "y"}
        if theirs >= set(chosen):
            assert RULES.by_default(chosen) == theirs, chosen


def test_a_libc_and_a_stack_are_chosen_by_the_application() -> None:
    assert said("LIBC", "C_STDIO") == ["depends on HAVE_LIBC"]
    assert said("C_COMPLEX") == ["depends on HAVE_LIBC", "select C_COMPLEX if LIBC"]
    assert said("HAVE_NET", "SOCKET") == ["depends on HAVE_NET", "select SOCKET"]


def test_what_another_line_brings_has_none() -> None:
    assert said("SOCKET", "FILES", "TABLE") == ["select SOCKET"]
    assert said("LIBC", "FILES", "SOCKET") == ["depends on HAVE_LIBC", "select SOCKET"]
    assert said("FILES") == ["select FILES"]


def test_what_a_chosen_library_implies_is_left_to_it() -> None:
    assert said("LIBC", "MAPS") == ["depends on HAVE_LIBC"]
    assert said("MAPS") == ["depends on !MAPS2", "select MAPS"]


def test_dependencies_of_a_selected_symbol_are_brought_too() -> None:
    assert said("MUTEX_METRICS") == ["select LOCK", "select MUTEX", "select MUTEX_METRICS"]
    assert said("QUIET") == ["depends on !LOUD", "select QUIET"]
    assert said("KVM_ONLY") == ["depends on PLAT_KVM", "select KVM_ONLY"]
    assert said("EITHER") == ["select DEVICE", "select EITHER"]
    assert said("EITHER", "LOUD") == ["select DEVICE", "select EITHER", "select LOUD"]
    assert said("EITHER", "LOUD", "LOCK") == ["select EITHER", "select LOCK", "select LOUD"]
    assert said("MAPS2") == ["depends on HAVE_PAGING", "select MAPS2"]


def test_what_cannot_be_selected_is_depended_on() -> None:
    # A select of a choice's member has no effect.
    assert said("NET_LOOP") == ["depends on HAVE_NET", "depends on NET_LOOP"]
    assert said("NET_THREADS") == ["depends on HAVE_NET"]
    assert said("PLAT_KVM") == ["depends on PLAT_KVM"]


def test_what_is_only_wanted_where_it_makes_sense() -> None:
    assert said("DEVICE_STATS") == ["select DEVICE", "select DEVICE_STATS"]
    optional = frozenset({"DEVICE_STATS"})
    assert said("DEVICE_STATS", optional=optional) == ["select DEVICE_STATS if DEVICE"]
    assert said("DEVICE_STATS", "DEVICE", optional=optional) == [
        "select DEVICE",
        "select DEVICE_STATS",
    ]


def test_what_is_given_has_no_line() -> None:
    assert said("FILES", "HAVE_LIBC", given=["LIBC"]) == []


def test_the_comment_names_the_needs() -> None:
    needs = ["listen", "accept", "bind", "_hidden", "<sys/socket.h>"]
    (line,) = config_lines({"LOCK": needs}, RULES).lines
    assert line.text == "select LOCK  # accept, bind, listen and 2 more"


@pytest.mark.parametrize("release", provides.releases())
def test_a_shipped_graph_is_whole(release: str) -> None:
    known = provides.shipped(release)
    graph = known.kconfig
    needed = {name for symbol in known.symbols.values() for name in symbol.requires}
    needed |= {name for call in known.syscalls.values() for name in call.requires}
    assert needed <= graph.options.keys()
    assert graph.features("LIBMUSL") == ("HAVE_LIBC",)
    assert graph.features("LIBLWIP") == ("HAVE_NW_STACK",)
    assert "LIBVFSCORE" in Consequences(graph).certain({"LIBMUSL"})
