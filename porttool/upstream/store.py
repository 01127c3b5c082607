"""Where upstream's objects are kept: one bare mirror per URL in the user's cache.

An upstream is untrusted. Its URL and refs are checked before git sees them; nothing of it is
executed: no hooks, no filters, no submodules, no ``ext::``.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from porttool import git
from porttool.errors import UserError
from porttool.git import Repository
from porttool.upstream import reference
from porttool.upstream.lock import Pin

#: Called with what is being done, how much of it is done, and the whole of it (None: not known).
ProgressFn = Callable[[str, float, float | None], None]

_REF = re.compile(r"[A-Za-z0-9_][\w./+@-]*")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


class UnreachableError(UserError):
    """The upstream does not answer. What the cache holds can still be used."""


def check_url(url: str) -> str:
    """The URL itself, if it may be given to git; :class:`UserError` otherwise."""
    git.executable()
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"  # GitPython need not look for it again
    from git import Git
    from git.exc import UnsafeProtocolError

    refused = UserError(
        f"this upstream URL is refused: {url!r}",
        why="only https, http, ssh, git and file URLs and plain paths are fetched from; "
        "a helper such as ext:: would run a command",
        fix="give the URL as https://HOST/PATH or as a path",
    )
    if not url or url.startswith("-") or any(ord(c) < 32 or ord(c) == 127 for c in url):
        raise refused
    try:
        Git.check_unsafe_protocols(url)
    except UnsafeProtocolError:
        raise refused from None
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", url)
    if scheme is not None and scheme[1] not in ("https", "http", "ssh", "git", "file"):
        raise refused
    host = re.match(r"(?:ssh://)?(?:[^/@]*@)?([^/:]*)", url)
    if host is not None and host[1].startswith("-"):
        raise refused
    return url


def check_ref(ref: str) -> str:
    """The ref itself, if it is a plain name; :class:`UserError` for an option or an expression."""
    if not _REF.fullmatch(ref) or ".." in ref or "@{" in ref or ref.endswith((".lock", "/", ".")):
        raise UserError(
            f"this is not the name of a tag, a branch or a commit: {ref!r}",
            fix="name a ref such as v1.2.0, main or a commit id",
        )
    return ref


class Mirror:
    """The cached mirror of one upstream: its heads and tags under their own names."""

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self.repository = Repository(path)

    @classmethod
    def of(cls, url: str) -> "Mirror":
        """The mirror of ``url``, which need not exist yet. Relative paths must be made absolute."""
        if (name := reference.bundled_name(url)) is not None:
            return cls(url, _cache() / f"bundled-{name}-{reference.digest(name)[:16]}.git")
        check_url(url)
        slug = re.sub(r"[^A-Za-z0-9.-]+", "-", url.rstrip("/").rsplit("/", 1)[-1])[:40].strip("-.")
        key = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return cls(url, _cache() / f"{slug or 'upstream'}-{key}.git")

    @property
    def exists(self) -> bool:
        """Whether anything was fetched yet."""
        return (self.repository.git_dir / "HEAD").is_file()

    def fetch(self, progress: ProgressFn | None = None, commit: str | None = None) -> None:
        """Bring heads and tags up to date, and ``commit`` too if no ref reaches it.

        Raises :class:`UnreachableError` when the upstream does not answer.
        """
        with _locked(self.repository.git_dir):
            name = reference.bundled_name(self.url)
            if not self.exists:
                self._create(name)
            if name is not None:
                return
            refspecs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._fetch(refspecs, progress, "--prune")
            if commit is not None and self.repository.resolve(f"{commit}^{{commit}}") is None:
                with suppress(UnreachableError):  # it answered above: it has no such commit
                    self._fetch((commit,), progress)

    def _create(self, bundled: str | None) -> None:
        if bundled is None:
            _create_whole(self.repository.git_dir)
        else:
            _create_whole(self.repository.git_dir, lambda new: reference.replay(bundled, new))

    def _fetch(self, what: tuple[str, ...], progress: ProgressFn | None, *options: str) -> None:
        args = ["fetch", "--no-tags", "--force", "--no-recurse-submodules", "--no-write-fetch-head"]
        args += ["--progress" if progress else "--quiet", "--no-auto-maintenance", *options]
        command = [git.executable(), *git.SETTINGS, f"--git-dir={self.repository.git_dir}"]
        with git.child([*command, *args, "--", self.url, *what], writes=False) as process:
            said = _follow(process, progress)
            process.wait()
        if process.returncode:
            raise UnreachableError(
                f"cannot fetch the upstream {self.url}",
                why="\n".join(said[-8:]) or f"git fetch ended with status {process.returncode}",
                fix="is it a git repository, and reachable? What was fetched before is kept",
            )

    def pin(self, ref: str) -> Pin | None:
        """The pin that ``ref`` names now, or None. A tag wins over a branch, then a commit id."""
        return self.pins([ref])[0]

    def pins(self, refs: Sequence[str]) -> list[Pin | None]:
        """What :meth:`pin` says of each of ``refs``."""
        names = {ref: [f"refs/tags/{ref}", f"refs/heads/{ref}"] for ref in map(check_ref, refs)}
        for ref in filter(_COMMIT.fullmatch, names):
            names[ref].append(ref)
        commits = self._commits([name for each in names.values() for name in each])
        found = {
            ref: next((commits[name] for name in each if name in commits), None)
            for ref, each in names.items()
        }
        facts = self._facts([commit for commit in found.values() if commit is not None])
        return [
            Pin(self.url, ref, commit, *facts[commit]) if (commit := found[ref]) else None
            for ref in refs
        ]

    def describe(self, commit: str, ref: str) -> Pin:
        """The pin of a commit that is in the mirror."""
        return Pin(self.url, ref, commit, *self._facts([commit])[commit])

    def _facts(self, commits: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Tree and date of commits."""
        if not commits:
            return {}
        options = ("--stdin", "--no-walk=unsorted", "--format=%H%x00%T%x00%cI")
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        lines = self.repository.run("log", *options, stdin=asked).decode().split()
        said = (line.split("\0") for line in lines)
        return {commit: (tree, date) for commit, tree, date in said}

    def _commits(self, names: Sequence[str]) -> dict[str, str]:
        """The commits that full names of refs, or ids, stand for; without those that are none."""
        asked = "".join(f"{name}^{{commit}}\n" for name in names).encode()
        out = self.repository.run("cat-file", "--batch-check=%(objectname)", stdin=asked).decode()
        answers = zip(names, out.splitlines(), strict=True)
        return {name: answer for name, answer in answers if re.fullmatch(r"[0-9a-f]+", answer)}

    def is_tag(self, ref: str) -> bool:
        """Whether ``ref`` is a tag: a name that must not move."""
        return self.repository.resolve(f"refs/tags/{ref}") is not None

    def is_branch(self, ref: str) -> bool:
        """Whether ``ref`` is a branch: a name that may move."""
        return self.repository.resolve(f"refs/heads/{ref}") is not None

    def _tags(self) -> list[str]:
        """The tags that name a commit, in the order of their versions."""
        form = "%(refname:strip=2) %(objecttype) %(*objecttype)"
        args = ("for-each-ref", "--sort=version:refname", f"--format={form}", "refs/tags")
        lines = self.repository.run(*args).decode("utf-8", "replace").splitlines()
        named = (line.split(" ") for line in lines)
        return [tag for tag, *kinds in named if "commit" in kinds and _REF.fullmatch(tag)]

    def newest_tag(self) -> str | None:
        """The tag with the highest version, a pre-release only for want of others, or None."""
        return next(reversed(_released(self._tags())), None)

    def newer_releases(self, pin: Pin) -> list[str]:
        """The release tags that come after ``pin``, in the order of their versions.

        These stand on the pin's commit, or have a higher version than its tag: a release need not
        stand on the one before, which may have been made on a branch of its own. Pre-releases
        count only where upstream has nothing else.
        """
        tags = self._tags()
        prefix = _before_version(pin.ref)
        later = tags[tags.index(pin.ref) + 1 :] if pin.ref in tags else []
        later = [tag for tag in later if _before_version(tag) == prefix]
        wanted = {*later, *self.newer(pin)} - {pin.ref}
        return [
            tag
            for tag in _released(tags)
            if tag in wanted
            and self.repository.resolve(f"refs/tags/{tag}^{{commit}}") != pin.commit
        ]

    def newer(self, pin: Pin) -> list[str]:
        """The tags that stand on commits with ``pin`` among their ancestors, oldest first.

        The newest commit of the default branch ends the list when no tag names it.
        """
        args = ("for-each-ref", "--sort=creatordate", "--sort=version:refname", "--contains")
        out = self.repository.run(*args, pin.commit, "--format=%(refname:strip=2)", "refs/tags")
        tags = [tag for tag in out.decode("utf-8", "replace").split() if _REF.fullmatch(tag)]
        commits = self._commits([f"refs/tags/{tag}" for tag in tags])
        refs = [tag for tag in tags if commits.get(f"refs/tags/{tag}") != pin.commit]
        branch = self.default_branch()
        if branch is not None:
            newest = self.repository.resolve(f"refs/heads/{branch}^{{commit}}")
            if newest not in (pin.commit, *commits.values()):
                refs.append(branch)
        return refs

    def default_branch(self) -> str | None:
        """The branch that a pin without a tag takes: main, master, or the only one."""
        out = self.repository.run("for-each-ref", "--format=%(refname:strip=2)", "refs/heads")
        heads = out.decode("utf-8", "replace").split()
        return next((h for h in ("main", "master", "trunk") if h in heads), next(iter(heads), None))


