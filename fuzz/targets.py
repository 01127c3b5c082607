"""What is fuzzed: each target takes bytes, and raises nothing but for a fault of porttool."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from porttool.audit import pcppmain, unit
from porttool.audit.preprocess import Preprocessed, Toolchain
from porttool.errors import UserError
from porttool.unikraft.provides import dumps
from porttool.unikraft.scan.archives import unpack
from porttool.unikraft.scan.tree import provides, scan

#: Stands between the files of a tree in the input of :func:`read_unikraft_tree`.
SEPARATOR = b"\n%%\n"
#: The files of that tree, in the order of the input.
TREE = (
    "lib/one/Makefile.uk",
    "lib/one/Config.uk",
    "lib/one/exportsyms.uk",
    "lib/one/main.c",
    "lib/one/include/one.h",
    "lib/one/low.S",
    "lib/syscall_shim/Makefile.uk",
    "lib/syscall_shim/arch/x86_64/syscall.h.in",
    "external/Makefile.uk",
    "external/Config.uk",
)
_VERSION = "UK_VERSION = 0\nUK_SUBVERSION = 99.1\n"

_scratch = tempfile.TemporaryDirectory(prefix="porttool-fuzz-")
_folder = Path(_scratch.name).resolve()


def read_preprocessed_c(data: bytes) -> None:
    """Take ``data`` for what the preprocessor gave: lexer, rewriter, parser, usage, macros.

    Text below a marker of ``/system/`` is a system header's. A file that is refused is a result.
    """
    text = f'# 1 "{_folder}/a.c"\n{data.decode("latin-1")}\n'
    (_folder / "a.c").write_bytes(b"")
    tools = Toolchain(None, ("/system",), "musl", ())
    with patch.object(unit, "preprocess", return_value=Preprocessed(text, text)):
        unit.UnitAuditor(_folder, (), (), tools).audit(_folder / "a.c")


def preprocess_with_pcpp(data: bytes) -> None:
    """Take ``data`` for a C file, and preprocess it without a compiler."""
    source = _folder / "b.c"
    source.write_bytes(data)
    (_folder / "b.h").write_bytes(data[: len(data) // 2])
    predefined = _folder / "predefined.txt"
    predefined.write_text("__GNUC__ 12\n__INT8_C(c) c\n", "ascii")
    job = pcppmain.Job(str(source), (str(_folder),), (), ("-DN=1", "-DF(x)=x", "-UM"))
    with (
        patch.object(pcppmain, "PREDEFINED", predefined),
        suppress(pcppmain.Failure, RecursionError),
    ):
        pcppmain.Run(job).run()


def read_unikraft_tree(data: bytes) -> None:
    """Take ``data`` for the files of a Unikraft tree and scan it for what it provides."""
    root = _folder / "tree"
    parts = data.split(SEPARATOR)
    for number, name in enumerate(TREE):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(parts[number] if number < len(parts) else b"")
    (root / "version.mk").write_text(_VERSION, "utf-8")
    with suppress(UserError):
        dumps(provides(scan(root, [root / "external"], [], {})))


def read_archive(data: bytes) -> None:
    """Take ``data`` for an archive: a zip if the first byte says so, else a tar."""
    kind = "zip" if data[:1] == b"z" else "tar.gz"
    path = _folder / f"archive.{kind}"
    path.write_bytes(data[1:])
    with tempfile.TemporaryDirectory(dir=_folder) as target, suppress(UserError):
        unpack(path, Path(target))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "audit": read_preprocessed_c,
    "pcpp": preprocess_with_pcpp,
    "scanner": read_unikraft_tree,
    "archive": read_archive,
}
