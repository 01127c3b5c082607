"""Kconfig over the twin's and the libraries' Config.uk."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from porttool.hosttwin.kconfig import ConfigError, write_config
from porttool.unikraft.emit import emit
from tests.unikraft.toyport import toy_port, ukmetrics

LIBRARY = """\
menuconfig LIBX
\tbool "x"
\tselect LIBUKMETRICS
\tselect LIBPOSIX_SOCKET

config LIBX_PORT
\tint "port"
\trange 1 65535
\tdefault 9100
\tdepends on LIBX
"""


def library(tmp_path: Path, text: str = LIBRARY) -> Path:
    folder = tmp_path / "lib-x"
    folder.mkdir(exist_ok=True)
    (folder / "Config.uk").write_text(text)
    return folder


def emitted(tmp_path: Path) -> Path:
    """lib-ukmetrics, as far as Kconfig goes."""
    folder = tmp_path / "lib-ukmetrics"
    folder.mkdir(exist_ok=True)
    (folder / "Config.uk").write_text(ukmetrics().config())
    return folder


def test_selects_all_that_it_needs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = write_config([library(tmp_path), emitted(tmp_path)], out, {"LIBX_PORT": "1234"})
    for name in (
        *("LIBX", "LIBUKMETRICS", "LIBUKSTORE", "LIBUKLIBPARAM", "LIBUKALLOC_IFSTATS_GLOBAL"),
        *("LIBUKNETDEV_STATS", "LIBUKLOCK_MUTEX_METRICS", "LIBPOSIX_SOCKET"),
    ):
        assert written.values[name] == "y"
        assert f"CONFIG_{name}=y\n" in written.config.read_text()
        assert f"#define CONFIG_{name} 1\n" in written.header.read_text()
    assert "#define CONFIG_LIBX_PORT 1234\n" in written.header.read_text()
    assert written.header == out / "include/uk/bits/config.h"


def test_what_does_not_change_is_not_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = library(tmp_path)
    written = write_config([folder, emitted(tmp_path)], out)
    for path in (written.config, written.header):
        os.utime(path, (1, 1))
    write_config([folder, emitted(tmp_path)], out)
    assert written.config.stat().st_mtime == written.header.stat().st_mtime == 1
    write_config([folder, emitted(tmp_path)], out, {"LIBX_PORT": "1"})
    assert written.header.stat().st_mtime != 1


def test_the_users_environment_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = library(tmp_path)
    plain = write_config([folder, emitted(tmp_path)], tmp_path / "a").config.read_text()
    environment = {
        "CONFIG_": "OTHER_",
        "srctree": "/nonexistent",
        "KCONFIG_ALLCONFIG": "x",
        "KCONFIG_CONFIG_HEADER": "# other\n",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    again = write_config([folder, emitted(tmp_path)], tmp_path / "b").config.read_text()
    assert again == plain
    assert {name: os.environ[name] for name in environment} == environment


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("LIBPOSIX_SOCKET", "LIBPOSIX_SOKET", "LIBPOSIX_SOKET"),
        ("depends on LIBX", "depends on LIBZ", "LIBZ"),
        ("select LIBPOSIX_SOCKET", "select LIBNOLIBC", "LIBNOLIBC"),
        ("bool", "boool", "boool"),
        ("\trange 1", "\trange", "Config.uk"),
        ("menuconfig LIBX\n", "menuconfig LIBX\n\tdepends on LWIP_DHCP\n", "LIBX cannot be 'y'"),
    ],
)
def test_config_that_does_not_fit(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert old in LIBRARY
    folder = library(tmp_path, LIBRARY.replace(old, new, 1))
    libraries = [folder, emitted(tmp_path)]
    if "MUTEX" in new:
        libraries = [
            library(tmp_path, LIBRARY.replace(old, new).replace("LIBUKMETRICS", "LIBMUSL"))
        ]
    with pytest.raises(ConfigError) as caught:
        write_config(libraries, tmp_path / "out")
    assert why in f"{caught.value.what} {caught.value.why}"


def test_values_that_cannot_be(tmp_path: Path) -> None:
    libraries = [library(tmp_path), emitted(tmp_path)]
    with pytest.raises(ConfigError, match="LIBX_PORT cannot be '0'"):
        write_config(libraries, tmp_path / "out", {"LIBX_PORT": "0"})
    with pytest.raises(ConfigError, match=r"no Config\.uk defines LIBY"):
        write_config(libraries, tmp_path / "out", {"LIBY": "y"})


def test_libraries_without_config(tmp_path: Path) -> None:
    (tmp_path / "lib-y").mkdir()
    with pytest.raises(ConfigError, match=r"no Config\.uk"):
        write_config([tmp_path / "lib-y"], tmp_path / "out")
    with pytest.raises(ConfigError, match="defines no symbol"):
        write_config([library(tmp_path, 'comment "nothing"\n')], tmp_path / "out")
    odd = library(tmp_path).rename(tmp_path / 'lib-"x')
    with pytest.raises(ConfigError, match="path"):
        write_config([odd], tmp_path / "out")


def settings(text: str) -> set[str]:
    """The assignments of a ``.config``, without its comments."""
    return {line for line in text.splitlines() if line.startswith("CONFIG_")}


@pytest.mark.skipif(shutil.which("kconfig-conf") is None, reason="needs kconfig-frontends-nox")
def test_the_kernels_own_kconfig_agrees(tmp_path: Path) -> None:
    """From the one choice of the library, kconfig-frontends derives what kconfiglib does."""
    source = toy_port(tmp_path)
    libraries = [written.path for written in emit(source, tmp_path / "emitted").libraries]
    written = write_config(libraries, tmp_path / "out")
    ours = settings((tmp_path / "out" / ".config").read_text())
    assert written.values["LIBTOY_EXPORTER"] == "y"
    done = subprocess.run(
        ["kconfig-conf", "--olddefconfig", str(tmp_path / "out" / "Config.top")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "KCONFIG_CONFIG": str(seed(tmp_path))},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    theirs = settings((tmp_path / "seed").read_text())
    assert {line for line in theirs ^ ours if not line.startswith("CONFIG_ARCH_")} == set()
    assert "CONFIG_LIBUKALLOC_IFSTATS_GLOBAL=y" in theirs


def seed(tmp_path: Path) -> Path:
    """What an application says of its own: libc, network stack, messages, and the library."""
    path = tmp_path / "seed"
    names = ("LIBMUSL", "LIBLWIP", "LIBUKDEBUG_PRINTK_INFO", "LIBTOY_EXPORTER")
    path.write_text("".join(f"CONFIG_{name}=y\n" for name in names))
    return path
