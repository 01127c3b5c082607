"""The one door to git.

Every git process runs with the user's and the system's configuration, attributes, hooks and
``GIT_*`` environment shut out, so that none of them changes a result. Objects are read and
written in bulk through two long-lived processes, ``cat-file --batch`` and ``fast-import``.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from porttool.errors import ExitCode, PorttoolError, UserError
from porttool.interrupts import deferred

#: What a git process may know of the user's environment: where programs and keys are, and how
#: to get out to the network.
_KEPT_ENVIRONMENT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)

#: Transports that an upstream may use. ``ext`` runs commands, the rest is unknown to us.
_PROTOCOLS = "file:git:http:https:ssh"

#: Attributes that an upstream's own ``.gitattributes`` must not set in the store: each would make
#: a checkout or a diff depend on something other than the blobs.
_INFO_ATTRIBUTES = (
    "* -text -ident -filter -working-tree-encoding !eol !diff !merge !export-ignore !export-subst\n"
)

MINIMUM_VERSION = (2, 31)

_GIT_DIR = "--git-dir="

#: A file system in memory (shm_overview(7)), and how many free bytes it needs to be used.
_MEMORY = Path("/dev/shm")
_PLENTY = 512 << 20

#: With fewer free bytes than this, a git that failed and did not say why failed for want of room.
_NEARLY_FULL = 1 << 20

#: What git says (in the C locale) when the machine or a damaged repository is to blame, and what
#: helps. Anything else that git refuses is a bug of porttool's.
_OUTER_CAUSES = (
    (r"No space left on device|Disk quota exceeded|File too large", "make room on the disk"),
    (r"Read-only file system", "the file system is read-only"),
    (r"Permission denied", "check the permissions"),
    (r"\.lock': File exists", "if no git is at work there, remove that lock file"),
    (
        r"not a git repository|bad object|bad tree|corrupt|unable to read|invalid object|is empty|"
        r"unable to find|missing (blob|tree|commit)|cannot be loaded|object file|too small",
        "the repository is damaged: move it away (commits of the worktree that are not in patches/ "
        "are in it), and porttool makes it anew",
    ),
)


class GitKilled(PorttoolError):
    """A git process was ended by a signal, so its answer is not known. No GitError: no failure."""

    exit_code = ExitCode.USER_ERROR

    def __init__(self, command: Sequence[str], number: int) -> None:
        super().__init__(
            f"git {_verb(command)} was ended by signal {number}",
            why="somebody killed it, or the machine ran out of memory",
            fix="run the command again",
        )


class GitError(PorttoolError):
    """A git process failed in a way that nobody expected."""

    def __init__(self, command: Sequence[str], status: int, stderr: bytes) -> None:
        self.command = tuple(command)
        self.status = status
        self.stderr = stderr.decode("utf-8", "replace").strip()
        git_dir = next((a.removeprefix(_GIT_DIR) for a in command if a.startswith(_GIT_DIR)), None)
        super().__init__(
            f"git {_verb(command)} failed with status {status}",
            where=git_dir,
            why=self.stderr,
        )
        for pattern, fix in _OUTER_CAUSES:
            if re.search(pattern, self.stderr):
                self.exit_code = ExitCode.USER_ERROR
                self.fix = fix
                return
        named = (a.removeprefix(_GIT_DIR) for a in command)
        places = [*(Path(a) for a in named if a.startswith("/")), Path(tempfile.gettempdir())]
        if refusal := next(filter(None, map(_refusal, places)), None):
            self.exit_code = ExitCode.USER_ERROR
            self.why = f"{self.stderr}\n{refusal}"
            self.fix = "make room there and try again"


def _verb(command: Sequence[str]) -> str:
    words = (a for a in command if a not in SETTINGS and not a.startswith(("-", "/")))
    return next(words, "")


def _failure(command: Sequence[str], status: int, stderr: bytes) -> PorttoolError:
    """What to raise for a git that ended with ``status``, as :mod:`subprocess` gives it."""
    return GitKilled(command, -status) if status < 0 else GitError(command, status, stderr)


def _refusal(path: Path) -> str | None:
    """Why nothing can be written at ``path``, if so: git does not always say it."""
    there = next(each for each in (path, *path.parents) if each.exists())
    disk = os.statvfs(there)
    free = disk.f_bavail * disk.f_frsize
    if free < _NEARLY_FULL:
        return f"No space left on device: {free} bytes are free at {there}"
    return f"Read-only file system at {there}" if disk.f_flag & os.ST_RDONLY else None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a tree: ``mode`` as git writes it (``100644``), ``oid`` in hexadecimal."""

    mode: bytes
    oid: str


