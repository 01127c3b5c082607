"""The Kconfig symbols of a tree: its ``Config.uk`` files, put together as its own build does.

kconfiglib reads the language. What would run a program or reach outside of the tree is taken out
before: a macro (``$(shell,...)``) stands for ``n``, and a ``source`` line for the files that
Unikraft's build would find there (support/build/config-submenu.sh of 0.16.3,
support/scripts/uk_build_configure.sh of 0.13.1).
"""

import gc
import re
import tempfile
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import kconfiglib

from porttool.errors import UserError
from porttool.unikraft.kconfig import Choice, Conditional, Graph, Option
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, symbol

_SOURCE = re.compile(r'\s*source\s+"(.*)"\s*')
_OTHER_SOURCE = re.compile(r"\s*(?:[rgo]|or)?source\b")
_GENERATED = re.compile(r"KCONFIG_(PLAT|DRIV|LIB)_\w+\)((?:/[\w-]+)*)'")
_FOLDERS = {"PLAT": "plat", "DRIV": "drivers", "LIB": "lib"}
_BASE = re.compile(r"\$\(?(UK_BASE|KCONFIG_(?:PLAT|DRIV|LIB)_BASE)\)?")
_MACRO = re.compile(r"\$\([^()]*\)")
_BYTES_MAX = 16 << 20
"""Of all Config.uk files together; Unikraft's have 0.4 MB."""


def read_configuration(root: Path, external: Sequence[Path]) -> Graph:
    """The symbols of the tree at ``root`` and of ``external`` libraries.

    Raises :class:`UserError` when the files are not Kconfig.
    """
    text = _Text(root.resolve(), [path.resolve() for path in external])
    try:
        text.add(text.root / "Config.uk")
    except RecursionError:
        raise UserError("the Config.uk files are nested too deep", where=str(text.root)) from None
    kconf = _parse(text)
    options: dict[str, Option] = {}
    for each in kconf.unique_defined_syms:
        if each.orig_type == kconfiglib.BOOL:
            options[each.name] = _option(each, text)
    choices = {
        _first(each): Choice(
            tuple(member.name for member in each.syms),
            tuple(
                Conditional(default.name, _condition(condition))
                for default, condition in each.defaults
            ),
            _prompt(each.nodes),
        )
        for each in kconf.unique_choices
        if each.syms
    }
    return Graph(options, choices)


@dataclass(slots=True)
class _Text:
    """One text out of many files, and which line is from which."""

    root: Path
    external: Sequence[Path]
    lines: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    size: int = 0

    def name(self, line: int) -> str:
        """The file of a line (counted from 1), relative to the tree or to the libraries' folder."""
        return self.names[bisect_right(self.starts, line - 1) - 1]

    def add(self, path: Path, above: tuple[Path, ...] = ()) -> None:
        """Take in ``path`` and what it sources. A file that is not there is left out."""
        real = path.resolve()
        shown = self._shown(real)
        if shown is None or real in above or not real.is_file():
            return
        text = real.read_text(encoding="utf-8", errors="replace").replace("\\\n", "")
        self.size += len(text)
        if self.size > _BYTES_MAX:
            raise UserError("too many Config.uk files, or too large ones", where=str(path))
        self._begin(shown)
        for line in text.splitlines():
            match = _SOURCE.fullmatch(line)
            if match is None:
                self.lines.append("" if _OTHER_SOURCE.match(line) else _without_macros(line))
                continue
            for each in self._sourced(match[1]):
                self.add(each, (*above, real))
            self._begin(shown)

    def _begin(self, name: str) -> None:
        self.starts.append(len(self.lines))
        self.names.append(name)

    def _shown(self, path: Path) -> str | None:
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        for folder in self.external:
            if path.is_relative_to(folder):
                return f"{folder.name}/{path.relative_to(folder).as_posix()}"
        return None

    def _sourced(self, argument: str) -> Iterator[Path]:
        if "$(shell" not in argument:
            bases = {"UK_BASE": self.root} | {
                f"KCONFIG_{name}_BASE": self.root / folder for name, folder in _FOLDERS.items()
            }
            yield Path(_BASE.sub(lambda match: str(bases[match[1]]), argument))
        elif match := _GENERATED.search(argument):
            folder = self.root / _FOLDERS[match[1]] / match[2].lstrip("/")
            if not match[2]:
                yield folder / "Config.uk"
            yield from sorted(folder.glob("*/Config.uk"))
            if match[1] == "LIB":
                yield from (each / "Config.uk" for each in self.external)


def _without_macros(line: str) -> str:
    while (shorter := _MACRO.sub("n", line)) != line:
        line = shorter
    return line.replace("$", "_")


def _parse(text: _Text) -> kconfiglib.Kconfig:
    with tempfile.TemporaryDirectory(prefix="porttool-") as temporary:
        path = Path(temporary) / "Config.uk"
        path.write_text("\n".join(text.lines) + "\n", encoding="utf-8")
        try:
            return kconfiglib.Kconfig(str(path), warn=False)
        except (kconfiglib.KconfigError, RecursionError) as error:
            why = str(error).replace(f"{path}:", "line ")
        with warnings.catch_warnings():
            # kconfiglib leaves the file open that it was reading.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    raise UserError("the Config.uk files are not valid", where=str(text.root), why=why)


def _option(each: kconfiglib.Symbol, text: _Text) -> Option:
    return Option(
        name=each.name,
        source=text.name(each.nodes[0].linenr),
        prompt=_prompt(each.nodes),
        depends=_condition(each.direct_dep),
        selects=_lines(each.selects),
        implies=_lines(each.implies),
        defaults=tuple(
            line for value, condition in each.defaults for line in _default(value, condition)
        ),
        choice=None if each.choice is None else _first(each.choice),
    )


def _first(choice: kconfiglib.Choice) -> str:
    return str(choice.syms[0].name)


def _prompt(nodes: Iterable[kconfiglib.MenuNode]) -> Condition:
    shown = NEVER
    for node in nodes:
        if node.prompt is not None:
            shown = shown | _condition(node.prompt[1])
    return shown


def _lines(pairs: Iterable[tuple[kconfiglib.Symbol, object]]) -> tuple[Conditional, ...]:
    """``select`` and ``imply`` lines; on a member of a choice they have no effect."""
    return tuple(
        Conditional(target.name, _condition(condition))
        for target, condition in pairs
        if target.choice is None
    )


def _default(value: object, condition: object) -> Iterator[Conditional]:
    """``default A && B if C`` is as good as ``default y if A && B && C`` and ``default n if C``."""
    when = _condition(condition)
    what = _condition(value)
    if what is not NEVER:
        yield Conditional("y", what & when)
    if what is not ALWAYS:
        yield Conditional("n", when)


def _condition(expression: object) -> Condition:
    """A Kconfig expression as kconfiglib has it: a symbol, or a tuple of operator and operands."""
    if isinstance(expression, tuple):
        if expression[0] == kconfiglib.AND:
            return _condition(expression[1]) & _condition(expression[2])
        if expression[0] == kconfiglib.OR:
            return _condition(expression[1]) | _condition(expression[2])
        if expression[0] == kconfiglib.NOT:
            return ~_condition(expression[1])
        return NEVER
    if isinstance(expression, kconfiglib.Choice):
        return _prompt(expression.nodes)
    assert isinstance(expression, kconfiglib.Symbol)
    if expression.is_constant:
        return ALWAYS if expression.name == "y" else NEVER
    return symbol(expression.name)