def _released(tags: list[str]) -> list[str]:
    """The tags without the pre-releases, unless there are only those."""
    pre = re.compile(r"(rc|alpha|beta|pre)[.\d-]*$", re.IGNORECASE)
    return [tag for tag in tags if not pre.search(tag)] or tags


def _before_version(tag: str) -> str:
    """What stands before the digits of a tag: ``v`` of ``v1.2.0``."""
    return re.split(r"\d", tag, maxsplit=1)[0]


def _create_whole(target: Path, fill: Callable[[Repository], None] | None = None) -> None:
    """Make a bare repository beside its place and move it there, so that it is never half made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-"
    for begun in target.parent.glob(f"{prefix}*"):  # by a porttool that was killed
        shutil.rmtree(begun, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as scratch:
        repository = Repository.init_bare(Path(scratch) / "new")
        if fill is not None:
            fill(repository)
        repository.git_dir.rename(target)


def open_store(git_dir: Path, mirror: Mirror) -> Repository:
    """The private store of a workspace, which borrows upstream's objects from the mirror."""
    if not (git_dir / "HEAD").is_file():
        shutil.rmtree(git_dir, ignore_errors=True)
        _create_whole(git_dir)
    alternates = git_dir / "objects" / "info" / "alternates"
    wanted = f"{mirror.repository.git_dir / 'objects'}\n"
    if not alternates.is_file() or alternates.read_text() != wanted:
        alternates.parent.mkdir(parents=True, exist_ok=True)
        alternates.write_text(wanted)
    return Repository(git_dir)