def environment() -> dict[str, str]:
    """The environment of every git process that porttool starts."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return kept | {
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",  # looking at a worktree never takes its index.lock
        "GIT_ADVICE": "0",
    }


#: Settings that hold on every command line, whatever a repository's own config says.
SETTINGS = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", f"core.attributesFile={os.devnull}"),
    *("-c", f"core.excludesFile={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.autocrlf=false"),
    *("-c", "core.quotePath=true"),
    *("-c", "core.abbrev=no"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "diff.suppressBlankEmpty=false"),
    *("-c", "i18n.commitEncoding=UTF-8"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
    *("-c", "log.showSignature=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "submodule.recurse=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "fetch.fsckObjects=true"),
    *("-c", "advice.detachedHead=false"),
)


@cache
def executable() -> str:
    """Path of git; :class:`UserError` when there is none or it is too old."""
    path = shutil.which("git")
    if path is None:
        raise UserError("git is not installed", fix="install git, for example: apt-get install git")
    wanted = ".".join(map(str, MINIMUM_VERSION))
    try:
        done = subprocess.run([path, "version"], capture_output=True, env=environment(), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(
            "git does not run", where=path, why=str(error), fix=f"install git {wanted} or newer"
        ) from None
    text = done.stdout.decode("utf-8", "replace").strip()
    match = re.search(r"(\d+)\.(\d+)", text)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_VERSION:
        raise UserError(f"git is too old: {text}", where=path, fix=f"install git {wanted} or newer")
    return path


class Repository:
    """A git repository, named by its git directory."""

    def __init__(self, git_dir: Path, objects: Path | None = None) -> None:
        self.git_dir = git_dir
        self.objects = objects if objects is not None else git_dir / "objects"

    @classmethod
    def init_bare(cls, git_dir: Path) -> "Repository":
        """Create a bare repository in which upstream attributes have no effect."""
        git_dir.parent.mkdir(parents=True, exist_ok=True)
        command = [executable(), *SETTINGS, "init", "--quiet", "--bare", "--template="]
        _run([*command, "--initial-branch=main", str(git_dir)], None, None)
        (git_dir / "info").mkdir(exist_ok=True)
        (git_dir / "info" / "attributes").write_text(_INFO_ATTRIBUTES)
        return cls(git_dir)

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        cwd: Path | None = None,
        ok: tuple[int, ...] = (0,),
        index: Path | None = None,
    ) -> bytes:
        """Run a git command; gives its stdout. A status that is not in ``ok`` is a GitError.

        ``index`` is an index file to work on in place of the repository's own.
        """
        named = {} if index is None else {"GIT_INDEX_FILE": str(index)}
        return _run(self._command(args), stdin, cwd, ok, self._environment() | named)

    def status(self, *args: str, stdin: bytes | None = None) -> int:
        """Run a git command for its exit status alone."""
        command, environment_ = self._command(args), self._environment()
        with child(command, stdin is not None, environment_=environment_) as process:
            process.communicate(stdin)
        if process.returncode < 0:
            raise GitKilled(command[1:], -process.returncode)
        return process.returncode

    @property
    def is_apart(self) -> bool:
        """Whether new objects go to a place of their own; no ref may name them then."""
        return self.objects != self.git_dir / "objects"

    @contextmanager
    def apart(self) -> Iterator["Repository"]:
        """The repository with a place of its own for new objects, gone once the block is left.

        The place is in memory where there is plenty. What a killed process left of it goes first:
        who writes to a repository has it for himself.
        """
        name = hashlib.sha256(os.fsencode(self.git_dir.resolve())).hexdigest()[:16]
        prefix = f"porttool-{name}-"
        place = _MEMORY if _has_room(_MEMORY) else Path(tempfile.gettempdir())
        for left in place.glob(f"{prefix}*"):
            if left.lstat().st_uid == os.getuid():
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as folder:
            (Path(folder) / "info").mkdir()
            alternates = Path(folder) / "info" / "alternates"
            alternates.write_bytes(os.fsencode(self.objects.resolve()) + b"\n")
            yield Repository(self.git_dir, Path(folder))

    def _environment(self) -> dict[str, str]:
        apart = {"GIT_OBJECT_DIRECTORY": str(self.objects)} if self.is_apart else {}
        return environment() | apart

    def _command(self, args: Sequence[str]) -> list[str]:
        return [executable(), *SETTINGS, f"{_GIT_DIR}{self.git_dir}", *args]

    def resolve(self, revision: str) -> str | None:
        """The object id that ``revision`` names, or None. Never taken for an option."""
        try:
            out = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        except GitError:
            return None
        return out.decode().strip()

    def ref_locks(self) -> list[Path]:
        """The lock files at refs, here and in its worktrees: of a git at work, or of one killed.

        Their names are those of gitrepository-layout(5) and its refs backends. A git that lives
        holds such a lock for an instant; an index, for which one may hold it long, is not a ref.
        """
        heads = ("HEAD.lock", "ORIG_HEAD.lock")
        found = [self.git_dir / name for name in (*heads, "packed-refs.lock", "shallow.lock")]
        for base in (self.git_dir, *(self.git_dir / "worktrees").glob("*")):
            found += [base / name for name in heads if base != self.git_dir]
            found += [*(base / "refs").rglob("*.lock"), *(base / "reftable").glob("*.lock")]
        return sorted(path for path in found if path.is_file())

    def tree(self, tree_ish: str) -> dict[bytes, TreeEntry]:
        """Every file below a tree, by its path."""
        files = {}
        for record in self.run("ls-tree", "-r", "-z", "--full-tree", tree_ish).split(b"\0"):
            if record:
                meta, _, path = record.partition(b"\t")
                mode, _, oid = meta.split(b" ")
                files[path] = TreeEntry(mode, oid.decode())
        return files

    def export(self, tree_ish: str, directory: Path) -> Path:
        """Write the files of a tree below ``directory``, bytes unchanged; gives ``directory`` back.

        Symbolic links are written as git keeps them; submodules are left out.
        """
        directory.mkdir(parents=True, exist_ok=True)
        index = directory.parent / f".{directory.name}.index"
        try:
            for args in (["read-tree", tree_ish], ["checkout-index", "--all", "--force"]):
                self.run(f"--work-tree={directory}", *args, cwd=directory, index=index)
        finally:
            index.unlink(missing_ok=True)
        return directory

    @contextmanager
    def cat_file(self) -> Iterator["CatFile"]:
        """A long-lived ``git cat-file --batch``."""
        with self.long_lived("cat-file", "--batch") as process:
            yield CatFile(process)

    @contextmanager
    def fast_import(self) -> Iterator["FastImport"]:
        """A long-lived ``git fast-import``; what it wrote is there once the block is left."""
        command = ("fast-import", "--quiet", "--force", "--done", "--date-format=raw")
        with self.long_lived(*command) as process, FastImport(process) as writer:
            yield writer

    @contextmanager
    def long_lived(self, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        """A git process that answers until the block is left. Its failure is a GitError."""
        command = self._command(args)
        with child(command, writes=True, environment_=self._environment()) as process:
            try:
                yield process
                _, said = process.communicate()
            except (BrokenPipeError, EOFError):  # it ended before its work was done
                _close(process)
                said = process.stderr.read() if process.stderr is not None else b""
                raise _failure(command[1:], process.wait(), said) from None
            except Exception:
                _close(process)
                process.wait()
                raise
        if process.returncode:
            raise _failure(command[1:], process.returncode, said)


def _has_room(place: Path) -> bool:
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return os.access(place, os.W_OK) and disk.f_bavail * disk.f_frsize > _PLENTY


def _close(process: subprocess.Popen[bytes]) -> None:
    """Tell a long-lived child that nothing follows."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            with suppress(BrokenPipeError):  # it is gone already
                pipe.close()


