"""The configuration of a host twin: Kconfig, evaluated over the libraries' own ``Config.uk``.

The symbols of Unikraft are those of the release's catalogue; the host's libc and sockets stand in
for lib-musl and lib-lwip, which an application would have chosen.

Gives the same files as ``make`` in a Unikraft tree: ``.config`` for the Makefiles and
``include/uk/bits/config.h`` for the sources. Everything that kconfiglib warns of (a symbol that is
selected or referred to and not defined, a select against unmet dependencies, a value that cannot
be given) is an error, because Unikraft would go on with something else than what was asked for.
"""

import gc
import os
import platform
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kconfiglib

from porttool.errors import UserError
from porttool.unikraft import DEFAULT_RELEASE
from porttool.unikraft.kconfig import to_kconfig
from porttool.unikraft.provides import shipped

TWIN = Path(__file__).parent
"""Folder of the twin: its ``Config.uk``, ``twin.mk``, headers and sources."""

#: What an application chooses beside the libraries: libc, network stack, all kernel messages.
_CHOSEN = ("LIBMUSL", "LIBLWIP", "LIBUKDEBUG_PRINTK_INFO")
_MACHINES = {"x86_64": "ARCH_X86_64", "aarch64": "ARCH_ARM_64"}

_PATH = re.compile(r"[^\"'\\$\n]+")


class ConfigError(UserError):
    """The libraries' ``Config.uk`` files cannot be configured together."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What :func:`write_config` wrote."""

    config: Path
    header: Path
    values: Mapping[str, str]
    """Symbol (without ``CONFIG_``) -> value, of every symbol that is visible or selected."""


@contextmanager
def _kconfig_environment() -> Iterator[None]:
    """Set what kconfiglib takes from the environment, and only that, for the time being."""
    ours = {"KCONFIG_WARN_UNDEF": "y"}
    theirs = {
        name: value
        for name, value in os.environ.items()
        if name in ("srctree", "CONFIG_") or name.startswith("KCONFIG_") or name in ours
    }
    for name in theirs:
        del os.environ[name]
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(theirs)


def write_config(
    libraries: Sequence[Path],
    out: Path,
    assign: Mapping[str, str] | None = None,
    *,
    release: str = DEFAULT_RELEASE,
) -> Configuration:
    """Configure a twin with these libraries in ``out``, the build folder, as in a ``release``.

    The first symbol that a library's ``Config.uk`` defines is the library itself and is set to y.
    ``assign`` sets further symbols (named without ``CONFIG_``, values as in ``.config`` but
    unquoted). Files that would not change are not touched. Raises :class:`ConfigError`.
    """
    out.mkdir(parents=True, exist_ok=True)
    unikraft = out / "Config.unikraft"
    graph = shipped(release).kconfig
    unikraft.write_text(to_kconfig(graph), encoding="utf-8")
    own = [library / "Config.uk" for library in libraries]
    sources = [unikraft, TWIN / "Config.uk", *own]
    for source in sources:
        if not source.is_file():
            raise ConfigError("a library has no Config.uk", where=str(source))
        if not _PATH.fullmatch(str(source.resolve())):
            raise ConfigError("Kconfig cannot handle this path", where=str(source.resolve()))
    top = out / "Config.top"
    top.write_text("".join(f'source "{source.resolve()}"\n' for source in sources))

    with _kconfig_environment():
        kconf = _parse(top)
        kconf.warn_assign_undef = True
        chosen = (*_CHOSEN, _MACHINES.get(platform.machine(), ""))
        for name in chosen:
            if name in graph.options:
                kconf.syms[name].set_value("y")
        wanted = {_library_symbol(kconf, source): "y" for source in own}
        wanted |= assign or {}
        for name, value in wanted.items():
            if name not in kconf.syms or not kconf.syms[name].nodes:
                raise ConfigError(f"no Config.uk defines {name}")
            kconf.syms[name].set_value(value)
        for name, value in wanted.items():
            if kconf.syms[name].str_value != value:
                raise ConfigError(
                    f"{name} cannot be {value!r}", why=f"it is {kconf.syms[name].str_value!r}"
                )
        header = out / "include" / "uk" / "bits" / "config.h"
        header.parent.mkdir(parents=True, exist_ok=True)
        config = out / ".config"
        kconf.write_autoconf(str(header))
        kconf.write_config(str(config), save_old=False)

    if kconf.warnings:
        raise ConfigError("the Config.uk files do not fit together", why="\n".join(kconf.warnings))
    values = {symbol.name: symbol.str_value for symbol in kconf.unique_defined_syms}
    return Configuration(config, header, values)


def _parse(top: Path) -> kconfiglib.Kconfig:
    try:
        return kconfiglib.Kconfig(str(top), warn_to_stderr=False)
    except kconfiglib.KconfigError as error:
        why = str(error)
    with warnings.catch_warnings():
        # kconfiglib leaves the files open that it was reading.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    raise ConfigError("a Config.uk is not valid", why=why)


def _library_symbol(kconf: kconfiglib.Kconfig, source: Path) -> str:
    for node in kconf.node_iter():
        # kconfiglib cuts the current folder off.
        if isinstance(node.item, kconfiglib.Symbol) and Path(node.filename).resolve() == (
            source.resolve()
        ):
            return str(node.item.name)
    raise ConfigError("a Config.uk defines no symbol", where=str(source))
