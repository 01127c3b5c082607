"""Build an application with emitted libraries in a real Unikraft tree, outside of that tree.

The build's interface (``A=``, ``L=``, ``O=``, ``C=``, the goals, what it prints) is described by
the tree's own ``Makefile`` and ``support/build/Makefile.rules``.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.buildfolder import locked, prepare, require_plain
from porttool.unikraft.emit import Written
from porttool.unikraft.processes import end, start
from porttool.unikraft.scan.makefile import Fetched, Makefile
from porttool.unikraft.scan.tree import release_of

#: Programs that Unikraft's build calls, and the Debian package of each.
_PROGRAMS = {
    "make": "make",
    "gcc": "gcc",
    "bison": "bison",
    "flex": "flex",
    "patch": "patch",
    "python3": "python3",
    "tar": "tar",
    "unzip": "unzip",
}

LOG = "porttool.log"
_RECORD = "porttool.json"
_SCHEMA = 1

_STEP = re.compile(r"  ([A-Z][A-Z0-9]*) +(\S.*)")
_ANNOUNCED = re.compile(r"^\s*printf '  %-7s %s", re.MULTILINE)
_DIAGNOSTIC = re.compile(r"(/[^:\s]+):(\d+):(?:\d+:)? (warning|error|fatal error): (.*)")
_LINKER = re.compile(
    r"(?:.*ld: )?.*(undefined reference to|multiple definition of|cannot find -l).*"
)
_STOPPED = re.compile(r"make(?:\[\d+\])?: \*\*\* .*")
_CONFIGURED = re.compile(r"CONFIG_([A-Z0-9_]+)=(.*)")
_SETTING = re.compile(r'CONFIG_[A-Z0-9_]+=(?:y|n|-?\d+|0x[0-9a-fA-F]+|"[^"\\$`]*")')

#: Lines behind a compiler's error that belong to it.
_LINES_BEHIND = 4

#: Called with the steps done, all steps (None while that is not known), and the one that begins.
Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """A Unikraft tree, the external libraries beside ours, and folders with archives.

    ``release`` is the tree's own word, such as ``0.16.3``.
    """

    root: Path
    release: str
    libraries: tuple[Path, ...]
    archives: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """A compiler's warning: file, line (from 1) and text."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Built:
    """An image that can be booted. ``size`` in bytes, ``seconds`` of wall-clock time.

    ``steps`` is how many files the build made this time; ``warnings`` are what it said of files of
    our libraries among them.
    """

    image: Path
    release: str
    size: int
    seconds: float
    steps: int
    log: Path
    warnings: tuple[Warned, ...]


def sources(
    unikraft: Path, libraries: Sequence[Path], archives: Sequence[Path], release: str
) -> Sources:
    """Check the folders that a build is made from.

    Without ``libraries``, lib-musl and lib-lwip beside the tree; without ``archives``, a folder of
    that name beside the tree or one above. Raises :class:`UserError` when ``unikraft`` is no tree
    of ``release``, or a folder is not there.
    """
    root = unikraft.resolve()
    if not root.is_dir():
        raise UserError(
            "there is no such folder",
            where=str(unikraft),
            fix="git clone --branch RELEASE-" + release + " https://github.com/unikraft/unikraft",
        )
    found = release_of(root)
    if found != release:
        raise UserError(
            f"the tree is Unikraft {found}, the libraries are for {release}",
            where=str(root),
            fix=f"give --unikraft a tree at RELEASE-{release}, or set "
            f'unikraft = "{found}" in porttool.toml and run porttool refresh',
        )
    given = libraries or (root.parent / "lib-musl", root.parent / "lib-lwip")
    for folder in given:
        if not (folder / "Makefile.uk").is_file():
            raise UserError(
                f"{folder.name} is not a library of Unikraft",
                where=str(folder),
                why="it has no Makefile.uk" if folder.is_dir() else "there is no such folder",
                fix="name the libraries with --libs DIR:DIR",
            )
    for folder in archives:
        if not folder.is_dir():
            raise UserError("there is no such folder", where=str(folder))
    near = (root.parent / "archives", root.parent.parent / "archives")
    return Sources(
        root,
        found,
        tuple(folder.resolve() for folder in given),
        tuple(archives) or tuple(folder for folder in near if folder.is_dir()),
    )


