"""What earlier audits found, kept in the user's cache, so that what did not change is not redone.

An entry belongs to one source file with its flags, the headers and tools that are installed, and
this version of the audit. It holds the result, the digest of every file that was read for it, and
the paths that an ``#include`` looked for in vain. It counts while all of them are as they were. An
entry is data alone, in JSON after a digest of itself; one that does not verify is done again.
"""

import contextlib
import dataclasses
import hashlib
import json
import operator
import os
import re
import sys
import tempfile
import time
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import pycparser

from porttool.audit.macros import SourceView
from porttool.audit.model import AuditReport
from porttool.audit.preprocess import Flags, Toolchain
from porttool.audit.unit import UnitResult

#: The cache is brought below this many bytes, the entries first that were not used for longest.
SIZE_LIMIT = 256 * 1024 * 1024
#: So many results of one file are kept: for a tree that is audited with and without patches.
VARIANTS = 3
#: A file that changed this short before it was read may change again and look the same, in ns.
RACY_NS = 2_000_000_000


Stamp = tuple[int, int, int]

#: What is raised by data that is not what was expected.
_UNFIT = (TypeError, ValueError, KeyError, IndexError)

#: A condition that asks for a header; the name is not always written out.
_ASKS = re.compile(r"__has_include(?:_next)?[ \t]*\([ \t]*(?:([\"<])([^\">\n]+)[\">])?")


