"""A port that is ready for work: its workspace, its verified pin, its series, its private store."""

from collections.abc import Sequence
from dataclasses import dataclass

from porttool.errors import UserError
from porttool.git import Repository
from porttool.series import folder, worktree
from porttool.series.folder import PatchesFolder
from porttool.series.importer import ImportedSeries, import_series
from porttool.upstream import lock as lockfile
from porttool.upstream.licence import detect_license
from porttool.upstream.lock import Lock, LockError, Pin
from porttool.upstream.store import Mirror, ProgressFn, UnreachableError, open_store
from porttool.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Port:
    """A workspace whose pin is in the store and verified; the series may be an edited one."""

    workspace: Workspace
    lock: Lock
    mirror: Mirror
    store: Repository
    series: PatchesFolder

    @property
    def series_edited(self) -> bool:
        """Whether ``patches/`` is not what the lock says."""
        return self.series.digest != self.lock.series_digest

    def verify_settled(self) -> None:
        """Raise :class:`LockError` when a refresh would write another lock.

        That is, when ``patches/`` or a setting in ``porttool.toml`` is not what the lock says.
        """
        config = self.workspace.config
        license_ = config.license or detect_license(self.store, self.lock.pin.commit)
        for what, locked, actual in (
            ("target", f"Unikraft {self.lock.unikraft}", f"Unikraft {config.unikraft}"),
            ("licence", self.lock.license, license_),
        ):
            if locked != actual:
                raise LockError(
                    f"upstream.lock does not verify: another {what}",
                    where=str(self.workspace.lock_path),
                    why=f"the lock has {locked}\nthe port has {actual}",
                    fix="porttool refresh, or bring the lock back: git checkout upstream.lock",
                )
        if self.series_edited:
            raise LockError(
                "upstream.lock does not verify: the series was edited",
                where=str(self.workspace.patches),
                why=f"the lock has {self.lock.series_digest}\npatches/ is {self.series.digest}",
                fix="porttool refresh takes the edit up, git checkout patches drops it",
            )

    def apply(self, *, verify: bool = True) -> ImportedSeries:
        """The series as commits on the pin. With ``verify``, its tree must be the lock's."""
        imported = import_series(self.store, self.lock.pin.commit, self.series.patches)
        if verify:
            tree = tree_of(self.store, imported.head)
            if tree != self.lock.series_tree:
                raise LockError(
                    "upstream.lock does not verify: the series makes another tree",
                    where=str(self.workspace.lock_path),
                    why=f"the lock has {self.lock.series_tree}\nthe series makes {tree}",
                    fix="porttool refresh, or bring the lock back: git checkout upstream.lock",
                )
        return imported


def tree_of(repository: Repository, commit: str) -> str:
    """The tree of a commit that is there."""
    return repository.run("rev-parse", f"{commit}^{{tree}}").decode().strip()


def load(
    workspace: Workspace,
    *,
    contact: bool = False,
    leaving: bool = False,
    progress: ProgressFn | None = None,
) -> tuple[Port, str | None]:
    """Open the port of a workspace and verify its pin.

    The upstream is asked only when the pin is not in the cache, or with ``contact``; then, when it
    does not answer but the cache holds the pin, the second result says so. With ``leaving``, the
    ref of the pin may have moved or gone: the port is about to get another. Raises
    :class:`LockError` saying which fact of the lock does not hold.
    """
    lock = lockfile.read(workspace.lock_path)
    _verify_settings(workspace, lock)
    mirror = Mirror.of(lock.pin.url)
    warning = None
    cached = mirror.exists and mirror.repository.resolve(f"{lock.pin.commit}^{{commit}}")
    if contact or not cached:
        try:
            mirror.fetch(progress, lock.pin.commit)
        except UnreachableError as error:
            if not cached:
                raise
            warning = f"{error.what}: going on with what the cache holds"
    verify_pin(mirror, lock.pin, str(workspace.lock_path), leaving=leaving)
    store = open_store(workspace.store, mirror)
    worktree.discard_unfinished(store, workspace.tree)
    for path in (workspace.tree, workspace.work):
        worktree.adopt(store, path)
    return Port(workspace, lock, mirror, store, folder.read(workspace.patches)), warning


