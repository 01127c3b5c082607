import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft import app
from tests.commands.ports import Port, port_fixture  # noqa: F401
from tests.unikraft.toyport import CONFIG


def text(name: str, release: str = "0.16.3") -> str:
    return app.application(replace(CONFIG, unikraft=release)).files[name].decode()


def test_the_defconfig_names_machine_libc_network_and_exporter_only() -> None:
    assert text("defconfig").splitlines() == [
        "CONFIG_ARCH_X86_64=y",
        "CONFIG_PLAT_KVM=y",
        "CONFIG_LIBMUSL=y",
        "CONFIG_LIBLWIP=y",
        "CONFIG_LWIP_DHCP=y",
        "CONFIG_LIBTOY_EXPORTER=y",
        "CONFIG_DEBUG_SYMBOLS_LVL1=y",
    ]


@pytest.mark.parametrize(
    ("release", "drivers", "address"),
    [
        ("0.13.1", True, "netdev.ipv4_addr="),
        ("0.14.0", True, "netdev.ipv4_addr="),
        ("0.15.0", False, "netdev.ipv4_addr="),
        ("0.16.0", False, "netdev.ipv4_addr="),
        ("0.16.1", False, "netdev.ip="),
        ("0.17.0", False, "netdev.ip="),
    ],
)
def test_what_a_release_calls_its_drivers(release: str, drivers: bool, address: str) -> None:
    lines = text("defconfig", release)
    assert ("CONFIG_KVM_PCI=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_NET=y\n" in lines) is drivers
    assert app.network_parameters(release)[0].startswith(address)


def test_the_kraftfile_has_the_same_options_and_the_libraries_in_order() -> None:
    lines = text("Kraftfile").splitlines()
    options = [line.strip() for line in lines if "CONFIG_" in line]
    wanted = [line.replace("=y", ': "y"') for line in text("defconfig").splitlines()]
    assert options == wanted
    keys = [line.strip() for line in lines if line.startswith("  ") and line.endswith(":")]
    assert keys == ["kconfig:", "musl:", "lwip:", "ukmetrics:", "toy-exporter:"]
    assert lines[1] == "spec: v0.6"


def test_its_makefile_gives_unikraft_what_it_needs(tmp_path: Path) -> None:
    written = app.write(CONFIG, tmp_path / "build")
    trees = tmp_path / "trees"
    (trees / "unikraft").mkdir(parents=True)
    asked = subprocess.run(
        ["make", "-n", "-C", str(written.path), f"UK_ROOT={trees}/unikraft", "menuconfig"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    build = tmp_path / "build"
    libraries = f"{trees}/lib-musl:{trees}/lib-lwip:{build}/lib-ukmetrics:{build}/lib-toy-exporter"
    assert f"A={build}/app-toy-exporter L={libraries} O={build}/unikraft-" in asked
    missing = subprocess.run(
        ["make", "-n", "-C", str(written.path)], capture_output=True, text=True, check=False
    )
    assert "set UK_ROOT to a tree of Unikraft 0.16.3" in missing.stderr


def test_emit_writes_it_on_demand_and_guards_edits(port: Port) -> None:
    folder = port.root / "build" / "app-small"
    port.run("emit")
    assert not folder.exists()
    document = json.loads(port.run("emit", "--app", "--json").out)
    assert document["application"]["folder"] == str(folder)
    assert "Kraftfile" in document["application"]["files"]
    assert "0 of" not in port.run("emit", "--app").out
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UserError, match="edited since") as refused:
        app.write(replace(CONFIG, name="small"), port.root / "build")
    assert "build that with --app DIR" in (refused.value.fix or "")
