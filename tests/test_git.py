from pathlib import Path

from porttool.git import Repository


def test_objects_that_go_to_a_place_apart(tmp_path: Path) -> None:
    """They are read beside the repository's own, and are gone in the end, also after a kill."""
    repository = Repository.init_bare(tmp_path / "a:b.git")
    kept = repository.run("hash-object", "-w", "--stdin", stdin=b"kept").decode().strip()
    with repository.apart() as scratch:
        place = scratch.objects
        gone = scratch.run("hash-object", "-w", "--stdin", stdin=b"gone").decode().strip()
        with scratch.cat_file() as objects:
            assert [objects.read(oid) for oid in (kept, gone)] == [b"kept", b"gone"]
        assert repository.resolve(f"{gone}^{{blob}}") is None
    assert not place.exists()
    left = place.with_name(f"{place.name}-left")
    (left / "in").mkdir(parents=True)
    with repository.apart():
        assert not left.exists()
