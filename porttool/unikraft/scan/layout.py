"""Which files a Unikraft tree and its external libraries are built from, and when."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.scan import archives, generated, reading
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition
from porttool.unikraft.scan.conditional import Reader
from porttool.unikraft.scan.kconfig import Selects, read_depends, read_names, read_selects
from porttool.unikraft.scan.makefile import Library, Makefile, Word, known_values

MUSL = "libmusl"
_NUMBER = re.compile(r"#define\s+__NR_(\w+)\s+([0-9]+)")
_COMPILED = (".c", ".S", ".s")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a library is built from, when it is, and how it is called in reports.

    ``upstream`` says that it is from an archive: not written for Unikraft.
    """

    path: Path
    condition: Condition
    shown: str
    upstream: bool


@dataclass(frozen=True, slots=True)
class Header:
    """A header on everybody's include path: ``name`` is what stands in ``#include <...>``.

    ``condition`` says when the library that has it puts it there.
    """

    library: str
    name: str
    path: Path
    condition: Condition = ALWAYS


class _Fixed(dict[str, bool]):
    """Values that are the same in every configuration; what no Config.uk defines is not set."""

    def __init__(self, values: Mapping[str, bool], names: frozenset[str]) -> None:
        super().__init__(values)
        self._names = names

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name not in self._names

    def get(self, name: str, default: bool | None = None) -> bool | None:  # type: ignore[override]
        return super().get(name, default if name in self._names else False)