def borrow_tags(store: Repository, mirror: Mirror) -> None:
    """Give the store upstream's tags, so that a worktree can be rebased onto one by its name.

    Tags that the maintainer made in the worktree stay.
    """
    where = str(mirror.repository.git_dir)
    store.run("fetch", "--quiet", "--no-tags", "--", where, "+refs/tags/*:refs/tags/*")


def _cache() -> Path:
    return platformdirs.user_cache_path("porttool").absolute() / "upstreams"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the mirror, so that two porttools do not create or fetch it at once.

    Nobody else works in it, so a lock that git has left there is of one that was killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for stale in Repository(path).ref_locks():
            stale.unlink()
        with git.handing_down(handle.fileno()):
            yield


def _follow(process: subprocess.Popen[bytes], progress: ProgressFn | None) -> list[str]:
    """Read git's stderr to its end, feed the progress display, give the other lines back."""
    from git.remote import RemoteProgress

    stages = {
        RemoteProgress.COUNTING: "Counting",
        RemoteProgress.COMPRESSING: "Compressing",
        RemoteProgress.RECEIVING: "Receiving",
        RemoteProgress.RESOLVING: "Resolving",
    }

    class Report(RemoteProgress):
        def update(
            self,
            op_code: int,
            cur_count: str | float,
            max_count: str | float | None = None,
            message: str = "",
        ) -> None:
            if progress is not None:
                whole = float(max_count) if max_count else None
                progress(stages.get(op_code & self.OP_MASK, "Fetching"), float(cur_count), whole)

    report = Report()
    handle = report.new_message_handler()
    if process.stderr is None:
        raise AssertionError("git was started without a pipe for its stderr")
    pending = b""
    while chunk := process.stderr.read1(4096):  # type: ignore[attr-defined]
        *lines, pending = re.split(rb"[\r\n]", pending + chunk)
        for line in lines:
            handle(line.decode("utf-8", "replace"))
    if pending:
        handle(pending.decode("utf-8", "replace"))
    return [line.strip() for line in [*report.error_lines, *report.other_lines] if line.strip()]
