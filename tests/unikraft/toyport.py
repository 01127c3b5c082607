"""A port of a toy exporter, small enough to be read here, whole enough to be served."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from porttool.unikraft import provides, table
from porttool.unikraft.emit import EmitInput, Upstream
from porttool.unikraft.render import render
from porttool.unikraft.requirements import UkmetricsLines, own_code, ukmetrics_lines
from porttool.workspace import EmitConfig, PortConfig

COMMIT_DATE = datetime(2024, 5, 17, 12, 0, 0, tzinfo=UTC)

UPSTREAM = {
    "LICENSE": "Permission is granted to do with this toy what you like.\n",
    "README": "toy\n",
    "include/toy/page.h": "#pragma once\nextern const char *page(void);\n",
    "src/page.c": '#include <toy/page.h>\n#include "text.inc"\n\n'
    "const char *page(void)\n{\n\treturn TEXT;\n}\n",
    "src/text.inc": '#define TEXT "toy_up 1\\n"\n',
    "src/unused.h": "#error not included by anything\n",
    "src/main.c": """\
#include <stdio.h>
#include <toy/page.h>

int main(void)
{
	fputs(page(), stdout);
	return 0;
}
""",
    "tests/main.c": "#error not a source of the library\n",
}

SERVE = """\
#include <errno.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <toy/page.h>
#include <ukm.h>

#define HEAD "HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\n"
#define FORMAT HEAD "%stoy_samples %u\\n"

static int count(const struct ukm_sample *sample, void *arg)
{
	(void)sample;
	++*(unsigned int *)arg;
	return 0;
}

static void answer(int client)
{
	char request[1024], reply[512];
	unsigned int samples = 0;
	int len;

	if (recv(client, request, sizeof(request), 0) <= 0)
		return;
	ukm_collect(count, &samples);
	len = snprintf(reply, sizeof(reply), FORMAT, page(), samples);
	send(client, reply, len, MSG_NOSIGNAL);
}

int toy_exporter_serve(const struct ukm_config *config)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int server, client, on = 1;

	address.sin_port = htons(config->port);
	if (inet_pton(AF_INET, config->address, &address.sin_addr) != 1)
		return -EINVAL;
	server = socket(AF_INET, SOCK_STREAM, 0);
	if (server < 0)
		return -errno;
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	if (listen(server, 16))
		return -errno;
	for (;;) {
		client = accept(server, NULL, NULL);
		if (client < 0)
			continue;
		answer(client);
		close(client);
	}
}
"""

CONFIG = PortConfig(
    name="toy-exporter",
    url="https://example.org/toy-exporter.git",
    unikraft="0.16.3",
    sources=("src/*.c",),
    includes=("include",),
    defines=("TOY", 'GREETING="hello world"'),
    cflags=("-fno-common",),
    summary="A toy that serves next to nothing",
    stack_size=32768,
)


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True
    ).stdout


def checkout(repository: Path, revision: str, target: Path) -> Path:
    target.mkdir()
    git(repository, f"--work-tree={target}", "checkout", "-f", revision, "--", ".")
    return target


def commit_all(repository: Path, subject: str) -> None:
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "-m", subject)


def export_patches(repository: Path, base: str) -> tuple[tuple[str, bytes], ...]:
    patches = []
    revisions = git(repository, "rev-list", "--reverse", f"{base}..HEAD").decode().split()
    for position, revision in enumerate(revisions, start=1):
        subject = git(repository, "log", "-1", "--format=%f", revision).decode().strip()
        flags = "--stdout --no-numbered --keep-subject --no-stat --no-signature --zero-commit"
        patch = git(
            repository, "format-patch", "-1", "--full-index", "--binary", "-M", *flags.split(),
            revision,
        )  # fmt: skip
        patches.append((f"{position:04}-{subject}.patch", patch))
    return tuple(patches)


@dataclass(frozen=True, slots=True)
class ToyPort:
    """A repository with the pinned commit and one commit a patch, and what to emit of it."""

    repository: Path
    input: EmitInput


def make_port(
    root: Path,
    upstream: Mapping[str, str | bytes],
    changes: Sequence[Mapping[str, str | bytes | None]],
    **settings: Any,
) -> EmitInput:
    """Commit ``upstream``, then each of ``changes`` (None removes a file) as a patch over it."""
    repository = root / "repository"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "-b", "main")
    write_files(repository, upstream)
    commit_all(repository, "upstream")
    git(repository, "tag", "pin")
    for number, change in enumerate(changes, start=1):
        for path in [path for path, content in change.items() if content is None]:
            git(repository, "rm", "--quiet", path)
        write_files(repository, {p: c for p, c in change.items() if c is not None})
        commit_all(repository, f"Change number {number}")
    return port_of(repository, root, **settings)


def port_of(repository: Path, root: Path, **settings: Any) -> EmitInput:
    """What to emit of a repository whose tag ``pin`` is the upstream and whose head the port."""
    commit, tree, patched_tree = (
        git(repository, "rev-parse", revision).decode().strip()
        for revision in ("pin", "pin^{tree}", "HEAD^{tree}")
    )
    return EmitInput(
        config=replace(CONFIG, **settings),
        upstream=Upstream(
            name=CONFIG.name,
            url=CONFIG.url,
            ref="v0.3",
            commit=commit,
            tree=tree,
            date=COMMIT_DATE,
            license="MIT",
            license_file="LICENSE",
        ),
        pinned_tree=checkout(repository, "pin", root / "pinned"),
        patched_tree=checkout(repository, "HEAD", root / "patched"),
        patches=export_patches(repository, "pin"),
        series_digest="d" * 64,
        series_tree=patched_tree,
    )


def toy_port(root: Path, **settings: Any) -> EmitInput:
    """The toy exporter and a series of two: a file moved and changed, ``main`` replaced."""
    return make_port(
        root,
        UPSTREAM,
        [
            {"src/text.inc": None, "src/texts.inc": '#define TEXT "toy_up 1\\n"\n',
             "src/page.c": UPSTREAM["src/page.c"].replace("text.inc", "texts.inc")},
            {"src/main.c": SERVE},
        ],
        **settings,
    )  # fmt: skip


def fetched(**settings: Any) -> dict[str, Any]:
    return {"emit": EmitConfig(mode="fetch", **settings)}


@cache
def ukmetrics(release: str = CONFIG.unikraft) -> UkmetricsLines:
    """What lib-ukmetrics has to say in its Config.uk, with no port beside it."""
    known, catalogue = provides.shipped(release), table.shipped_catalogue(release)
    target = render("target.h.j2", version=table.version(release))
    mapping = table.available(table.shipped_mapping(), catalogue)
    return ukmetrics_lines(own_code(b"", target, known), known, catalogue, mapping)