#: Descriptors that every git process holds open.
_handed_down: tuple[int, ...] = ()


@contextmanager
def handing_down(descriptor: int) -> Iterator[None]:
    """Let every git that is started in the block hold ``descriptor`` open for as long as it lives.

    What is locked through it then stays so until the last of them is gone, also when porttool is
    killed and they are not.
    """
    global _handed_down
    before = _handed_down
    _handed_down = (*before, descriptor)
    try:
        yield
    finally:
        _handed_down = before


@contextmanager
def child(
    command: Sequence[str],
    writes: bool,
    cwd: Path | None = None,
    environment_: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A git process with pipes, which does not outlive the block. ``writes``: it has a stdin."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with deferred():  # an interrupt in between would leave a process that nobody knows
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if writes else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=environment() if environment_ is None else environment_,
                pass_fds=_handed_down,
            )
        yield process
    finally:
        if process is not None:
            end(process)


def end(process: subprocess.Popen[bytes], patience: float = 5) -> None:
    """End a child, as ^C would if it is in the middle of something, so that it tidies up."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def _run(
    command: Sequence[str],
    stdin: bytes | None,
    cwd: Path | None,
    ok: tuple[int, ...] = (0,),
    environment_: dict[str, str] | None = None,
) -> bytes:
    with child(command, stdin is not None, cwd, environment_) as process:
        out, said = process.communicate(stdin)
    if process.returncode not in ok:
        raise _failure(command[1:], process.returncode, said)
    return out


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process was started without pipes")
    return process.stdin, process.stdout


#: So many ids surely fit into a pipe (64 KiB) while git is waiting for its answers to be read.
_ASKED_AT_ONCE = 512


class CatFile:
    """Reads objects through one ``git cat-file --batch`` process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._stdin, self._stdout = _pipes(process)

    def read(self, oid: str) -> bytes:
        """The content of an object, by id or as ``TREE:PATH``; KeyError if it is not there."""
        self._stdin.write(oid.encode("utf-8", "surrogateescape") + b"\n")
        self._stdin.flush()
        return self._answer(oid)

    def read_all(self, oids: Sequence[str]) -> list[bytes]:
        """The contents of objects that are there, asked for at once."""
        contents = []
        for at in range(0, len(oids), _ASKED_AT_ONCE):
            some = oids[at : at + _ASKED_AT_ONCE]
            self._stdin.write("".join(f"{oid}\n" for oid in some).encode())
            self._stdin.flush()
            contents += [self._answer(oid) for oid in some]
        return contents

    def _answer(self, oid: str) -> bytes:
        header = self._stdout.readline().split()
        if not header:
            raise EOFError(oid)
        if len(header) != 3 or header[2] == b"missing":
            raise KeyError(oid)
        content = self._stdout.read(int(header[2]) + 1)
        return content[:-1]


