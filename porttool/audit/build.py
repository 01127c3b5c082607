"""Guesses what a program is built from, reading its tree and running nothing of it."""

import re
from dataclasses import dataclass
from pathlib import Path

from porttool.audit.discover import guess_includes

#: Folders whose C files are programs of their own rather than parts of the exporter.
_ASIDE = re.compile(r"(^|/)(tests?|examples?|fuzz\w*|bench\w*|doc|docs|contrib|tools)(/|$)")
_DEFINE = re.compile(rb"(?<!\w)-D\s*([A-Za-z_]\w*(?:=[\w.+-]+)?)(?![\w\"'\\$=(])")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a tree seems to be built from: paths relative to it, and preprocessor defines."""

    sources: tuple[str, ...]
    includes: tuple[str, ...]
    defines: tuple[str, ...]
    aside: tuple[str, ...]


def guess_build(tree: Path) -> Guess:
    """Guess what a checked-out tree builds its program from. Nothing of it is executed.

    C files that end the name of a test, or lie in a folder for tests or examples, are put aside.
    Defines are those that a Makefile or a build description names literally.
    """
    found = sorted(path for path in tree.rglob("*.c") if path.is_file() and not path.is_symlink())
    names = {path: path.relative_to(tree).as_posix() for path in found}
    aside = tuple(n for n in names.values() if _ASIDE.search(n) or _is_test(n))
    kept = [path for path in found if names[path] not in aside]
    headers = sorted(path for path in tree.rglob("*.h") if path.is_file())
    includes = guess_includes(tree.resolve(), kept, headers)
    beside = {path.parent for path in kept} if len({path.parent for path in kept}) == 1 else set()
    folders = sorted({*(folder_.relative_to(tree).as_posix() for folder_ in (*includes, *beside))})
    defines: dict[str, None] = {}
    for pattern in ("Makefile*", "GNUmakefile", "makefile", "CMakeLists.txt", "meson.build"):
        for path in sorted(tree.glob(pattern)):
            if path.is_file() and path.resolve().is_relative_to(tree.resolve()):
                for match in _DEFINE.findall(path.read_bytes()):
                    defines.setdefault(match.decode())
    return Guess(tuple(names[path] for path in kept), tuple(folders), tuple(defines), aside)


def _is_test(name: str) -> bool:
    stem = name.rsplit("/", 1)[-1].removesuffix(".c")
    return stem.endswith(("_test", "-test", "_tests")) or stem.startswith(("test_", "test-"))
