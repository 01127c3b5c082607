"""Compiler commands of a build, of which only what the preprocessor needs is believed."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from porttool.audit.preprocess import DEFINE_PATTERN, Flags
from porttool.errors import UserError

#: A file of commands beyond this many bytes is refused.
SIZE_LIMIT = 64 * 1024 * 1024

_STANDARD = re.compile(r"(?:c|gnu)(?:\d[0-9xy]|\d{4})|iso9899:[\w]+")
_FOLDER_OPTIONS = ("-I", "-isystem", "-iquote")
#: Other options whose argument is the next word, so that it is not taken for a file.
_WITH_ARGUMENT = {
    *("-o", "-x", "-MF", "-MT", "-MQ", "-arch", "-target", "-Xlinker", "-Xpreprocessor"),
    *("-Xassembler", "-Xclang", "-idirafter", "-imacros", "-iprefix", "-isysroot", "-l", "-L"),
    *("-T", "-u", "-z", "-aux-info", "--param", "--sysroot", "-imultilib", "-iwithprefix"),
}
#: Below these lie headers of libraries, one folder a library.
_LIBRARY_FOLDERS = (Path("/usr/include"), Path("/usr/local/include"))


@dataclass(frozen=True, slots=True)
class Command:
    """A source file (absolute), and its flags. One file may be compiled several times."""

    path: Path
    flags: Flags


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a build. ``notes`` say, each in a line, what of them was not believed."""

    commands: tuple[Command, ...]
    notes: tuple[str, ...] = ()


#: Gives for a path of a build the one in the audited tree; None for one outside of it.
Locate = Callable[[Path], Path | None]


def read_compile_commands(database: Path, root: Path) -> Commands:
    """Read a ``compile_commands.json`` for the sources below ``root``, executing nothing.

    Paths are the tree's, or lie below the folder of the database (or the one that it is in, as
    for a build folder) and stand for the same path below ``root``. Raises :class:`UserError` for
    a file that is no such database.
    """
    root = root.resolve()
    try:
        if database.stat().st_size > SIZE_LIMIT:
            raise _malformed(database, f"it is larger than {SIZE_LIMIT >> 20} MB")
        entries = json.loads(database.read_bytes())
    except OSError as error:
        raise UserError(
            "cannot read the compile commands", where=str(database), why=error.strerror
        ) from None
    except (ValueError, RecursionError) as error:
        raise _malformed(database, str(error)) from None
    if not isinstance(entries, list):
        raise _malformed(database, "it is not a list")
    folder = database.resolve().parent

    def locate(path: Path) -> Path | None:
        return _in_tree(path, root, (folder, folder.parent))

    reader = _Reader(locate)
    for number, entry in enumerate(entries, 1):
        try:
            directory, arguments, file = _entry(entry)
        except ValueError as error:
            raise _malformed(database, f"entry {number}: {error}") from None
        reader.take(folder / directory, arguments, [file])
    return reader.finish()


def _malformed(database: Path, why: str) -> UserError:
    return UserError(
        "not a file of compile commands",
        where=str(database),
        why=why,
        fix="the format is clang's JSON compilation database: a list of objects with "
        "directory, file, and command or arguments",
    )


def _entry(entry: object) -> tuple[str, list[str], str]:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    file, directory = entry.get("file"), entry.get("directory", ".")
    if not isinstance(file, str) or not isinstance(directory, str) or "\0" in file + directory:
        raise ValueError("file and directory have to be strings")
    arguments = entry.get("arguments")
    if arguments is None:
        command = entry.get("command")
        if not isinstance(command, str):
            raise ValueError("neither command nor arguments")
        arguments = shlex.split(command)
    if not isinstance(arguments, list) or not all(isinstance(each, str) for each in arguments):
        raise ValueError("arguments have to be a list of strings")
    return directory, arguments, file


def _in_tree(path: Path, root: Path, bases: Sequence[Path]) -> Path | None:
    real = path.resolve()
    if real == root or root in real.parents:
        return real
    for base in bases:
        if (real == base or base in real.parents) and base != Path("/"):
            moved = (root / real.relative_to(base)).resolve()
            if moved.exists() and (moved == root or root in moved.parents):
                return moved
    return None


_SUBSTITUTION = re.compile(r"\$\([^()]*\)|`[^`]*`")
_COMPILER = re.compile(r"(?:.*[-/])?(?:gcc|cc|clang|tcc|c89|c99)(?:-[\d.]+)?")


