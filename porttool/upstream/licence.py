"""Which licence an upstream says it has, as an SPDX identifier."""

import re
from collections import Counter

from porttool.git import Repository, TreeEntry

#: Sentences that only the named licence holds (white space folded, case ignored), the more
#: particular one first. Identifiers are those of the SPDX licence list.
_SENTENCES = (
    ("Apache-2.0", ("apache license", "version 2.0, january 2004")),
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3, 19 november 2007")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3, 29 june 2007")),
    ("GPL-3.0-only", ("gnu general public license", "version 3, 29 june 2007")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1, february 1999")),
    ("GPL-2.0-only", ("gnu general public license", "version 2, june 1991")),
    ("MPL-2.0", ("mozilla public license version 2.0",)),
    ("BSL-1.0", ("boost software license - version 1.0",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    (
        "BSD-3-Clause",
        ("redistribution and use in source and binary forms", "endorse or promote products"),
    ),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("Zlib", ("this software is provided 'as-is', without any express or implied warranty",)),
)

_FILE = re.compile(rb"(?:.*/)?(?:LICEN[CS]E|COPYING)(?:[.-].*)?", re.IGNORECASE)
_TAG = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]+?)[ \t]*(?:\*/|-->|\r?\n|$)")

UNKNOWN = "NOASSERTION"


def license_files(repository: Repository, commit: str) -> list[bytes]:
    """Paths of the licence texts of a tree, those nearest to its root first."""
    paths = [path for path in _files(repository, commit) if _FILE.fullmatch(path)]
    return sorted(paths, key=lambda path: (path.count(b"/"), path))


def detect_license(repository: Repository, commit: str) -> str:
    """The SPDX expression of the licence of a commit's tree, or ``NOASSERTION``.

    Taken from the ``SPDX-License-Identifier`` tags of the sources where they all agree, else from
    the text of the licence file.
    """
    files = _files(repository, commit)
    sources = [entry.oid for path, entry in files.items() if path.endswith((b".c", b".h"))]
    tags: Counter[str] = Counter()
    with repository.cat_file() as objects:
        for oid in sources[:2000]:
            if match := _TAG.search(objects.read(oid)[:4096]):
                tags[match[1].decode().strip()] += 1
        if len(tags) == 1 and tags.total() * 2 >= len(sources):
            return next(iter(tags))
        for path in license_files(repository, commit):
            text = re.sub(
                r"\s+", " ", objects.read(files[path].oid).decode("utf-8", "replace")
            ).lower()
            for name, sentences in _SENTENCES:
                if all(sentence in text for sentence in sentences):
                    return name
    return UNKNOWN


def _files(repository: Repository, commit: str) -> dict[bytes, TreeEntry]:
    """The regular files of a tree: no links, and no submodules, which hold nothing to read."""
    tree = repository.tree(commit)
    return {path: entry for path, entry in tree.items() if entry.mode.startswith(b"100")}
