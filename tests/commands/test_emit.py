import json
from dataclasses import replace
from pathlib import Path

import pytest

from porttool.commands.emit import emit
from porttool.errors import UserError
from porttool.unikraft.archive import write_archive
from porttool.unikraft.emit import Archive
from porttool.unikraft.tree import read_tree
from porttool.workspace import EmitConfig
from tests.unikraft.toyport import toy_port


def test_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = toy_port(tmp_path), tmp_path / "out"
    assert emit(source, out) == 0
    first = capsys.readouterr()
    assert f"{out}/lib-toy-exporter  12 of 12 files written or removed\n" in first.out
    assert first.err == ""
    assert emit(source, out) == 0
    assert f"{out}/lib-toy-exporter  up to date, 12 files\n" in capsys.readouterr().out


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = toy_port(tmp_path), tmp_path / "out"
    emit(source, out)
    capsys.readouterr()
    emit(replace(source, config=replace(source.config, stack_size=65536)), out, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    ukmetrics, exporter = document["libraries"]
    assert ukmetrics["library"] == "libukmetrics"
    assert ukmetrics["changed"] == []
    assert exporter["folder"] == str(out / "lib-toy-exporter")
    assert exporter["changed"] == [".porttool-stamp", "Config.uk"]
    assert sorted(exporter["files"]) == sorted(
        path.relative_to(out / "lib-toy-exporter").as_posix()
        for path in (out / "lib-toy-exporter").rglob("*")
        if path.is_file()
    )


def test_writes_what_the_operator_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = toy_port(tmp_path), tmp_path / "out"
    assert emit(source, out, operator=True, as_json=True) == 0
    folder = json.loads(capsys.readouterr().out)["operator"]
    assert folder["folder"] == str(out / "operator")
    assert {"prometheus.yml", "rules/alerts.yml", "grafana/unikernels.json"} <= set(folder["files"])
    (out / "operator" / "prometheus.yml").write_text("# mine\n")
    with pytest.raises(UserError, match=r"prometheus\.yml was edited") as refused:
        emit(source, out, operator=True)
    assert "copy the folder to where your Prometheus is" in (refused.value.fix or "")


def test_says_where_a_change_of_a_library_belongs(tmp_path: Path) -> None:
    source, out = toy_port(tmp_path), tmp_path / "out"
    for library, belongs in (
        ("lib-toy-exporter", "make the change a patch"),
        ("lib-ukmetrics", "set it in Kconfig"),
    ):
        emit(source, out)
        (out / library / "Makefile.uk").write_text("# mine\n")
        with pytest.raises(UserError, match=r"Makefile\.uk was edited") as refused:
            emit(source, out)
        assert belongs in (refused.value.fix or "")
        (out / library / "Makefile.uk").unlink()


def test_says_where_the_archive_belongs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, url = toy_port(tmp_path), "https://example.org/toy.tar.gz"
    archive = tmp_path / "archive"
    archive.write_bytes(write_archive(read_tree(source.pinned_tree), "toy", 0))
    settings = EmitConfig("fetch", url, Archive(url, "", "", archive.read_bytes()).sha256)
    emit(replace(source, config=replace(source.config, emit=settings), archive=archive), tmp_path)
    assert "build/libtoy_exporter/toy.tar.gz" in capsys.readouterr().err
