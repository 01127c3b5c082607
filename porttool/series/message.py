"""The message of a patch: its text, and the trailers that end it (git-interpret-trailers(1))."""

import re
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from porttool.errors import UserError
from porttool.git import Signature

_TRAILER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*: ?\S.*")

#: A message says these once, and the one that is there already counts.
_ONCE = (b"upstream-status", b"forwarded", b"applied-upstream")


def split_trailers(message: bytes) -> tuple[bytes, list[bytes]]:
    """A message without its last paragraph and the lines of that, if they are all trailers."""
    text = message.strip(b"\n")
    body, found, last = text.rpartition(b"\n\n")
    lines = last.split(b"\n")
    if found and all(_TRAILER.fullmatch(line) or line[:1] in b" \t" for line in lines):
        return body, lines
    return text, []


def with_trailers(body: bytes, trailers: list[bytes]) -> bytes:
    """A message of ``body`` and ``trailers``."""
    block = b"\n\n" + b"\n".join(trailers) if trailers else b""
    return body.strip(b"\n") + block + b"\n"


def trailer_name(line: bytes) -> bytes:
    """The name of a trailer, in small letters."""
    return line.partition(b":")[0].lower()


def joined(one: bytes, other: bytes) -> bytes:
    """The message of a patch that another was folded into: both texts, each trailer once."""
    body, trailers = split_trailers(one)
    more, others = split_trailers(other)
    names = {trailer_name(line) for line in trailers}
    for line in others:
        if line not in trailers and not (trailer_name(line) in _ONCE and names & {*_ONCE}):
            trailers.append(line)
    return with_trailers(body + b"\n\n" + more, trailers)


def one_line(text: str, what: str) -> bytes:
    """What somebody typed as ``what``, one line of a message; :class:`UserError` if it is none."""
    if not text.strip() or re.search(r"[\r\n\0\ud800-\udfff]", text):
        raise UserError(f"{text!r} is no {what}", fix=f"give the {what} as one line, in UTF-8")
    return text.strip().encode()


def with_trailer(message: bytes, name: str, value: bytes) -> bytes:
    """A message whose trailer ``name`` is ``value``, in the place of the ones it had."""
    body, trailers = split_trailers(message)
    line = b"%s: %s" % (name.encode(), value)
    at = [trailer_name(each) == name.lower().encode() for each in trailers]
    if any(at):
        trailers[at.index(True)] = line
        trailers = [each for each, old in zip(trailers, at, strict=True) if not old or each == line]
    else:
        trailers.insert(0, line)
    return with_trailers(body, trailers)


def header(author: Signature, message: bytes) -> bytes:
    """The header of a patch file that has no diff yet."""
    stamp, _, zone = author.date.decode().partition(" ")
    hours, minutes = int(zone[1:3]), int(zone[3:5])
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone.startswith("-") else 1)
    date = format_datetime(datetime.fromtimestamp(int(stamp), timezone(offset)))
    subject, _, body = message.strip(b"\n").partition(b"\n")
    lines = (
        b"From: %s <%s>" % (author.name, author.email),
        b"Date: %s" % date.encode(),
        b"Subject: %s" % subject,
    )
    return b"\n".join(lines) + b"\n\n" + body.strip(b"\n") + b"\n\n---\n"