def require_programs() -> None:
    """Raise :class:`UserError` naming what Unikraft's build needs and is not installed."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        packages = " ".join(_PROGRAMS[name] for name in missing)
        raise UserError(
            f"Unikraft's build needs {', '.join(missing)}", fix=f"apt install {packages}"
        )


def check_setting(text: str) -> str:
    """A Kconfig setting given by the user. Raises :class:`UserError` if it is none."""
    if not _SETTING.fullmatch(text):
        raise UserError(
            f"{text!r} is no setting of Kconfig",
            fix='write it as CONFIG_NAME=y, =n, a number or "text"',
        )
    return text


class _Build:
    """One build: what is given to make, and what it said."""

    def __init__(
        self,
        source: Sources,
        application: Path,
        ours: Sequence[Written],
        folder: Path,
        progress: Progress,
    ) -> None:
        self._source = source
        self._application = application.resolve()
        self._ours = ours
        self._folder = folder
        self._progress = progress
        self.log = folder / LOG
        self.steps = 0
        libraries = [*source.libraries, *(each.path.resolve() for each in ours)]
        require_plain((source.root, *libraries, self._application, folder))
        self._make = [
            "make",
            "--no-print-directory",
            "-C",
            str(source.root),
            f"A={self._application}",
            f"L={':'.join(map(str, libraries))}",
            f"O={folder}",
            f"C={folder / '.config'}",
        ]

    def configure(self, lines: Sequence[str]) -> dict[str, str]:
        """Make the configuration from the lines of a defconfig; gives symbol -> value."""
        wanted = self._folder / "defconfig"
        wanted.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._progress(0, None, "configuring")
        self.run([f"UK_DEFCONFIG={wanted}", "defconfig"], None)
        text = (self._folder / ".config").read_text("utf-8", "replace")
        found = {m[1]: m[2] for m in map(_CONFIGURED.fullmatch, text.splitlines()) if m}
        self._require(lines, found)
        return found

    def _require(self, lines: Sequence[str], found: Mapping[str, str]) -> None:
        """Kconfig drops without a word what it does not know or what depends on other things."""
        last = dict(line.removeprefix("CONFIG_").split("=", 1) for line in lines if "=" in line)
        for name, value in last.items():
            got = found.get(name, "n")
            if got == value:
                continue
            raise UserError(
                f"CONFIG_{name}={value} does not hold in this tree",
                where=str(self._folder / "defconfig"),
                why=f"Kconfig made it {got}: it is not known there, needs something that is not "
                "set, or something else selects it",
                fix=f"make -C {self._source.root} {' '.join(self._make[4:])} menuconfig",
            )

    def place(self, found: Mapping[str, str]) -> None:
        """Put archives where the build looks for them.

        Raises :class:`UserError` for those that it would have to fetch and that are not at hand.
        """
        missing = []
        for fetched in _fetched(self._source.libraries, found):
            target = self._folder / fetched.library / fetched.name
            given = next(
                (
                    folder / fetched.name
                    for folder in self._source.archives
                    if (folder / fetched.name).is_file()
                ),
                None,
            )
            if given is None:
                if not target.is_file():
                    missing.append((fetched, target))
                continue
            if target.is_file() and _digest(target) == _digest(given):
                continue
            if target.parent.exists():
                shutil.rmtree(target.parent)  # unpacked from another archive
            target.parent.mkdir(parents=True)
            half = target.with_name(f".{target.name}.new")
            shutil.copyfile(given, half)
            half.rename(target)
        if missing:
            raise _missing(missing)

    def count(self) -> int:
        """How many files the build is going to make."""
        said: list[str] = []
        self._progress(0, None, "counting")
        self._call(["-n"], said.append)
        text = "\n".join(said)
        return len(_ANNOUNCED.findall(text))

    def run(self, arguments: Sequence[str], total: int | None) -> None:
        """Run make, with the log kept. Raises :class:`UserError` with the first error."""
        said: list[str] = []

        def hear(line: str) -> None:
            step = _STEP.fullmatch(line)
            if step is not None and total is not None:
                self._progress(min(self.steps, total), total, f"{step[1]} {step[2]}")
                self.steps += 1
            said.append(line)
            log.write(line + "\n")

        with self.log.open("a", encoding="utf-8") as log:
            status = self._call(arguments, hear)
        if status:
            raise self._failed(said)

    def _call(self, arguments: Sequence[str], hear: Callable[[str], None]) -> int:
        process = start([*self._make, *arguments], merged=True)
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                hear(raw.decode("utf-8", "replace").rstrip("\n"))
            return process.wait()
        finally:
            end(process)
            if process.stdout is not None:
                process.stdout.close()

    def _failed(self, said: Sequence[str]) -> UserError:
        for pattern in (_DIAGNOSTIC, _LINKER, _STOPPED):
            for number, line in enumerate(said):
                match = pattern.fullmatch(line)
                if match is None or (pattern is _DIAGNOSTIC and match[3] == "warning"):
                    continue
                where = f"{match[1]}:{match[2]}" if pattern is _DIAGNOSTIC else None
                behind = 1 + _LINES_BEHIND if pattern is _DIAGNOSTIC else 1
                why = "\n".join(said[number : number + behind])
                return UserError(
                    "the build of the unikernel failed",
                    where=where,
                    why=why,
                    fix=f"the whole log is in {self.log}",
                )
        return UserError(
            "the build of the unikernel failed",
            why="\n".join(said[-10:]) or "make said nothing",
            fix=f"the whole log is in {self.log}",
        )

    def warnings(self) -> tuple[Warned, ...]:
        """What the compiler said of our libraries, as far as it compiled them this time."""
        ours = [str(each.path.resolve()) + "/" for each in self._ours]
        ours += [f"{self._folder / each.library.name}/" for each in self._ours]
        found: dict[Warned, None] = {}
        with self.log.open(encoding="utf-8") as log:
            for line in log:
                match = _DIAGNOSTIC.fullmatch(line.rstrip("\n"))
                if match and match[3] == "warning" and match[1].startswith(tuple(ours)):
                    found[Warned(match[1], int(match[2]), match[4])] = None
        return tuple(found)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Configuration(dict[str, bool]):
    """Every symbol has a value once Kconfig has run: what it does not write is not set."""

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: bool | None = None) -> bool:  # type: ignore[override]
        return super().get(name, False)


def _fetched(libraries: Sequence[Path], found: Mapping[str, str]) -> list[Fetched]:
    """What the Makefiles of external libraries fetch in this configuration."""
    known = _Configuration({name: value == "y" for name, value in found.items()})
    wanted = []
    for library in libraries:
        makefile = Makefile([library], known)
        makefile.read(library / "Makefile.uk")
        wanted += makefile.fetched
    return wanted


def _missing(missing: Sequence[tuple[Fetched, Path]]) -> UserError:
    names = [fetched.name for fetched, _ in missing]
    return UserError(
        f"an archive is missing: {' and '.join(names)}",
        why="\n".join(f"{fetched.library} is made from {fetched.url}" for fetched, _ in missing),
        fix="download it into a folder and give that with --archives DIR, or put it to\n"
        + "\n".join(str(target) for _, target in missing),
    )


def _made_from(source: Sources, application: Path) -> dict[str, object]:
    """What a build folder cannot outlive: other trees, other patches of libraries."""
    state = hashlib.sha256()
    for library in source.libraries:
        patches = sorted((library / "patches").rglob("*")) if (library / "patches").is_dir() else []
        for path in (library / "Makefile.uk", library / "Config.uk", *patches):
            if path.is_file():
                state.update(f"{path}\0{_digest(path)}\n".encode())
    return {
        "unikraft": str(source.root),
        "release": source.release,
        "libraries": [str(library) for library in source.libraries],
        "patches": state.hexdigest(),
        "application": str(application.resolve()),
    }


def _start_over(folder: Path, made_from: Mapping[str, object]) -> None:
    """Empty a build folder that was made from something else."""
    record = folder / _RECORD
    contents = [path for path in folder.iterdir() if path.name != ".lock"]
    try:
        known = json.loads(record.read_bytes())
    except (FileNotFoundError, ValueError):
        known = None
    if known is None and contents:
        raise UserError(
            f"{folder.name} is there, and porttool did not make it",
            where=str(folder),
            why=f"it has no {_RECORD}",
            fix="choose another folder with -o DIR, or move this one away",
        )
    if known is not None and known.get("made_from") != made_from:
        for path in contents:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    _write_record(folder, made_from, None)


def _write_record(folder: Path, made_from: Mapping[str, object], built: Built | None) -> None:
    image = None if built is None else built.image.name
    document = {"schema": _SCHEMA, "made_from": made_from, "image": image}
    (folder / _RECORD).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Image:
    """An image on disk and the release that it was built from, None when nobody noted it."""

    path: Path
    release: str | None


def find_image(path: Path) -> Image:
    """The image that a build folder holds, or the image itself.

    Raises :class:`UserError` when there is none.
    """
    folder = path if path.is_dir() else path.parent
    try:
        known = json.loads((folder / _RECORD).read_bytes())
        release, name = str(known["made_from"]["release"]), known["image"]
    except (OSError, ValueError, KeyError, TypeError):
        release, name = None, None
    if path.is_file():
        return Image(path, release)
    if name is None or not (folder / name).is_file():
        raise UserError(
            "there is no image to boot",
            where=str(path),
            fix="porttool build --unikraft DIR, or name an image",
        )
    return Image(folder / name, release)


def defconfig(application: Path, switch: str, settings: Sequence[str]) -> tuple[str, ...]:
    """The lines that configure an application, with the exporter switched on.

    ``switch`` is the exporter's Kconfig symbol without ``CONFIG_``; ``settings`` come last and win.
    Raises :class:`UserError` when the application has no ``defconfig`` that can be read.
    """
    path = application / "defconfig"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "the application has no defconfig",
            where=str(path),
            why=str(error),
            fix="write one: platform, libc, network stack and what the application needs; "
            "porttool emit --app writes an example",
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("CONFIG_")]
    own = f"CONFIG_{switch}=y"
    return (*lines, *([] if own in lines else [own]), *settings)


def build(
    source: Sources,
    application: Path,
    lines: Sequence[str],
    ours: Sequence[Written],
    folder: Path,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> Built:
    """Build ``application`` with ``ours`` in ``folder``, which is porttool's; gives the image.

    ``lines`` are those of its defconfig; ``ours`` are in the order in which Unikraft must be given
    them. The tree and the libraries are only read. Only what changed since the last time is
    compiled. Raises :class:`UserError` for an option that does not hold, an archive that is
    missing, and what does not compile, with the compiler's words.
    """
    began = time.monotonic()
    folder = folder.resolve()
    require_programs()
    with locked(folder, "the unikernel"):
        made_from = _made_from(source, application)
        _start_over(folder, made_from)
        work = _Build(source, application, ours, folder, progress or (lambda *_: None))
        work.log.write_text("", encoding="utf-8")
        found = work.configure(lines)
        prepare(ours, folder)
        work.place(found)
        work.run(["prepare"], None)
        total = work.count()
        work.run([f"-j{jobs}"], total)
        built = Built(
            image := _image(folder, application),
            source.release,
            image.stat().st_size,
            time.monotonic() - began,
            work.steps,
            work.log,
            work.warnings(),
        )
        _write_record(folder, made_from, built)
    return built


def _image(folder: Path, application: Path) -> Path:
    """The image of a build: named after the folder of the application and the machine."""
    names = [f"{application.resolve().name}_{vmm}-x86_64" for vmm in ("qemu", "kvm")]
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise UserError(
            "the build made no image",
            where=str(folder),
            why=f"there is no {' and no '.join(names)}",
        )
    return found[0]