class Layout:
    """What the Makefiles of a tree and of external libraries say; nothing of it is run.

    ``root`` is None when there are the libraries alone. ``folders`` have the archives that
    libraries are made from; what those hold is unpacked and patched below ``temporary``, which
    stays the caller's. With None for ``folders`` it is left out. Raises :class:`UserError` when a
    library has no ``Makefile.uk``, or an archive that one needs is missing or does not fit.
    """

    def __init__(
        self,
        root: Path | None,
        libraries: Sequence[Path],
        folders: Sequence[Path] | None,
        temporary: Path,
    ) -> None:
        self._root = None if root is None else root.resolve()
        self._external = [path.resolve() for path in libraries]
        self._folders = folders
        self._temporary = temporary.resolve()
        own = [] if self._root is None else [self._root]
        self.roots = (*own, self._temporary, *self._external)
        self._make = Makefile(self.roots)
        self._read()
        self.libraries = tuple({each.name: each for each in self._make.libraries}.values())
        configs = list(self._configs())
        self.selects: Selects = read_selects(configs)
        self.depends: Selects = read_depends(configs)
        self.fixed = self._fixed({library.name for library in self.libraries}, self.selects)
        if self._root is not None:
            self.fixed = _Fixed(self.fixed, read_names(configs))
        self.includes = tuple(self._includes())
        self.syscalls: Mapping[int, str] = self._syscalls()
        self.numbers = frozenset(self.syscalls.values())

    def words(self, name: str) -> Iterator[Word]:
        """The words of a list variable of the Makefiles, each with its condition."""
        yield from self._make.words(name)

    def folder_of(self, variable: str) -> Path:
        """The folder that a variable of the Makefiles names."""
        return Path(self._make.expand(f"$({variable})"))

    def files(self, library: Library) -> Iterator[SourceFile]:
        """The sources of a library that are there."""
        found: dict[Path, Condition] = {}
        prefix = library.name.upper()
        for name in (f"{prefix}_SRCS-y", f"{prefix}_SRCS"):
            for word in self._make.words(name):
                path = Path(word.text.partition("|")[0])
                if path.suffix in _COMPILED and self.readable(path):
                    found[path] = found.get(path, NEVER) | word.condition
        for path, condition in found.items():
            guard = condition.given(self.fixed) & library.condition
            if guard.given(self.fixed) != NEVER:
                yield SourceFile(path, guard, *self._shown(library, path))

    def generated(self, library: Library) -> Iterator[SourceFile]:
        """C that scripts for awk write for a library, written to a file as far as it is known."""
        prefix = library.name.upper()
        for name in (f"{prefix}_SRCS-y", f"{prefix}_GEN_SRC"):
            for word in self._make.words(name):
                script, _, made = word.text.partition(">")
                path = Path(script)
                condition = library.condition & word.condition.given(self.fixed)
                if path.suffix != ".awk" or not made.startswith(".c") or condition == NEVER:
                    continue
                text = reading.text(script, [str(root) for root in self.roots])
                if text is not None:
                    folder = self._temporary / "generated" / library.name
                    folder.mkdir(parents=True, exist_ok=True)
                    target = folder / f"{path.stem}.c"
                    target.write_text(generated.written(text, self._inputs(prefix, path.stem)))
                    shown = self._shown(library, path.with_name(f"{path.stem}.c"))
                    yield SourceFile(target, condition, *shown)

    def _inputs(self, prefix: str, stem: str) -> Mapping[str, str]:
        """What a script reads, when that is the list of all libraries."""
        words = self._make.words(f"{prefix}_{stem.upper()}_AWKINCLUDES-y")
        if any(word.text.endswith("/libraries.in") for word in words):
            return {library.name: library.condition.as_c() for library in self.libraries}
        return {}

    def reader(self, library: Library) -> Reader:
        """What reads the C files of a library as its compiler would."""
        return Reader(
            [*self._own_includes(library), *self.includes], self._macros(library), self.roots
        )

    def public_reader(self, defined: Mapping[str, str]) -> Reader:
        """What reads headers as a library without settings of its own would."""
        return Reader(self.includes, dict(defined), self.roots)

    def exports(self, library: Library) -> frozenset[str] | None:
        """The names that stay global, or None when all do."""
        paths = [library.folder / "exportsyms.uk"]
        for name in (f"{library.name.upper()}_EXPORTS", f"{library.name.upper()}_EXPORTS-y"):
            paths += [Path(word.text) for word in self._make.words(name)]
        texts = [path.read_text(errors="replace") for path in paths if self.readable(path)]
        if not texts:
            return None
        lines = [line.partition("#")[0].strip() for text in texts for line in text.splitlines()]
        return frozenset(line for line in lines if line)

    def headers(self) -> Iterator[Header]:
        """Headers on the include path of every library; musl's own copies come first."""
        musl = self._make.expand("$(LIBMUSL)").rstrip("/")
        for word in self._make.words("PORTTOOL_MUSL_HDRS-y"):
            path = Path(word.text)
            if f"{musl}/include/" in str(path) and self.readable(path):
                name = str(path).rpartition(f"{musl}/include/")[2]
                yield Header(MUSL, name, path, word.condition.given(self.fixed))
        for word in self._flags("CINCLUDES", "-I"):
            condition = word.condition.given(self.fixed)
            folder = Path(word.text[2:])
            if condition == NEVER or not reading.is_folder(folder) or not self._inside(folder):
                continue
            owner = self._folder_owner(folder)
            if owner is None:
                continue
            for path in sorted(folder.rglob("*.h*")):
                name = path.relative_to(folder).as_posix()
                if path.suffix == ".h" and path.is_file():
                    yield Header(owner, name, path)
                elif name in ("bits/alltypes.h.in", "bits/syscall.h.in"):
                    yield Header(owner, name.removesuffix(".in"), path)

    def readable(self, path: Path) -> bool:
        """Whether a path that a Makefile made up is a file in what we were told to read."""
        return self._inside(path) and reading.is_file(path)

    def _inside(self, path: Path) -> bool:
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        return any(real.is_relative_to(base) for base in self.roots)

    def _read(self) -> None:
        make = self._make
        if self._root is not None:
            make.define("CONFIG_UK_BASE", str(self._root))
            make.define("UK_PLAT_COMMON_BASE", str(self._root / "plat" / "common"))
            make.define("UK_PLAT_DRIVERS_BASE", str(self._root / "plat" / "drivers"))
            make.read(self._root / "arch" / "x86" / "Makefile.uk")
            for top in ("lib", "drivers", "plat"):
                for path in sorted((self._root / top).rglob("Makefile.uk")):
                    make.read(path)
        for folder in self._external:
            if not (folder / "Makefile.uk").is_file():
                raise UserError("a library has no Makefile.uk", where=str(folder))
            make.read(folder / "Makefile.uk")
        if self._folders is not None:
            self._unpack(self._folders)

    def _configs(self) -> Iterator[Path]:
        paths: list[Path] = []
        if self._root is not None:
            for top in ("lib", "drivers", "plat", "arch"):
                paths += sorted((self._root / top).rglob("Config.uk"))
            paths.append(self._root / "Config.uk")
        paths += [folder / "Config.uk" for folder in self._external]
        yield from (path for path in paths if self.readable(path))

    def _fixed(self, names: set[str], selects: Selects) -> dict[str, bool]:
        """What is the same in all configurations with these libraries: musl is the libc."""
        if MUSL not in names:
            return known_values({})
        chosen = dict.fromkeys(selects.get("LIBMUSL", ()), True)
        shim = {"LIBSYSCALL_SHIM": True, "LIBSYSCALL_SHIM_NOWRAPPER": True, "HAVE_LIBC": True}
        only = {name: value for name, value in shim.items() if name in chosen}
        return known_values({**only, "LIBNOLIBC": False, "LIBNEWLIBC": False})

    def _unpack(self, folders: Sequence[Path]) -> None:
        for library in {each.name: each for each in self._make.libraries}.values():
            names = self._make.archives.get(library.name)
            if not names or library.folder not in self._external:
                continue
            archive = archives.find(names, folders)
            if archive is None:
                raise UserError(
                    f"the archive that {library.name} is made from is missing",
                    why=f"none of the folders of archives has {' or '.join(names)}",
                    fix="put it into a folder and give that with --archives",
                )
            origin = self._temporary / library.name
            origin.mkdir()
            archives.unpack(archive, origin)
            self._make.define(f"{library.name.upper()}_ORIGIN", str(origin))
            self._choose(library, archive.name, origin)

    def _choose(self, library: Library, archive: str, origin: Path) -> None:
        """Apply the patches for what was unpacked, wherever the Makefile says it is."""
        make = self._make
        inner = [path.name for path in origin.iterdir() if path.is_dir()]
        for folder, target in make.patched.get(library.name, ()):
            place = origin / make.expand(target).strip()
            if not reading.is_folder(place) and len(inner) == 1:
                # The Makefile would have taken another of the archives that it can be made from.
                variable = re.fullmatch(r"\$\((\w+)\)", target.strip())
                if variable:
                    make.define(variable[1], inner[0])
                place = origin / inner[0]
            patches = Path(make.expand(folder).strip())
            if not place.resolve().is_relative_to(origin):
                raise _outside(library, place)
            if reading.is_folder(patches):
                if not self._inside(patches):
                    raise _outside(library, patches)
                names = sorted(patches.iterdir(), key=lambda path: path.name)
                archives.patch(place, [path for path in names if self.readable(path)])

    def _includes(self) -> list[Path]:
        """Folders on everybody's include path, musl's own copies of its headers in front."""
        make = self._make
        found = [Path(word.text[2:]) for word in self._flags("CINCLUDES", "-I")]
        if any(library.name == MUSL for library in self.libraries):
            top = Path(make.expand("$(LIBMUSL)"))
            found = [top / "include", *found]
        found = [path for path in found if reading.is_folder(path)]
        if self._root is not None:
            found += [self._root / "include", *sorted((self._root / "lib").glob("*/include"))]
        return list(dict.fromkeys(found))

    def _flags(self, name: str, prefix: str) -> Iterator[Word]:
        for variable in (name, f"{name}-y"):
            for word in self._make.words(variable):
                if word.text.startswith(prefix):
                    yield word

    def _own_includes(self, library: Library) -> list[Path]:
        prefix = library.name.upper()
        if library.name in (MUSL, "libmuslglue"):
            prefix_flags = list(self._flags("LIBMUSL_COMPFLAGS", "-I"))
        else:
            prefix_flags = list(self._flags(f"{prefix}_COMPFLAGS", "-I"))
        prefix_flags += self._flags(f"{prefix}_CINCLUDES", "-I")
        folders = (Path(word.text[2:]) for word in prefix_flags)
        return [path for path in folders if reading.is_folder(path)]

    def _macros(self, library: Library) -> dict[str, str]:
        defined = {f"{kind}_{name}": "1" for name in self.numbers for kind in ("SYS", "__NR")}
        for name in ("CFLAGS", "COMPFLAGS"):
            for word in self._flags(f"{library.name.upper()}_{name}", "-D"):
                macro, _, body = word.text[2:].partition("=")
                if word.condition == ALWAYS:
                    defined[macro] = body or "1"
        return defined

    def _syscalls(self) -> dict[int, str]:
        """The system calls of x86-64 by number, from the shim's or musl's table."""
        found: dict[int, str] = {}
        musl = Path(self._make.expand("$(LIBMUSL)/arch/x86_64/bits/syscall.h.in"))
        tables = [musl]
        if self._root is not None:
            shim = sorted((self._root / "lib" / "syscall_shim").rglob("syscall.h.in"))
            tables += (each for each in shim if "arm" not in str(each))
        for path in tables:
            if self.readable(path):
                text = path.read_text(encoding="utf-8", errors="replace")
                found |= {int(number): name for name, number in _NUMBER.findall(text)}
        return found

    def _folder_owner(self, folder: Path) -> str | None:
        for library in self.libraries:
            if folder.is_relative_to(self._temporary / library.name):
                return library.name
        near = [library for library in self.libraries if folder.is_relative_to(library.folder)]
        if near:
            return max(near, key=lambda library: len(library.folder.parts)).name
        in_tree = self._root is not None and folder.is_relative_to(self._root)
        return "unikraft" if in_tree else None

    def _shown(self, library: Library, path: Path) -> tuple[str, bool]:
        origin = self._temporary / library.name
        if path.is_relative_to(origin):
            return "/".join(path.relative_to(origin).parts[1:]), True
        for base in self.roots:
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix(), False
        return path.name, False


def _outside(library: Library, path: Path) -> UserError:
    return UserError(
        f"the Makefile of {library.name} names a folder outside of what is read",
        where=str(path),
        why="its patches are taken from its own folder and change its own archive",
    )
