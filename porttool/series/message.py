"""The message of a patch: its text, and the trailers that end it (git-interpret-trailers(1))."""

import re

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
