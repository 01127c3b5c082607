from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.upstream.licence import UNKNOWN, detect_license, license_files
from tests.support import Files, Upstream, git

BSD = "Redistribution and use in source\n and binary forms, with or without ...\n"
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of\n"


def detect(tmp_path: Path, files: Files) -> str:
    upstream = Upstream.make(tmp_path / "up", files)
    repository = Repository(upstream.path / ".git")
    return detect_license(repository, git(upstream.path, "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"LICENSE": BSD + "to endorse or promote products derived from this"}, "BSD-3-Clause"),
        ({"COPYING.txt": BSD}, "BSD-2-Clause"),
        ({"doc/LICENCE": MIT, "a.c": "int x;\n"}, "MIT"),
        ({"LICENSE": MIT, "a.c": "/* SPDX-License-Identifier: Apache-2.0 */\n"}, "Apache-2.0"),
        (
            {
                "LICENSE": MIT,
                "a.c": "// SPDX-License-Identifier: ISC\n",
                "b.c": "// SPDX-License-Identifier: 0BSD\n",
            },
            "MIT",
        ),
        ({"a.c": "int x;\n"}, UNKNOWN),
        ({"LICENSE": "All rights reserved.\n"}, UNKNOWN),
    ],
)
def test_licences(tmp_path: Path, files: Files, wanted: str) -> None:
    assert detect(tmp_path, files) == wanted


def test_the_text_nearest_to_the_root_comes_first(tmp_path: Path) -> None:
    upstream = Upstream.make(
        tmp_path / "up", {"lib/COPYING": "x", "LICENSE.md": "y", "licensed.c": ""}
    )
    repository = Repository(upstream.path / ".git")
    assert license_files(repository, "HEAD") == [b"LICENSE.md", b"lib/COPYING"]