@dataclass(frozen=True, slots=True)
class Signature:
    """Author or committer: name, e-mail, and git's raw date (``1700000000 +0100``)."""

    name: bytes
    email: bytes
    date: bytes

    def __bytes__(self) -> bytes:
        return b"%s <%s> %s" % (self.name, self.email, self.date)


def user_identity() -> Signature:
    """Who the user is and when it is now, as git's own settings and environment say (git-var(1)).

    Raises :class:`UserError` when they do not say it.
    """
    command = [executable(), "var", "GIT_AUTHOR_IDENT"]
    done = subprocess.run(command, capture_output=True, check=False)
    match = re.fullmatch(rb"(.+) <(.*)> (\d+ [+-]\d{4})\n", done.stdout)
    if done.returncode or match is None:
        raise UserError(
            "git does not know who you are",
            why=done.stderr.decode("utf-8", "replace").strip() or None,
            fix="name the author with --author 'Name <address>', or set user.name and user.email",
        )
    return Signature(match[1], match[2], match[3])


#: A change to one path: its new mode and content, or an entry whose blob is there, or None when it
#: goes away.
Change = tuple[bytes, tuple[bytes, bytes] | TreeEntry | None]


class FastImport:
    """Writes commits through one ``git fast-import`` process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._stdin, self._stdout = _pipes(process)
        self._mark = 0
        self._tips: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, PorttoolError):
            # Without it git takes the stream for a broken one and leaves a crash report.
            self._stdin.write(b"done\n")
            self._stdin.flush()

    def commit(
        self,
        ref: str,
        author: Signature,
        message: bytes,
        changes: Iterable[Change],
        parent: str | None,
    ) -> str:
        """Write one commit on top of ``parent`` and give its id. Committer and author are one.

        ``parent`` is the id of a commit in the repository or one that this object gave.
        """
        self._mark += 1
        out = [b"commit %s\nmark :%d\n" % (ref.encode(), self._mark)]
        out.append(b"author %s\ncommitter %s\n" % (bytes(author), bytes(author)))
        out.append(b"data %d\n%s\n" % (len(message), message))
        if parent is None:
            out.insert(0, b"reset %s\n" % ref.encode())
        elif parent != self._tips.get(ref):  # naming the tip again would make git reload its tree
            out.append(b"from %s\n" % parent.encode())
        for path, file in changes:
            if file is None:
                out.append(b"D %s\n" % quote_path(path))
            elif isinstance(file, TreeEntry):
                out.append(b"M %s %s %s\n" % (file.mode, file.oid.encode(), quote_path(path)))
            else:
                mode, content = file
                out.append(b"M %s inline %s\ndata %d\n" % (mode, quote_path(path), len(content)))
                out += (content, b"\n")
        out.append(b"\nget-mark :%d\n" % self._mark)
        self._stdin.write(b"".join(out))
        self._stdin.flush()
        answer = self._stdout.readline().decode().strip()
        if not answer:
            raise EOFError("fast-import")
        self._tips[ref] = answer
        return answer

    def tag(self, name: str, target: str, tagger: Signature, message: bytes) -> None:
        """Write an annotated tag."""
        self._stdin.write(
            b"tag %s\nfrom %s\ntagger %s\ndata %d\n%s\n"
            % (name.encode(), target.encode(), bytes(tagger), len(message), message)
        )


def quote_path(path: bytes) -> bytes:
    """A path as fast-import reads it: quoted in C style where it must be."""
    if path.startswith(b'"') or b"\n" in path or b" " in path or b"\\" in path:
        escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
        return b'"%s"' % escaped
    return path