@dataclass(frozen=True, slots=True)
class Scope:
    """What goes for all files of an audit, as :class:`UnitAuditor` takes it."""

    root: Path
    includes: tuple[Path, ...]
    defines: tuple[str, ...]
    tools: Toolchain
    libraries: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A result of an earlier audit, not decoded: its name in the cache, and JSON."""

    name: str
    data: str

    def decode(self) -> UnitResult | None:
        """The result; None when it is none."""
        with contextlib.suppress(*_UNFIT):
            result: UnitResult = _decoder(UnitResult)(json.loads(self.data))
            return result
        return None


class Cache:
    """Results of earlier audits in one scope. ``folder`` is None when nothing is to be kept."""

    def __init__(self, scope: Scope, folder: Path | None) -> None:
        self._scope = scope
        self._folder = folder
        self._started = time.time_ns()
        self._digests: dict[str, tuple[str, Stamp] | None] = {}
        self._exists: dict[str, bool] = {}
        self._files: dict[str, bool] = {}
        self._asks: dict[str, list[tuple[str, str]]] = {}
        tools = scope.tools
        self._base = (
            *(_version(), tools.libc, tools.cpp, _stamp(tools.cpp or "")),
            *map(_links, tools.system),
            *("includes", *map(self._name, map(str, scope.includes))),
            *("libraries", *map(self._name, map(str, scope.libraries))),
            *("defines", *scope.defines),
        )

    def find(self, path: Path, flags: Flags) -> Found | None:
        """The result for a file, if it is known and nothing that it depends on has changed."""
        if self._folder is None:
            return None
        entry = self._entry("unit", self._unit(path, flags))
        for line in _read(entry):
            read, absent, recorded, data = line
            if all(self._unchanged(name, digest, stamp, recorded) for name, digest, stamp in read):
                if any(map(self._is_there, absent)) or not isinstance(data, str):
                    continue
                _touch(entry)
                return Found(f"{entry.name} {_sha(data)}", data)
        return None

    def report(self, parts: Sequence[object]) -> AuditReport | None:
        """The report that results were put together to; ``parts`` name them and all else."""
        if self._folder is None:
            return None
        for line in _read(self._report_entry(parts)):
            with contextlib.suppress(*_UNFIT):
                report: AuditReport = _decoder(AuditReport)(line)
                return report
        return None

    def keep_report(self, parts: Sequence[object], report: AuditReport) -> None:
        """Keep a report for :meth:`report`."""
        if self._folder is not None:
            _write(self._report_entry(parts), [_encode(AuditReport, report)])

    def _report_entry(self, parts: Sequence[object]) -> Path:
        headers = _tree(self._scope.tools.system[0])
        return self._entry("report", (*self._base, headers, *parts))

    def store(self, path: Path, flags: Flags, view: SourceView, result: UnitResult) -> str:
        """Keep the result for a file; ``view`` is the one of it. Gives its name in the cache.

        It is not kept, and has no name, when the file did not parse, when something changed
        meanwhile, and when it cannot be told what it depends on.
        """
        if self._folder is None or not result.file.parsed:
            return ""
        found = self._inputs(path, view, flags)
        if found is None:
            return ""
        read, absent = found
        inputs = []
        for name in read:
            known = self._digest(name)
            if known is None or known[1][1] > self._started:
                return ""
            inputs.append((self._name(name), *known))
        names = [self._name(name) for name in absent]
        data = json.dumps(_encode(UnitResult, result), separators=(",", ":"))
        line = (inputs, names, time.time_ns(), data)
        entry = self._entry("unit", self._unit(path, flags))
        mine = [[name, digest] for name, digest, _ in inputs]
        others = [each for each in _read(entry) if [one[:2] for one in each[0]] != mine]
        _write(entry, [line, *others[: VARIANTS - 1]])
        return f"{entry.name} {_sha(data)}"

    def remember(self, question: str, compute: Callable[[], str | None]) -> str | None:
        """The answer to a question about the system's headers alone."""
        if self._folder is None:
            return compute()
        headers = _tree(self._scope.tools.system[0])
        entry = self._entry("headers", (*self._base[:4], headers, question))
        for line in _read(entry):
            if isinstance(line, list) and len(line) == 1 and isinstance(line[0], str | None):
                return line[0]
        answer = compute()
        _write(entry, [[answer]])
        return answer

    def prune(self) -> None:
        """Take away the entries that were not used for longest, if there is too much."""
        if self._folder is None:
            return
        found = []
        with contextlib.suppress(OSError):
            for each in self._folder.glob("*/*"):
                state = each.stat()
                found.append((state.st_mtime_ns, state.st_size, each))
        size = sum(each[1] for each in found)
        if size <= SIZE_LIMIT:
            return
        for _, bytes_, path in sorted(found):
            path.unlink(missing_ok=True)
            size -= bytes_
            if size <= SIZE_LIMIT * 3 // 4:
                return

    def _unit(self, path: Path, flags: Flags) -> tuple[object, ...]:
        return (
            *(*self._base, "file", self._name(str(path)), flags.standard, *flags.macros),
            *("includes", *map(self._name, map(str, flags.includes))),
            *("forced", *map(self._name, map(str, flags.forced))),
        )

    def _entry(self, kind: str, parts: Sequence[object]) -> Path:
        assert self._folder is not None
        key = hashlib.sha256(json.dumps([kind, *parts]).encode()).hexdigest()
        return self._folder / key[:2] / key[2:]

    def _name(self, path: str) -> str:
        """A path as it is written down: what lies in the audited folder may lie elsewhere later."""
        folders = (str(self._scope.root), *self._scope.tools.system)
        for number, folder in enumerate(folders):
            if path == folder or path.startswith(folder + "/"):
                return f"{number}:{path[len(folder) + 1 :]}"
        return path

    def _path(self, name: str) -> str:
        number, colon, rest = name.partition(":")
        if name.startswith("/") or not colon:
            return name
        folders = (str(self._scope.root), *self._scope.tools.system)
        return f"{folders[int(number)]}/{rest}"

    def _unchanged(self, name: str, digest: str, stamp: Sequence[int], recorded: int) -> bool:
        path = self._path(name)
        known = self._digests.get(path)
        if known is None:
            now = _stamp(path)
            if now is not None and list(now) == stamp and now[1] < recorded - RACY_NS:
                self._digests[path] = (digest, now)
                return True
            known = self._digest(path)
        return known is not None and known[0] == digest

    def _is_there(self, name: str) -> bool:
        there = self._exists.get(name)
        if there is None:
            there = self._exists[name] = Path(self._path(name)).exists()
        return there

    def _is_file(self, path: str) -> bool:
        known = self._files.get(path)
        if known is None:
            known = self._files[path] = Path(path).is_file()
        return known

    def _digest(self, path: str) -> tuple[str, Stamp] | None:
        """The digest of a file and its stamp; None when it cannot be read."""
        if path not in self._digests:
            stamp = _stamp(path)
            known = None
            with contextlib.suppress(OSError):
                if stamp is not None:
                    known = (hashlib.sha256(Path(path).read_bytes()).hexdigest(), stamp)
            self._digests[path] = known
        return self._digests[path]

    def _inputs(
        self, source: Path, view: SourceView, flags: Flags
    ) -> tuple[list[str], list[str]] | None:
        """The files that a unit was made of, and where its includes found none."""
        scope = self._scope
        read = {str(source), *map(str, flags.forced), *view.opened}
        wanted: set[tuple[str, str]] = set()
        for here, (quote, name) in view.asked:
            if not name:
                return None  # a macro names the file
            wanted.add((here.rpartition("/")[0] if quote == '"' else "", name))
        for path in list(read):
            for quote, name in self._asked(path):
                if not name:
                    return None
                wanted.add((path.rpartition("/")[0] if quote == '"' else "", name))
        search = [*map(str, (*flags.includes, *scope.includes)), *scope.tools.system]
        absent = set()
        for beside, name in wanted:
            for folder in [beside, *search] if beside else search:
                path = f"{folder}/{name}"
                if self._is_there(path):
                    read.add(path)
                    break
                absent.add(path)
        return sorted(filter(self._is_file, read)), sorted(absent)

    def _asked(self, path: str) -> list[tuple[str, str]]:
        """The headers that an own file asks for with ``__has_include``."""
        if path not in self._asks:
            text = ""
            if path.startswith(f"{self._scope.root}/"):
                with contextlib.suppress(OSError):
                    text = Path(path).read_text("latin-1")
            self._asks[path] = _ASKS.findall(text)
        return self._asks[path]


