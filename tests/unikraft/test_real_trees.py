"""The shipped catalogues against the trees that they were read from, where those are at hand."""

import json
from pathlib import Path

import pytest

from porttool.unikraft.provides import releases
from tests.support import porttool
from tests.unikraft import trees

SHIPPED = Path(__file__).parents[2] / "porttool" / "unikraft" / "provides"


@pytest.mark.unikraft
@pytest.mark.parametrize("release", releases())
def test_a_tree_gives_its_catalogue_again(release: str, tmp_path: Path) -> None:
    folder = trees.folder()
    tree = folder / release
    if not tree.is_dir():
        pytest.skip(f"{trees.VARIABLE} has no {release}")
    arguments: list[str | Path] = ["--archives", folder / "archives", "-o", "made.json"]
    for name in trees.LIBRARIES:
        arguments += ["--lib", tree / name]
    porttool("catalogue", "scan", tree / "unikraft", *arguments, cwd=tmp_path)
    made = (tmp_path / "made.json").read_text()
    shipped = (SHIPPED / f"{release}.json").read_text()
    assert json.loads(made)["commits"] == json.loads(shipped)["commits"], "other commits"
    assert made == shipped
