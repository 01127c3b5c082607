"""What a rebase does without asking git comes to what git makes of every patch by itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from porttool.git import Change, Repository, Signature
from porttool.series.exporter import _format_patches
from porttool.series.outcome import Verdict
from porttool.series.patch import parse
from porttool.series.rebase import Pick, Rebased, rebasing
from tests.support import git

#: A tree: path to mode and content.
Tree = dict[bytes, tuple[bytes, bytes]]

WHO = Signature(b"Ada Author", b"ada@example.org", b"1700000000 +0100")
PATHS = [b"a.c", b"b.c", b"src/c.c", b"src/d.c", b"src/deep/e.c", b"lib/f.c", b"n\new.c"]
FOLDERS = [b"src", b"lib", b"lib2", b"src/deep", b"moved"]


def lines(salt: int, count: int = 14) -> bytes:
    """A file in which some lines are like others: ``}`` stands everywhere."""
    return b"".join(b"}\n" if at % 4 == 3 else b"line %d %d\n" % (salt, at) for at in range(count))


BASE: Tree = {path: (b"100644", lines(at)) for at, path in enumerate(PATHS[:6])}
BASE[b"bin"] = (b"100644", b"\0\1\2" * 20)
BASE[b"link"] = (b"120000", b"a.c")


@dataclass(frozen=True)
class Step:
    """One change to a tree, told by numbers so that it fits any tree."""

    kind: str
    file: int
    line: int
    text: int

    def __call__(self, tree: Tree) -> Tree:
        """The tree with the change; the same tree where it has nothing to change."""
        tree = dict(tree)
        path = sorted(tree)[self.file % len(tree)]
        mode, content = tree[path]
        other = PATHS[self.text % len(PATHS)]
        if self.kind == "edit" and mode != b"120000":
            parts = content.split(b"\n")
            at = self.line % len(parts)
            parts[at] = (b"}", b"new %d" % self.text, parts[at] + b" more", b"")[self.text % 4]
            tree[path] = mode, b"\n".join(parts)
        elif self.kind == "insert" and mode != b"120000":
            parts = content.split(b"\n")
            parts.insert(self.line % len(parts), (b"}", b"added %d" % self.text)[self.text % 2])
            tree[path] = mode, b"\n".join(parts)
        elif self.kind == "mode" and mode != b"120000":
            tree[path] = b"100755" if mode == b"100644" else b"100644", content
        elif self.kind == "add" and fits(tree, other):
            tree[other] = b"100644", lines(self.text, 6)
        elif self.kind == "delete" and len(tree) > 2:
            del tree[path]
        elif self.kind == "rename" and fits(tree, other):
            tree[other] = tree.pop(path)
        elif self.kind == "link":
            tree[path] = b"120000", b"target %d" % self.text
        elif self.kind == "folder":
            old, new = (FOLDERS[n % len(FOLDERS)] + b"/" for n in (self.file, self.text))
            moved = {p: new + p.removeprefix(old) for p in tree if p.startswith(old)}
            rest = {p: e for p, e in tree.items() if p not in moved}
            if old != new and all(fits(rest, p) for p in moved.values()):
                tree = rest | {moved[p]: tree[p] for p in moved}
        return tree


def fits(tree: Tree, path: bytes) -> bool:
    """Whether a file can be put at ``path``."""
    parents = [path[:at] for at, byte in enumerate(path) if byte == ord("/")]
    return path not in tree and not any(
        parent in tree or there.startswith(path + b"/") for there in tree for parent in [*parents]
    )


KINDS = ["edit"] * 6 + ["insert"] * 4 + ["mode", "add", "delete", "rename", "link", "folder"]
STEPS = st.builds(
    Step, st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 15), st.integers(0, 7)
)
COMMIT = st.lists(STEPS, min_size=1, max_size=3)
SERIES = st.lists(COMMIT, min_size=1, max_size=5)
CHANGE = st.lists(COMMIT, min_size=1, max_size=3)


class Store:
    """A store with a base commit, into which the examples of a test are written."""

    def __init__(self, root: Path) -> None:
        self.repository = Repository.init_bare(root / "store.git")
        self.base = self.commits(None, {}, [lambda _: BASE])[0]

    def commits(
        self, parent: str | None, tree: Tree, steps: list[Callable[[Tree], Tree]]
    ) -> list[str]:
        """A commit for each step that changes something, one on the other."""
        made: list[str] = []
        with self.repository.fast_import() as writer:
            for step in steps:
                new = step(tree)
                if new == tree:
                    continue
                gone: list[Change] = [(path, None) for path in tree if path not in new]
                there: list[Change] = [(p, e) for p, e in new.items() if tree.get(p) != e]
                message = b"Patch %d\n" % len(made)
                parent = writer.commit("refs/t", WHO, message, [*gone, *there], parent)
                made.append(parent)
                tree = new
        return made

    def picks(self, commits: list[str]) -> list[Pick]:
        """The series that is made of these commits."""
        if not commits:
            return []
        contents = _format_patches(self.repository, self.base, commits[-1])
        patches = [parse(f"{at}.patch", content) for at, content in enumerate(contents)]
        below = [self.base, *commits]
        return [Pick(*each) for each in zip(patches, commits, below, strict=False)]


def of(changes: list[list[Step]]) -> list[Callable[[Tree], Tree]]:
    """A function a commit."""

    def all_of(steps: list[Step]) -> Callable[[Tree], Tree]:
        def step(tree: Tree) -> Tree:
            for each in steps:
                tree = each(tree)
            return tree

        return step

    return [all_of(steps) for steps in changes]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("shortcuts"))


EXAMPLES = int(os.environ.get("PORTTOOL_EXAMPLES", "30"))
CAREFUL = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@CAREFUL
@given(SERIES, st.lists(CHANGE, min_size=1, max_size=3))
def test_the_same_verdicts_and_commits(
    store: Store, series: list[list[Step]], upstreams: list[list[list[Step]]]
) -> None:
    todo = store.picks(store.commits(store.base, BASE, of(series)))
    tips = [(store.commits(store.base, BASE, of(each)) or [store.base])[-1] for each in upstreams]
    found: list[dict[bool, list[Rebased]]] = []
    for shortcuts in (True, False):
        with rebasing(store.repository, store.base, shortcuts=shortcuts) as rebaser:
            found.append(
                {
                    on: [rebaser.rebase(tip, todo, leave_out_conflicts=on) for tip in tips]
                    for on in (True, False)
                }
            )
    assert found[0] == found[1]
    with rebasing(store.repository, store.base) as rebaser:
        forecasts = rebaser.forecast(tips, todo)
    for forecast, rebased in zip(forecasts, found[1][True], strict=True):
        assert forecast == tuple(replace(o, commit=None) for o in rebased.outcomes)


@CAREFUL
@given(SERIES, CHANGE)
def test_the_tree_of_git_rebase(
    store: Store, tmp_path: Path, series: list[list[Step]], upstream: list[list[Step]]
) -> None:
    commits = store.commits(store.base, BASE, of(series))
    tip = (store.commits(store.base, BASE, of(upstream)) or [store.base])[-1]
    with rebasing(store.repository, store.base) as rebaser:
        moved = rebaser.rebase(tip, store.picks(commits), leave_out_conflicts=True)
    if not commits or any(
        o.verdict in (Verdict.CONFLICT, Verdict.ABSORBED) for o in moved.outcomes
    ):
        return
    folder = tmp_path / "work"
    if not folder.exists():
        git(tmp_path, "clone", "--quiet", "--shared", str(store.repository.git_dir), str(folder))
    git(folder, "checkout", "--quiet", "--force", "--detach", commits[-1])
    git(folder, "rebase", "--quiet", "--onto", tip, store.base)
    trees = [
        git(folder, "rev-parse", "HEAD^{tree}"),
        store.repository.run("rev-parse", f"{moved.head}^{{tree}}").decode().strip(),
    ]
    assert trees[0] == trees[1]
