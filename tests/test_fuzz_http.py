"""The harness of the exporter's request parser, with the compiler that is there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import porttool

ROOT = Path(__file__).parent.parent
HTTP = ROOT / "fuzz" / "http"
SEEDS = sorted((HTTP / "seeds").iterdir())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Upstream with the series applied."""
    port = tmp_path / "port"
    shutil.copytree(ROOT / "patches", port / "patches")
    for name in ("porttool.toml", "upstream.lock"):
        shutil.copy2(ROOT / name, port / name)
    porttool("apply", "--to", tmp_path / "tree", cwd=port)
    return tmp_path / "tree"


def built(tree: Path, out: Path, cc: str) -> Path:
    build = [HTTP / "build.sh", out, tree]
    subprocess.run(build, check=True, env=os.environ | {"CC": cc})
    return out


def replayed(program: Path, *inputs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *inputs], capture_output=True, text=True, check=False)


def test_the_seeds_pass(tree: Path, tmp_path: Path) -> None:
    done = replayed(built(tree, tmp_path / "replay", "gcc"), *SEEDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{len(SEEDS)} inputs\n"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        # Blank lines in front of a request end it, if they come in a piece of their own.
        ("if (begun)\n\t\t\t*seen", "\t\t\t*seen", "outcome == whole"),
        ("len > HTTP_LINE_MAX && !memchr", "len > 10 && !memchr", "heap-buffer-overflow"),
    ],
)
def test_what_is_wrong_is_found(
    tree: Path, tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    source = tree / "http.c"
    assert right in source.read_text()
    source.write_text(source.read_text().replace(right, wrong))
    done = replayed(built(tree, tmp_path / "replay", "gcc"), *SEEDS)
    assert done.returncode != 0
    assert says in done.stderr
