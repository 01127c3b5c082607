"""What QEMU's ``filter-dump`` wrote down of a machine's network.

The format is that of https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/; Ethernet, IPv4 and
TCP headers are those of IEEE 802.3, RFC 791 and RFC 9293.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = struct.Struct("=IHHiIII")
_RECORD = struct.Struct("=IIII")
_MAGIC = 0xA1B2C3D4
_ETHERNET = 14
_IPV4, _TCP = 0x0800, 6

#: The address that QEMU gives to the first network device of a machine.
_MACHINE = bytes.fromhex("525400123456")


@dataclass(frozen=True, slots=True)
class Frame:
    """An Ethernet frame: its ``length`` in bytes, and of TCP the port it comes from and data."""

    sent: bool
    length: int
    source: int | None = None
    data: bytes = b""


def _frame(raw: bytes) -> Frame:
    sent = raw[6:12] == _MACHINE
    (kind,) = struct.unpack_from("!H", raw, 12)
    if kind != _IPV4 or raw[_ETHERNET + 9] != _TCP:
        return Frame(sent, len(raw))
    (total,) = struct.unpack_from("!H", raw, _ETHERNET + 2)
    begin = _ETHERNET + 4 * (raw[_ETHERNET] & 0xF)
    (source,) = struct.unpack_from("!H", raw, begin)
    data = raw[begin + 4 * (raw[begin + 12] >> 4) : _ETHERNET + total]
    return Frame(sent, len(raw), source, data)


def frames(path: Path) -> Sequence[Frame]:
    """All frames so far. The last one may be half written, and is left out then."""
    content = path.read_bytes()
    magic, *_, link = _FILE.unpack_from(content)
    assert (magic, link) == (_MAGIC, 1), "no pcap of an Ethernet of this machine"
    found = []
    at = _FILE.size
    while at + _RECORD.size <= len(content):
        *_, kept, length = _RECORD.unpack_from(content, at)
        at += _RECORD.size + kept
        if at > len(content):
            break
        assert kept == length
        found.append(_frame(content[at - kept : at]))
    return found