def _verify_settings(workspace: Workspace, lock: Lock) -> None:
    config = workspace.config
    for what, said, locked in (("name", config.name, lock.name), ("URL", config.url, lock.pin.url)):
        if said != locked:
            raise LockError(
                f"upstream.lock does not verify: another {what} than in porttool.toml",
                where=str(workspace.lock_path),
                why=f"the lock has {locked}\nporttool.toml has {said}",
                fix="take back the edit of porttool.toml; another name needs another porttool init",
            )


def verify_pin(mirror: Mirror, pin: Pin, where: str, *, leaving: bool = False) -> None:
    """Check a pin against the mirror: commit, tree, date, and that a tag still names it.

    With ``leaving`` the ref may name another commit by now, or nothing.
    """
    mistake = "upstream.lock does not verify: "
    commit = mirror.repository.resolve(f"{pin.commit}^{{commit}}")
    try:
        now = mirror.pin(pin.ref)
    except UserError as error:
        raise LockError(
            f"{mistake}the ref {pin.ref!r} cannot be one",
            where=where,
            fix="bring the lock back: git checkout upstream.lock",
        ) from error
    if now is not None and now.commit != pin.commit and not leaving:
        what = f"the tag {pin.ref} moved" if mirror.is_tag(pin.ref) else None
        if not what and not mirror.is_branch(pin.ref):
            what = f"the ref {pin.ref} is another commit"
        if what:
            raise LockError(
                f"{mistake}{what}",
                where=where,
                why=f"the lock has {pin.commit}\nupstream has {now.commit}",
                fix="find out why; porttool refresh --onto REF takes a new pin",
            )
    if commit is None:
        raise LockError(
            f"{mistake}upstream has no commit {pin.commit}",
            where=where,
            why=f"it was pinned as {pin.ref}"
            + (
                f", which is {now.commit} now" if now is not None else ", which is not there either"
            ),
            fix="bring the lock back: git checkout upstream.lock",
        )
    found = mirror.describe(commit, pin.ref)
    for what, locked, actual in (("tree", pin.tree, found.tree), ("date", pin.date, found.date)):
        if locked != actual:
            raise LockError(
                f"{mistake}the commit has another {what}",
                where=where,
                why=f"the lock has {locked}\n{pin.commit} has {actual}",
                fix="bring the lock back: git checkout upstream.lock",
            )
    if now is None and pin.ref != pin.commit and not leaving:
        raise LockError(
            f"{mistake}upstream has no tag or branch {pin.ref} any more",
            where=where,
            fix="find out why; porttool refresh --onto REF takes a new pin",
        )


def find_pin(mirror: Mirror, ref: str) -> Pin:
    """The pin that ``ref`` names, from the mirror; :class:`UserError` when there is none."""
    return find_pins(mirror, [ref])[0]


def find_pins(mirror: Mirror, refs: Sequence[str]) -> list[Pin]:
    """The pins that ``refs`` name; :class:`UserError` for the first that names none."""
    found = []
    for ref, pin in zip(refs, mirror.pins(refs), strict=True):
        if pin is None:
            newest = mirror.newest_tag()
            raise UserError(
                f"upstream has no tag, branch or commit {ref}",
                where=mirror.url,
                fix=f"name another ref, for example {newest}" if newest else "name another ref",
            )
        found.append(pin)
    return found


def choose_pin(mirror: Mirror, ref: str | None) -> Pin:
    """The pin that ``ref`` names; without one the newest release, else the default branch.

    Raises :class:`UserError` when there is no such ref, or nothing at all.
    """
    chosen = ref if ref is not None else mirror.newest_tag() or mirror.default_branch()
    if chosen is None:
        raise UserError("the upstream has no commits yet", where=mirror.url)
    return find_pin(mirror, chosen)
