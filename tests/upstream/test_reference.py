import tomllib
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.git import Repository
from porttool.upstream import reference
from tests.support import git

ROOT = Path(reference.__file__).parent.parent / "reference" / "slim-exporter"
HISTORY = tomllib.loads((ROOT / "history.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository.init_bare(tmp_path_factory.mktemp("replay") / "r.git")
    reference.replay("slim-exporter", repository)
    return repository


def test_every_release_is_there_under_its_id(replayed: Repository) -> None:
    for release in HISTORY["release"]:
        assert replayed.resolve(f"refs/tags/{release['tag']}") == release["object"]
        assert replayed.resolve(f"{release['tag']}^{{commit}}") == release["commit"]
    assert [release["tag"] for release in HISTORY["release"]][:2] == ["v1.0.0", "v1.1.0"]
    assert replayed.resolve("refs/heads/main") is not None


def test_plain_git_am_gives_the_same_ids(
    replayed: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = HISTORY["identity"]
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", identity["name"])
        monkeypatch.setenv(f"GIT_{role}_EMAIL", identity["email"])
        monkeypatch.setenv(f"GIT_{role}_DATE", HISTORY["base"]["date"])
    work = tmp_path / "work"
    first = str(HISTORY["base"]["commit"])
    git(tmp_path, "init", "--quiet", str(work))
    git(work, "fetch", "--quiet", str(replayed.git_dir), first)
    git(work, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    monkeypatch.delenv("GIT_AUTHOR_DATE")
    patches = sorted(map(str, (ROOT / "history").glob("*.patch")))
    git(work, "am", "--quiet", "--keep-cr", "--committer-date-is-author-date", *patches)
    assert git(work, "rev-parse", "HEAD") == replayed.resolve("refs/heads/main")


def test_history_is_sound_for_git(replayed: Repository) -> None:
    assert replayed.run("fsck", "--strict", "--no-dangling") == b""


def test_a_name_that_is_not_bundled_is_said() -> None:
    assert reference.bundled_name("https://example.org/x") is None
    with pytest.raises(UserError, match="no bundled upstream") as caught:
        reference.bundled_name("bundled:nothing")
    assert "bundled:slim-exporter" in str(caught.value.fix)