def read_make_output(output: str, folder: Path, root: Path) -> Commands:
    """The compiler commands in what ``make -n -w`` said, run in ``folder`` below ``root``.

    What a shell would put in (``$(date)``) is not known and becomes a word.
    """
    reader = _Reader(lambda path: _in_tree(path, root.resolve(), ()))
    folders = [folder]
    for line in output.replace("\\\n", " ").splitlines():
        entering = re.fullmatch(r"make(?:\[\d+\])?: (Entering|Leaving) directory '(.*)'", line)
        if entering is not None:
            if entering[1] == "Entering":
                folders.append(Path(entering[2]))
            elif len(folders) > 1:
                folders.pop()
            continue
        here = folders[-1]
        for words in _simple_commands(_SUBSTITUTION.sub("unknown", line)):
            if words[0] == "cd" and len(words) == 2:
                here = here / words[1]
            elif any(_COMPILER.fullmatch(word) for word in words):
                files = [word for word in _operands(words) if word.endswith(".c")]
                reader.take(here, words, files)
    return reader.finish()


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without knowing all of a shell's grammar."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("();|&"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote that is not closed
        return
    if words:
        yield words


def _operands(words: Iterable[str]) -> Iterator[str]:
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in _WITH_ARGUMENT or word in (*_FOLDER_OPTIONS, "-D", "-U", "-include")
        else:
            yield word


@dataclass(slots=True)
class _Reader:
    locate: Locate
    commands: dict[Command, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    outside: int = 0

    def take(self, directory: Path, arguments: Sequence[str], files: Iterable[str]) -> None:
        """Take in a command that compiles ``files``, in ``directory``."""
        for file in files:
            if not file.endswith(".c"):
                continue
            path = self.locate(directory / file)
            if path is None or not path.is_file():
                self.outside += 1
            else:
                flags = self._flags(directory, arguments)
                self.commands.setdefault(Command(path, flags))

    def _flags(self, directory: Path, arguments: Sequence[str]) -> Flags:
        includes: dict[Path, None] = {}
        macros: list[str] = []
        forced: dict[Path, None] = {}
        standard = None
        for option, value in _options(arguments):
            match option:
                case "-I" | "-isystem" | "-iquote":
                    folder = self._folder(directory / value)
                    if folder is not None:
                        includes.setdefault(folder)
                case "-D" if DEFINE_PATTERN.fullmatch(value):
                    macros.append(f"-D{value}")
                case "-U" if re.fullmatch(r"[A-Za-z_]\w*", value):
                    macros.append(f"-U{value}")
                case "-include":
                    path = self.locate(directory / value)
                    if path is None or not path.is_file():
                        self.notes.setdefault(f"-include {value}: not in the folder, left out")
                    else:
                        forced.setdefault(path)
                case "-std" if _STANDARD.fullmatch(value):
                    standard = value
        return Flags(tuple(includes), tuple(macros), tuple(forced), standard)

    def _folder(self, path: Path) -> Path | None:
        found = self.locate(path)
        if found is not None:
            return found if found.is_dir() else None
        real = path.resolve()
        if real in _LIBRARY_FOLDERS:
            return None  # the audit has its own
        if any(folder in real.parents for folder in _LIBRARY_FOLDERS):
            return real if real.is_dir() else None
        self.notes.setdefault(f"-I{path}: outside of the folder, left out")
        return None

    def finish(self) -> Commands:
        if self.outside:
            many = "file is" if self.outside == 1 else "files are"
            self.notes.setdefault(f"{self.outside} {many} not in the folder, left out")
        ordered = sorted(self.commands, key=lambda each: each.path)
        return Commands(tuple(ordered), tuple(self.notes))


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options that are believed, with their values."""
    waiting = iter(arguments)
    for word in waiting:
        if word.startswith("-std="):
            yield "-std", word.removeprefix("-std=")
        elif word in (*_FOLDER_OPTIONS, "-D", "-U", "-include"):
            value = next(waiting, None)
            if value is not None:
                yield word, value
        elif word in _WITH_ARGUMENT:
            next(waiting, None)
        else:
            for option in ("-include", "-isystem", "-iquote", "-I", "-D", "-U"):
                if word.startswith(option):
                    yield option, word.removeprefix(option)
                    break
