"""Git trees in memory: looked up, compared and changed without a process or a file for each.

The format of a tree object is that of gitformat-pack(5) and git-mktree(1): entries sorted by name,
folders as if their names ended in a slash.
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence

from porttool.git import CatFile, Repository, Signature, TreeEntry

#: The mode of a folder in a tree object.
FOLDER = b"40000"

#: So many entries of trees that were read are kept; they take about 100 bytes each.
_KEPT_ENTRIES = 100_000

#: What a patch does to a tree: the new entry a path, None for one that goes away.
Changes = Mapping[bytes, TreeEntry | None]

_Entries = dict[bytes, TreeEntry]


class Trees:
    """The trees of a repository, and those made of them, which are not written before they must."""

    def __init__(self, repository: Repository, objects: CatFile, hash_name: str) -> None:
        self._repository = repository
        self._objects = objects
        self._hash_name = hash_name
        self._empty = object_id(b"tree", b"", hash_name)
        self._read: dict[str, _Entries] = {}
        self._kept = 0
        self._made: dict[str, _Entries] = {}

    def of(self, commit: str) -> str:
        """The tree of a commit."""
        return self._objects.read(commit)[5:].split(b"\n", 1)[0].decode()

    def find(self, tree: str, path: bytes) -> TreeEntry | None:
        """What stands at ``path`` (of mode :data:`FOLDER` for a folder), or None."""
        *folders, name = path.split(b"/")
        for folder in folders:
            entry = self._entries(tree).get(folder)
            if entry is None or entry.mode != FOLDER:
                return None
            tree = entry.oid
        return self._entries(tree).get(name)

    def differences(
        self, old: str, new: str, below: bytes = b""
    ) -> dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]:
        """Every file that is not the same in two trees, with its entry in both."""
        found: dict[bytes, tuple[TreeEntry | None, TreeEntry | None]] = {}
        before, after = self._entries(old), self._entries(new)
        for name in sorted(before.keys() | after.keys()):
            sides = before.get(name), after.get(name)
            if sides[0] == sides[1]:
                continue
            files = [None if s is None or s.mode == FOLDER else s for s in sides]
            folders = [s.oid if s is not None and s.mode == FOLDER else None for s in sides]
            if files != [None, None]:
                found[below + name] = files[0], files[1]
            if folders != [None, None]:
                inside = below + name + b"/"
                found |= self.differences(
                    folders[0] or self._empty, folders[1] or self._empty, inside
                )
        return found

    def change(self, tree: str, changes: Changes) -> str:
        """The id of ``tree`` with ``changes``; folders come and go with their files."""
        entries = dict(self._entries(tree))
        here: dict[bytes, TreeEntry] = {}
        below: dict[bytes, dict[bytes, TreeEntry | None]] = {}
        for path, entry in changes.items():
            name, slash, rest = path.partition(b"/")
            if slash:
                below.setdefault(name, {})[rest] = entry
            elif entry is None:
                del entries[name]
            else:
                here[name] = entry
        for name, inside in below.items():
            folder = entries.get(name)
            new = self.change(self._empty if folder is None else folder.oid, inside)
            if self._entries(new):
                entries[name] = TreeEntry(FOLDER, new)
            else:
                del entries[name]
        entries |= here
        oid = object_id(b"tree", content(entries), self._hash_name)
        self._made[oid] = entries
        return oid

    def write(self, tree: str) -> None:
        """Write a tree that was made here, and the folders in it that were, as loose objects."""
        entries = self._made.pop(tree, None)
        if entries is None:
            return
        for entry in entries.values():
            if entry.mode == FOLDER:
                self.write(entry.oid)
        write_object(self._repository, b"tree", content(entries), self._hash_name)

    def is_written(self, tree: str) -> bool:
        """Whether git has the tree."""
        return tree not in self._made

    def keep(self, trees: Iterable[str]) -> None:
        """Forget what was made and not written, but for ``trees`` and their folders."""
        kept: dict[str, _Entries] = {}
        waiting = list(trees)
        while waiting:
            tree = waiting.pop()
            if tree in kept or tree not in self._made:
                continue
            kept[tree] = self._made[tree]
            waiting += [e.oid for e in kept[tree].values() if e.mode == FOLDER]
        self._made = kept

    def _entries(self, tree: str) -> _Entries:
        found = self._made.get(tree) or self._read.get(tree)
        if found is None:
            found = _parse(b"" if tree == self._empty else self._objects.read(tree), len(tree) // 2)
            if self._kept > _KEPT_ENTRIES:
                self._read, self._kept = {}, 0
            self._read[tree] = found
            self._kept += len(found)
        return found


def content(entries: Mapping[bytes, TreeEntry]) -> bytes:
    """A tree object without its header."""

    def place(item: tuple[bytes, TreeEntry]) -> bytes:
        name, entry = item
        return name + b"/" if entry.mode == FOLDER else name

    return b"".join(
        b"%s %s\0%s" % (entry.mode, name, bytes.fromhex(entry.oid))
        for name, entry in sorted(entries.items(), key=place)
    )


def _parse(tree: bytes, id_length: int) -> _Entries:
    entries: _Entries = {}
    at = 0
    while at < len(tree):
        blank = tree.index(b" ", at)
        end = tree.index(b"\0", blank)
        at, mode, name = end + 1 + id_length, tree[at:blank], tree[blank + 1 : end]
        entries[name] = TreeEntry(mode, tree[end + 1 : at].hex())
    return entries


class Blobs:
    """Reads contents of files, and remembers the last of them."""

    #: So many bytes of contents are remembered.
    ROOM = 16 << 20

    def __init__(self, objects: CatFile) -> None:
        self._objects = objects
        self._known: dict[str, bytes] = {}
        self._taken = 0

    def read(self, oid: str) -> bytes:
        """The content of a blob."""
        if oid not in self._known:
            self.know(oid, self._objects.read(oid))
        return self._known[oid]

    def fetch(self, oids: Iterable[str]) -> None:
        """Read contents at once that will be wanted soon."""
        missing = [oid for oid in dict.fromkeys(oids) if oid not in self._known]
        for oid, content in zip(missing, self._objects.read_all(missing), strict=True):
            self.know(oid, content)

    def know(self, oid: str, content: bytes) -> None:
        """Remember a content that was not read."""
        if self._taken > self.ROOM:
            self._known, self._taken = {}, 0
        if oid not in self._known:
            self._known[oid] = content
            self._taken += len(content)


def hash_name(oid: str) -> str:
    """The hash function that a repository with this object id uses."""
    return "sha256" if len(oid) == 64 else "sha1"


def object_id(kind: bytes, content: bytes, hash_name: str) -> str:
    """The id that git gives to an object."""
    return hashlib.new(hash_name, b"%s %d\0" % (kind, len(content)) + content).hexdigest()


def write_object(repository: Repository, kind: bytes, content: bytes, hash_name: str) -> str:
    """Write a loose object, which the processes that read the store see at once; gives its id."""
    oid = object_id(kind, content, hash_name)
    path = repository.objects / oid[:2] / oid[2:]
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"tmp_obj_{os.getpid()}_{oid[:8]}")
        part.write_bytes(zlib.compress(b"%s %d\0" % (kind, len(content)) + content, 1))
        part.rename(path)
    return oid


def write_commit(
    repository: Repository, tree: str, parents: Sequence[str], author: Signature, message: bytes
) -> str:
    """Write a commit object; committer and author are one. Gives its id.

    Written as a loose object, so that the processes that read the store see it at once.
    """
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    body = "\n".join(lines).encode() + b"\nauthor %s\ncommitter %s\n\n" % (
        bytes(author),
        bytes(author),
    )
    return write_object(repository, b"commit", body + message, hash_name(tree))