def _sha(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def default_folder() -> Path:
    """Where results are kept unless told otherwise."""
    return platformdirs.user_cache_path("porttool").absolute() / "audits"


@cache
def _version() -> str:
    """A digest of the code that makes results."""
    sha = hashlib.sha256(f"{sys.version} {pycparser.__version__}".encode())
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".txt"):
            sha.update(path.read_bytes())
    return sha.hexdigest()


def _stamp(path: str) -> Stamp | None:
    """Size, time of change and inode of a file; None when there is none."""
    try:
        state = os.stat(path)  # noqa: PTH116 - of thousands of files, Path costs as much again
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns, state.st_ino


def _links(folder: str) -> str:
    """What stands for a folder of system headers: its name, or what the links in it lead to."""
    with contextlib.suppress(OSError):
        links = sorted(path for path in Path(folder).iterdir() if path.is_symlink())
        if links:
            return " ".join(f"{path.name}={path.readlink()}" for path in links)
    return folder


@cache
def _tree(folder: str) -> str:
    """A digest of the names and stamps of all files in a folder of system headers."""
    sha = hashlib.sha256()
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            sha.update(f"{here}/{name} {_stamp(f'{here}/{name}')}\n".encode())
    return sha.hexdigest()


def _read(entry: Path) -> list[Any]:
    """The lines of an entry; none when it is not there or does not verify."""
    try:
        digest, _, body = entry.read_bytes().partition(b"\n")
    except OSError:
        return []
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return []
    lines: list[Any] = json.loads(body)
    return lines


def _write(entry: Path, lines: Sequence[object]) -> None:
    """Put an entry in its place at once. The audit goes on when that fails: a disk that is full."""
    body = json.dumps(lines, separators=(",", ":")).encode()
    with contextlib.suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            Path(name).replace(entry)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _touch(entry: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(entry)


def _encode(kind: Any, value: object) -> object:  # noqa: ANN401 - as for _encoder
    """A dataclass, or what it holds, as lists of plain values in the order of the fields."""
    encode = _encoder(kind)
    return value if encode is None else encode(value)


@cache
def _encoder(kind: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - any type of a field
    """What brings a value of a type into the form of :func:`_encode`; None when it has it."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        inner = [(number, _encoder(hints[name])) for number, name in enumerate(names)]
        others = [(number, encode) for number, encode in inner if encode is not None]
        get = operator.attrgetter(*names)

        def structure(value: object) -> list[Any]:
            values = list(get(value))
            for number, encode in others:
                values[number] = encode(values[number])
            return values

        return structure
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        encoders = [_encoder(each) for each in arguments if each is not Ellipsis]
        if not any(encoders):
            return None
        if arguments[1:] == (Ellipsis,):
            one = encoders[0] or (lambda value: value)
            return lambda value: [one(each) for each in value]
        return lambda value: [
            each if encode is None else encode(each)
            for encode, each in zip(encoders, value, strict=True)
        ]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return operator.attrgetter("value")
    return None


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any type of a field
    """What makes a value of a type from :func:`_encode`'s form, verifying it; may raise."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = [_decoder(hints[field.name]) for field in dataclasses.fields(kind)]

        make_one: Any = kind

        def structure(data: list[Any]) -> object:
            return make_one(*[make(each) for make, each in zip(fields, data, strict=True)])

        return structure
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        inner = _decoder(arguments[0])
        return lambda data: tuple([inner(each) for each in data])
    if origin is tuple:
        inners = [_decoder(each) for each in arguments]
        return lambda data: tuple([make(each) for make, each in zip(inners, data, strict=True)])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    allowed = arguments if origin is types.UnionType else (kind,)

    def plain(data: object) -> object:
        if not isinstance(data, allowed):
            raise TypeError(f"{data!r} is no {kind}")
        return data

    return plain
