"""The smallest application that links an emitted exporter: what ``emit --app`` writes.

What a release calls its drivers and its parameters was read from its tree: ``plat/kvm/Config.uk``,
``lib/uknetdev/Config.uk`` and ``lib/uknetdev/netdev.c`` of RELEASE-0.9.0 to RELEASE-0.17.0.
"""

from pathlib import Path

import porttool
from porttool.unikraft import stamped
from porttool.unikraft.emit import Library, Written
from porttool.unikraft.render import render
from porttool.unikraft.table import version
from porttool.workspace import PortConfig

_FILES = (
    "Config.uk",
    "Kraftfile",
    "Makefile",
    "Makefile.uk",
    "README.md",
    "defconfig",
    "main.c",
)

_COPY = "copy the folder, change it there and build that with --app DIR"

#: How QEMU's user network lets a guest be reached, see its manual, "Network emulation".
_ADDRESS, _GATEWAY, _NETMASK, _PREFIX = "10.0.2.15", "10.0.2.2", "255.255.255.0", 24


def options(release: str, library: str) -> tuple[str, ...]:
    """The lines of the application's defconfig: machine, libc, network stack, exporter.

    ``library`` is the exporter's Kconfig symbol without ``CONFIG_``; it selects all else.
    """
    symbols = ["ARCH_X86_64", "PLAT_KVM", "LIBMUSL", "LIBLWIP", "LWIP_DHCP"]
    if version(release) <= (0, 14, 0):
        symbols += ["KVM_PCI", "VIRTIO_PCI", "VIRTIO_NET"]
    symbols += [library, "DEBUG_SYMBOLS_LVL1"]
    return tuple(f"CONFIG_{symbol}=y" for symbol in symbols)


def machine(release: str) -> str:
    """QEMU's machine in which a release finds its network device.

    Up to 0.14.0 the platform looks on a plain PCI bus only; 0.13.1 sees no device of a q35.
    """
    return "pc" if version(release) <= (0, 14, 0) else "q35"


def network_parameters(release: str) -> tuple[str, ...]:
    """Kernel parameters that give the guest its address in QEMU's user network.

    A static one, since a lease takes a second more.
    """
    if version(release) >= (0, 16, 1):
        return (f"netdev.ip={_ADDRESS}/{_PREFIX}:{_GATEWAY}",)
    return (
        f"netdev.ipv4_addr={_ADDRESS}",
        f"netdev.ipv4_subnet_mask={_NETMASK}",
        f"netdev.ipv4_gw_addr={_GATEWAY}",
    )


def switch(config: PortConfig) -> str:
    """The Kconfig symbol that links the exporter, without ``CONFIG_``."""
    return f"LIB{config.c_name.upper()}"


def application(config: PortConfig) -> Library:
    """The application of a port, in memory: a folder beside those of its libraries."""
    lines = options(config.unikraft, switch(config))
    folder = f"app-{config.name}"
    values = {
        "folder": folder,
        "application": f"app{config.c_name}",
        "library_folder": f"lib-{config.name}",
        "name": config.name,
        "variable": switch(config),
        "release": config.unikraft,
        "options": lines,
        "kconfig": [line.split("=", 1) for line in lines],
        "address": " ".join(network_parameters(config.unikraft)),
    }
    files = {name: render(f"app/{name}.j2", **values) for name in _FILES}
    made_from = {"porttool": porttool.__version__, "unikraft": config.unikraft}
    files[stamped.STAMP] = stamped.stamp(made_from, files)
    return Library(folder, f"app{config.c_name}", files)


def write(config: PortConfig, out: Path) -> Written:
    """Write the application of a port below ``out``, as :func:`porttool.unikraft.emit.emit` does.

    Raises :class:`UserError` for a file in its folder that is not porttool's or was edited.
    """
    made = application(config)
    folder = out / made.folder
    return Written(made, folder, stamped.write(folder, made.files, _COPY))
