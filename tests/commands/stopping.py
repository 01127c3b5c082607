"""A port whose series stops on its way to a newer upstream; copies of one."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands.ports import Outcome, invoke
from tests.support import SMALL_C, Upstream, add_patches, make_workspace

__all__ = ["stopping_fixture"]

MAIN = SMALL_C["main.c"]
WORDS = ("one", "two", "three")


def spoken(*words: str, code: str = MAIN) -> str:
    """main.c with other words."""
    for old, new in zip(WORDS, words, strict=True):
        code = code.replace(f'"{old}\\n"', f'"{new}\\n"')
    return code


class Stopping:
    """A port whose patches say 1 and 3, and an upstream that speaks Spanish from v2 on."""

    code = MAIN.replace("\tprintf", "".join(f"// {n}\n" for n in range(9)) + "\tprintf")
    uno = tres = ""

    def __init__(self, folder: Path) -> None:
        self.upstream, self.root = Upstream(folder / "upstream", 1_800_000_000), folder / "port"

    @classmethod
    def make(cls, folder: Path) -> "Stopping":
        """The port made anew; the fixture copies one instead."""
        files = SMALL_C | {"main.c": cls.code, "more.h": "int more;\n"}
        upstream, root = make_workspace(folder, files)
        upstream.commit("Say 1", {"main.c": spoken("1", "two", "three", code=cls.code)})
        upstream.commit("More", {"more.h": "int more = 2;\n"})
        reason = "Say 3\n\nBecause.\n\nUpstream-Status: Inappropriate [mine]"
        upstream.commit(reason, {"main.c": spoken("1", "two", "3", code=cls.code)})
        add_patches(upstream, root)
        assert invoke("-C", root, "refresh").code == 0
        for derived in (".porttool", "build"):
            shutil.rmtree(root / derived)

        def speak(message: str, tag: str | None, *words: str) -> str:
            return upstream.commit(message, {"main.c": spoken(*words, code=cls.code)}, tag)

        cls.uno = speak("Uno", "v2", "uno", "two", "three")
        speak("Dos", None, "uno", "dos", "three")
        cls.tres = speak("Tres", "v3", "uno", "dos", "tres")
        return cls(folder)

    @property
    def work(self) -> Path:
        return self.root / ".porttool/work"

    def run(self, *args: str | Path) -> Outcome:
        return invoke("-C", self.root, *args)

    def series(self) -> list[str]:
        return (self.root / "patches/series").read_text().splitlines()

    def solve(self, *words: str) -> None:
        (self.work / "main.c").write_text(spoken(*words, code=self.code))

    def report(self, *args: str) -> dict[str, tuple[str, str | None]]:
        """Run a refresh that succeeds; gives verdict and solution of each patch."""
        done = self.run("refresh", *args, "--json")
        assert done.code == 0, done
        outcomes = json.loads(done.out)["outcomes"]
        return {each["name"]: (each["verdict"], each["solution"]) for each in outcomes}


_template: list[Stopping] = []


@pytest.fixture(name="port")
def stopping_fixture(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Stopping:
    if not _template:
        _template.append(Stopping.make(tmp_path_factory.mktemp("template")))
    original = _template[0]
    made = Stopping(tmp_path)
    for old, new in ((original.root, made.root), (original.upstream.path, made.upstream.path)):
        shutil.copytree(old, new, symlinks=True)
    for name in ("porttool.toml", "upstream.lock"):
        path = made.root / name
        text = path.read_text()
        path.write_text(text.replace(str(original.upstream.path), str(made.upstream.path)))
    return made
