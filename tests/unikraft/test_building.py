import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft import building, stamped
from porttool.unikraft.building import Built, find_image, sources
from porttool.unikraft.emit import Library, Written
from tests.support import snapshot, write_files
from tests.unikraft.faketree import MAIN, make_tree

LINES = ("CONFIG_LIBMUSL=y", "CONFIG_LIBOURS=y")


class Place:
    """A tree, an application, and one library of ours."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unikraft = make_tree(root / "trees")
        self.out = root / "build"
        self.steps: list[tuple[int, int | None, str]] = []
        write_files(root / "app", {"main.c": MAIN, "Makefile.uk": "", "defconfig": ""})
        self.write("int ours;\n")

    def write(self, source: str) -> None:
        files = {"ours.c": source.encode()}
        files[stamped.STAMP] = stamped.stamp({}, files)
        library = Library("lib-ours", "libours", files)
        path = self.root / "lib-ours"
        self.ours = (Written(library, path, stamped.write(path, files, "")),)

    def build(self, lines: Sequence[str] = LINES, **given: Path) -> Built:
        archives = tuple(given.values())
        self.steps.clear()
        return building.build(
            sources(self.unikraft, (), archives, "0.16.3"),
            self.root / "app",
            lines,
            self.ours,
            self.out,
            jobs=1,
            progress=lambda *step: self.steps.append(step),
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(building, "require_programs", lambda: None)
    return Place(tmp_path)


def refused(place: Place, lines: Sequence[str] = LINES) -> UserError:
    with pytest.raises(UserError) as caught:
        place.build(lines)
    return caught.value


def test_the_image_and_nothing_in_the_tree(place: Place) -> None:
    before = snapshot(place.root / "trees")
    built = place.build()
    assert built.image == place.out / "app_qemu-x86_64"
    assert built.size == built.image.stat().st_size > 0
    assert built.steps == 3
    assert built.warnings == ()
    assert snapshot(place.root / "trees") == before
    assert [total for _, total, _ in place.steps if total] == [3, 3, 3]
    assert place.steps[-1] == (2, 3, "LD app_qemu-x86_64")
    assert "CC      libours: ours.o" in built.log.read_text()
    assert find_image(place.out).path == built.image
    assert find_image(built.image).release == "0.16.3"


def test_a_second_build_makes_only_what_changed(place: Place) -> None:
    place.build()
    assert place.build().steps == 0
    place.write("int ours, more;\n")
    assert place.build().steps == 2


def test_libraries_come_in_order_and_the_environment_is_sealed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-k")
    monkeypatch.setenv("CFLAGS", "-Dmain=other")
    place.build()
    given = (place.out / "given").read_text()
    trees = place.root / "trees"
    assert f"L={trees}/lib-musl:{trees}/lib-lwip:{place.root}/lib-ours\n" in given
    assert "CFLAGS" not in given
    assert "MAKEFLAGS=-k" not in given


def test_archives_are_placed_for_the_build(place: Place) -> None:
    place.build()
    assert (place.out / "libmusl" / "unpacked").read_text() == "an archive"


def test_another_archive_is_unpacked_anew(place: Place) -> None:
    place.build()
    other = place.root / "other"
    write_files(other, {"musl-9.9.tar.gz": "another"})
    place.build(archives=other)
    assert (place.out / "libmusl" / "unpacked").read_text() == "another"


def test_a_missing_archive_is_named_before_anything_is_built(place: Place) -> None:
    shutil.rmtree(place.root / "trees" / "archives")
    error = refused(place)
    assert error.what == "an archive is missing: musl-9.9.tar.gz"
    assert error.why == "libmusl is made from https://example.org/musl-9.9.tar.gz"
    assert str(place.out / "libmusl" / "musl-9.9.tar.gz") in (error.fix or "")
    assert "CC" not in (place.out / building.LOG).read_text()


def test_which_archive_is_decided_by_the_configuration(place: Place) -> None:
    error = refused(place, (*LINES, "CONFIG_LIBMUSL_NEW=y"))
    assert error.what == "an archive is missing: musl-10.0.tar.gz"


def test_an_option_that_kconfig_drops_is_an_error(place: Place) -> None:
    error = refused(place, (*LINES, "CONFIG_UNKNOWN=y"))
    assert error.what == "CONFIG_UNKNOWN=y does not hold in this tree"
    assert "menuconfig" in (error.fix or "")


def test_the_compilers_first_error_is_shown(place: Place) -> None:
    (place.root / "app" / "main.c").write_text("int main(void)\n{\n\treturn nothing;\n}\n")
    error = refused(place)
    assert error.where == f"{place.root}/app/main.c:3"
    assert "'nothing' undeclared" in (error.why or "")
    assert str(place.out / building.LOG) in (error.fix or "")


def test_what_make_itself_says_when_no_compiler_did(place: Place) -> None:
    (place.root / "app" / "main.c").unlink()
    assert "No rule to make target" in (refused(place).why or "")


def test_warnings_of_our_libraries_are_told_and_no_others(place: Place) -> None:
    (place.root / "app" / "main.c").write_text("int main(int a, char **b) { return 0; }\n")
    place.write("static int unused;\n")
    (warning,) = place.build().warnings
    assert warning.path == f"{place.root}/lib-ours/ours.c"
    assert warning.line == 1
    assert "unused" in warning.text


def test_changed_patches_of_a_library_start_the_folder_over(place: Place) -> None:
    place.build()
    write_files(place.root / "trees" / "lib-musl" / "patches", {"0001-a.patch": "a"})
    assert place.build().steps == 3


def test_a_folder_of_somebody_elses_is_left_alone(place: Place) -> None:
    write_files(place.out, {"thesis.txt": "years of work"})
    assert "porttool did not make it" in refused(place).what
    assert (place.out / "thesis.txt").exists()


def test_a_path_that_make_cannot_take(place: Place) -> None:
    place.out = place.root / "a b"
    assert "make cannot build in a folder of this name" in refused(place).what


def test_another_release_is_refused_with_the_way_out(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    with pytest.raises(UserError, match=r"Unikraft 0\.16\.3, the libraries are for 0\.13\.1") as e:
        sources(tree, (), (), "0.13.1")
    assert 'unikraft = "0.16.3"' in (e.value.fix or "")


def test_a_library_that_is_none(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    shutil.rmtree(tmp_path / "lib-lwip")
    with pytest.raises(UserError, match="lib-lwip is not a library") as caught:
        sources(tree, (), (), "0.16.3")
    assert "--libs" in (caught.value.fix or "")


def test_what_is_not_installed_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="make, gcc, bison") as caught:
        building.require_programs()
    assert (caught.value.fix or "").startswith("apt install make gcc bison flex")


@pytest.mark.parametrize("text", ["CONFIG_A=y", "CONFIG_A=12", "CONFIG_A=0x1f", 'CONFIG_A="b c"'])
def test_settings(text: str) -> None:
    assert building.check_setting(text) == text


@pytest.mark.parametrize("text", ["A=y", "CONFIG_A", "CONFIG_A=y\nCONFIG_B=y", 'CONFIG_A="$(x)"'])
def test_no_settings(text: str) -> None:
    with pytest.raises(UserError, match="no setting of Kconfig"):
        building.check_setting(text)


def test_the_exporter_is_switched_on_in_an_application_of_ones_own(tmp_path: Path) -> None:
    write_files(tmp_path, {"defconfig": "# mine\nCONFIG_A=y\n\n"})
    assert building.defconfig(tmp_path, "LIBX", ["CONFIG_A=n"]) == (
        "CONFIG_A=y",
        "CONFIG_LIBX=y",
        "CONFIG_A=n",
    )
    (tmp_path / "defconfig").unlink()
    with pytest.raises(UserError, match="no defconfig"):
        building.defconfig(tmp_path, "LIBX", [])


def test_no_image(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image to boot"):
        find_image(tmp_path)
