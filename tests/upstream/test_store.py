from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.upstream.store import Mirror, UnreachableError, check_ref, check_url, open_store
from tests.support import Upstream, git


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream.make(tmp_path / "up", {"a": "1\n"}, "v1.9")


def test_refs_win_in_order_tag_branch_commit(upstream: Upstream) -> None:
    first = git(upstream.path, "rev-parse", "HEAD")
    second = upstream.commit("Two", {"a": "2\n"}, "v1.10")
    git(upstream.path, "branch", "v1.9", second)
    mirror = Mirror.of(str(upstream.path))
    mirror.fetch()
    pins = {ref: mirror.pin(ref) for ref in ("v1.9", "main", first, first[:9], "nothing")}
    assert {ref: pin.commit if pin else None for ref, pin in pins.items()} == {
        "v1.9": first,
        "main": second,
        first: first,
        first[:9]: first,
        "nothing": None,
    }
    assert mirror.newest_tag() == "v1.10"


def test_a_pre_release_is_newest_only_alone(upstream: Upstream) -> None:
    upstream.commit("Two", {"a": "2\n"}, "v2.0-rc1")
    mirror = Mirror.of(str(upstream.path))
    mirror.fetch()
    assert mirror.newest_tag() == "v1.9"


def test_a_tag_that_went_away_is_gone(upstream: Upstream) -> None:
    mirror = Mirror.of(str(upstream.path))
    mirror.fetch()
    git(upstream.path, "tag", "-d", "v1.9")
    mirror.fetch()
    assert mirror.pin("v1.9") is None


def test_what_a_killed_fetch_left_is_cleared(upstream: Upstream) -> None:
    mirror = Mirror.of(str(upstream.path))
    place = mirror.repository.git_dir
    begun = place.with_name(f".{place.name}-x1y2")
    (begun / "new").mkdir(parents=True)
    mirror.fetch()
    assert not begun.exists()
    second = upstream.commit("Two", {"a": "2\n"}, "v2.0")
    for name in ("refs/heads/main.lock", "refs/tags/v2.0.lock", "packed-refs.lock"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"")
    mirror.fetch()
    assert mirror.repository.resolve("refs/tags/v2.0") == second


def test_an_upstream_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        Mirror.of(str(tmp_path / "none")).fetch()
    assert "does not appear to be a git repository" in str(caught.value.why)


def test_progress_is_reported(upstream: Upstream) -> None:
    stages: list[str] = []
    Mirror.of(str(upstream.path)).fetch(lambda stage, done, whole: stages.append(stage))
    assert "Receiving" in stages or "Counting" in stages


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-x",
        "--upload-pack=touch pwned",
        "ext::sh -c touch% pwned",
        "fd::17",
        "transport::address",
        "ftp://example.org/x",
        "javascript://x",
        "ssh://-oProxyCommand=x/y",
        "git@-oProxyCommand=x:y",
        "https://example.org/a\nb",
    ],
)
def test_dangerous_urls_are_refused(url: str) -> None:
    with pytest.raises(UserError, match="refused"):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.git",
        "ssh://git@example.org/x",
        "git@example.org:x/y.git",
        "/a/b",
        "../c",
    ],
)
def test_plain_urls_are_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "ref", ["", "-x", "--output=x", "a..b", "HEAD@{1}", "a b", "a:b", "a^", "a~1", "x.lock", "a\nb"]
)
def test_refs_that_are_no_names_are_refused(ref: str) -> None:
    with pytest.raises(UserError):
        check_ref(ref)


def test_the_store_borrows_objects_and_shuts_attributes_out(
    upstream: Upstream, tmp_path: Path
) -> None:
    head = upstream.commit("Attributes", {".gitattributes": "* text eol=crlf ident filter=evil\n"})
    mirror = Mirror.of(str(upstream.path))
    mirror.fetch()
    store = open_store(tmp_path / "store.git", mirror)
    store.export(head, tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"1\n"
    store.run("worktree", "add", "--quiet", str(tmp_path / "tree"), head)
    assert (tmp_path / "tree" / "a").read_bytes() == b"1\n"
    assert git(tmp_path / "tree", "status", "--porcelain") == ""


def test_newer_releases_need_not_stand_on_the_pin(upstream: Upstream) -> None:
    """A fix of an old release stands on a branch of its own; the next release does not have it."""
    git(upstream.path, "checkout", "--quiet", "-b", "fixes")
    upstream.commit("Fix", {"a": "fixed\n"}, "v1.9.1")
    git(upstream.path, "tag", "v1.9.1-again")
    upstream.commit("Another fix", {"a": "fixed twice\n"}, "stable")
    git(upstream.path, "checkout", "--quiet", "main")
    for tag in ("v1.10", "v2.0-rc1", "other-3", "v2.0"):
        upstream.commit(tag, {"a": f"{tag}\n"}, tag)
    mirror = Mirror.of(str(upstream.path))
    mirror.fetch()
    newer = {}
    for ref in ("v1.9.1", "v1.10", "v2.0", "main", "v2.0-rc1"):
        pin = mirror.pin(ref)
        assert pin is not None
        newer[ref] = mirror.newer_releases(pin)
    assert newer == {
        "v1.9.1": ["stable", "v1.10", "v2.0"],
        "v1.10": ["other-3", "v2.0"],
        "v2.0": [],
        "main": [],
        "v2.0-rc1": ["other-3", "v2.0"],
    }
