"""A workspace: one port, its settings, its series and its lock, in one folder."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from porttool.errors import UserError

CONFIG_NAME = "porttool.toml"
LOCK_NAME = "upstream.lock"
METRICS_NAME = "metrics.toml"

#: A library name must do as a folder, as a make variable, as a Kconfig symbol and as a C prefix.
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

#: A macro of the compiler's command line: a word, C tokens such as a list ``X(cpu) X(disk)``, or a
#: text. Between single quotes neither make nor a shell reads anything else in it.
DEFINE_PATTERN = re.compile(r"[A-Za-z_]\w*(=[\w .,+()-]*|=\"[\w .,:/+()-]*\")?", re.ASCII)


@dataclass(frozen=True, slots=True)
class EmitConfig:
    """``[emit]``: how the library gets at the upstream sources.

    ``mode`` is ``vendored`` (the patched sources lie in the folder) or ``fetch`` (Unikraft's build
    fetches ``archive_url``, checks ``archive_sha256`` and applies the patches).
    ``archive_prefix`` is the folder inside the archive.
    """

    mode: str = "vendored"
    archive_url: str | None = None
    archive_sha256: str | None = None
    archive_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesConfig:
    """``[series]``: ``keep_resolutions`` keeps solved conflicts in ``resolutions/``, versioned."""

    keep_resolutions: bool = False


@dataclass(frozen=True, slots=True)
class PortConfig:
    """What ``porttool.toml`` says: the human's decisions about one port.

    Paths are relative to the root of the upstream tree, with forward slashes. ``sources`` may
    hold globs (``collectors/*.c``). ``stack_size`` is in bytes; ``selects`` are Kconfig symbols
    that the sources need beside what every exporter does. ``metrics`` is the file with metrics of
    the user's own libraries, relative to the workspace; None for ``metrics.toml``, if there is one.
    """

    name: str
    url: str
    unikraft: str
    sources: tuple[str, ...]
    includes: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    cflags: tuple[str, ...] = ()
    license: str | None = None
    summary: str = ""
    stack_size: int = 65536
    selects: tuple[str, ...] = ()
    metrics: str | None = None
    emit: EmitConfig = field(default_factory=EmitConfig)
    series: SeriesConfig = field(default_factory=SeriesConfig)

    @property
    def c_name(self) -> str:
        """The name as a C identifier: ``slim_exporter`` for ``slim-exporter``."""
        return self.name.replace("-", "_")

    @property
    def entry_function(self) -> str:
        """The function that the series puts in the place of ``main``."""
        return f"{self.c_name}_serve"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of a port. Nothing here touches the disk but :meth:`open`."""

    root: Path
    config: PortConfig

    @classmethod
    def open(cls, directory: Path) -> "Workspace":
        """Read the workspace in ``directory``.

        Raises :class:`UserError` when there is none or its settings do not hold.
        """
        path = directory / CONFIG_NAME
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            raise UserError(
                f"no port workspace here: {CONFIG_NAME} not found",
                where=str(directory),
                fix="porttool init URL DIR, or name the workspace with -C DIR",
            ) from None
        except UnicodeDecodeError as error:
            raise UserError(
                f"{CONFIG_NAME} is not UTF-8", where=str(path), why=str(error)
            ) from None
        return cls(directory.resolve(), parse_config(text, path))

    @property
    def config_path(self) -> Path:
        """``porttool.toml``."""
        return self.root / CONFIG_NAME

    @property
    def lock_path(self) -> Path:
        """``upstream.lock``."""
        return self.root / LOCK_NAME

    @property
    def patches(self) -> Path:
        """The folder of the series."""
        return self.root / "patches"

    @property
    def state(self) -> Path:
        """The tool's own folder: private store, worktree, journal. Ignored by git."""
        return self.root / ".porttool"

    @property
    def store(self) -> Path:
        """The private bare repository."""
        return self.state / "store.git"

    @property
    def tree(self) -> Path:
        """The default worktree of the patched upstream."""
        return self.state / "tree"

    @property
    def work(self) -> Path:
        """The worktree in which somebody solves a conflict or edits one patch."""
        return self.state / "work"

    @property
    def resolutions(self) -> Path:
        """Where solved conflicts are kept for everybody, if the settings say so."""
        return self.root / "resolutions"

    @property
    def metrics(self) -> Path:
        """Metrics of the user's own libraries; need not be there unless the settings name it."""
        return self.root / (self.config.metrics or METRICS_NAME)

    @property
    def build(self) -> Path:
        """Where emitted libraries go by default."""
        return self.root / "build"


def is_plain_path(value: str) -> bool:
    """Whether a path, or a glob, has only characters that mean nothing to make and Kconfig."""
    return bool(re.fullmatch(r"[A-Za-z0-9._+*?\[\]][A-Za-z0-9._+*?/\[\]-]*", value))


class _Table:
    """Typed access to one TOML table, with errors that name file and key."""

    def __init__(self, values: dict[str, Any], where: str, name: str) -> None:
        self._values = values
        self._where = where
        self._name = name
        self._seen: set[str] = set()

    def _get(self, key: str, kind: type, wanted: str) -> Any:  # noqa: ANN401
        self._seen.add(key)
        value = self._values.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.error(f"{key} must be {wanted}")
        return value

    def error(self, why: str) -> UserError:
        return UserError(
            f"{CONFIG_NAME} does not hold: [{self._name}] {why}",
            where=self._where,
            fix=f"edit {CONFIG_NAME}",
        )

    def text(self, key: str) -> str | None:
        value = self._get(key, str, "a string")
        return None if value is None else str(value)

    def need(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise self.error(f"{key} is missing")
        return value

    def number(self, key: str, default: int) -> int:
        value = self._get(key, int, "a whole number")
        return default if value is None else int(value)

    def flag(self, key: str) -> bool:
        self._seen.add(key)
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._get(key, list, "a list of strings") or []
        if not all(isinstance(value, str) for value in values):
            raise self.error(f"{key} must be a list of strings")
        return tuple(str(value) for value in values)

    def paths(self, key: str) -> tuple[str, ...]:
        values = self.texts(key)
        for value in values:
            if not is_plain_path(value):
                raise self.error(f"{key}: {value!r} is not a plain path inside the upstream tree")
            if ".." in value.split("/"):
                raise self.error(f"{key}: {value!r} leaves the upstream tree")
        return values

    def finish(self) -> None:
        unknown = sorted(set(self._values) - self._seen)
        if unknown:
            raise self.error(f"unknown key {unknown[0]!r}")


def parse_config(text: str, path: Path) -> PortConfig:
    """Parse the text of ``porttool.toml``; ``path`` is for messages.

    Raises :class:`UserError` naming the key that does not hold. An unknown key is an error, so
    that a misspelt one is not silently without effect.
    """
    try:
        document: dict[str, Any] = tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        raise UserError(f"{CONFIG_NAME} is not TOML", where=str(path), why=str(error)) from None

    def table(name: str) -> _Table:
        values = document.pop(name, {})
        if not isinstance(values, dict):
            raise UserError(f"{CONFIG_NAME}: {name} must be a table", where=str(path))
        return _Table(values, str(path), name)

    names = ("upstream", "target", "port", "emit", "series")
    upstream, target, port, emit, series = map(table, names)
    if document:
        raise UserError(f"{CONFIG_NAME}: unknown table {sorted(document)[0]!r}", where=str(path))

    name = upstream.need("name")
    if not NAME_PATTERN.fullmatch(name):
        raise upstream.error(f"name {name!r}: lower-case letters, digits and single dashes only")
    release = target.need("unikraft")
    if not re.fullmatch(r"\d+\.\d+\.\d+", release):
        raise target.error(f"unikraft {release!r} is not a release such as 0.16.3")
    defines = port.texts("defines")
    for define in defines:
        if not DEFINE_PATTERN.fullmatch(define):
            raise port.error(
                f"defines: {define!r} is not NAME or NAME=VALUE with nothing but letters, digits, "
                "blanks and _ . , + - ( ) in VALUE, between double quotes also : and /"
            )
    cflags = port.texts("cflags")
    for flag in cflags:
        if not re.fullmatch(r"-[A-Za-z0-9][\w=+,.-]*", flag):
            raise port.error(f"cflags: {flag!r} is not a compiler flag")
    selects = port.texts("selects")
    for symbol in selects:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", symbol):
            raise port.error(f"selects: {symbol!r} is not a Kconfig symbol (without CONFIG_)")
    metrics = port.text("metrics")
    if metrics is not None and (not is_plain_path(metrics) or ".." in metrics.split("/")):
        raise port.error(f"metrics: {metrics!r} is not a plain path inside the workspace")
    mode = emit.text("mode") or "vendored"
    if mode not in ("vendored", "fetch"):
        raise emit.error(f"mode {mode!r} is neither 'vendored' nor 'fetch'")
    sha256 = emit.text("archive_sha256")
    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise emit.error("archive_sha256 is not 64 hexadecimal digits")
    archive_url = emit.text("archive_url")
    if archive_url is not None and not re.fullmatch(r"https?://[\w.:/~%+=&?@-]+", archive_url):
        raise emit.error(f"archive_url {archive_url!r} is not a plain http(s) URL")
    prefix = emit.text("archive_prefix")
    if prefix is not None and not re.fullmatch(r"[\w][\w.+-]*", prefix):
        raise emit.error(f"archive_prefix {prefix!r} is not a plain folder name")

    config = PortConfig(
        name=name,
        url=upstream.need("url"),
        license=upstream.text("license"),
        unikraft=release,
        sources=port.paths("sources"),
        includes=port.paths("includes"),
        defines=defines,
        cflags=cflags,
        summary=port.text("summary") or "",
        stack_size=port.number("stack_size", 65536),
        selects=selects,
        metrics=metrics,
        emit=EmitConfig(mode, archive_url, sha256, prefix),
        series=SeriesConfig(series.flag("keep_resolutions")),
    )
    if not 16384 <= config.stack_size <= 16 * 1024 * 1024 or config.stack_size % 4096:
        raise port.error("stack_size must be a multiple of 4096 from 16384 to 16777216")
    for each in (upstream, target, port, emit, series):
        each.finish()
    return config
