"""``porttool.toml`` after upstream moved files."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

import tomlkit

from porttool.port import Port
from porttool.series.rebase import upstream_renames


def follow(port: Port, onto: str, head: str) -> bytes | None:
    """The settings with sources and includes where upstream moved them; None if none moved.

    ``onto`` is the new upstream commit, ``head`` the series on it. A source that was renamed is
    named anew, a glob gives way to one in the folder that its files went to, or to their names. An
    include folder that has lost its headers gives way to the folders they went to. Everything else
    in the file stays as it is, comments included.
    """
    config = port.workspace.config
    renames = upstream_renames(port.store, port.lock.pin.commit, onto)
    there = _paths(port, head)
    before = _paths(port, port.lock.pin.commit)
    sources: dict[str, None] = {}
    for source in config.sources:
        sources.update(dict.fromkeys(_source(source, renames, before, there)))
    includes: dict[str, None] = {}
    headers = {_folder(path) for path in there if path.endswith(".h")}
    for include in config.includes:
        went = {
            _folder(new)
            for old, new in renames.items()
            if old.endswith(".h") and _folder(old) == include
        }
        if include in headers or not went:
            includes.setdefault(include)
        includes.update(dict.fromkeys(sorted(went)))
    if list(sources) == list(config.sources) and list(includes) == list(config.includes):
        return None
    document = tomlkit.parse(port.workspace.config_path.read_text("utf-8"))
    settings = document["port"]
    for key, values, old_values in (
        ("sources", list(sources), config.sources),
        ("includes", list(includes), config.includes),
    ):
        if len(values) != len(old_values):
            settings[key] = values
            continue
        for at, value in enumerate(values):
            if value != old_values[at]:  # the comments in the list stay
                settings[key][at] = value
    return tomlkit.dumps(document).encode()


def _source(
    source: str, renames: Mapping[str, str], before: Collection[str], there: Collection[str]
) -> Sequence[str]:
    """What a source of the settings, a path or a glob, is called now."""
    old = [path for path in before if _matches(path, source)]
    new = sorted(renames.get(path, path) for path in old)
    if source in before or all(_matches(path, source) for path in new):
        return [renames.get(source, source)]
    folders = {_folder(path) for path in new}
    if len(folders) == 1:
        glob = f"{folders.pop()}/{source.rpartition('/')[2]}".removeprefix("./")
        if sorted(path for path in there if _matches(path, glob)) == new:
            return [glob]
    return new


def _matches(path: str, glob: str) -> bool:
    """Whether ``Path.glob`` would find a path, for globs without ``**``."""
    parts, patterns = path.split("/"), glob.split("/")
    pairs = zip(parts, patterns, strict=False)
    return len(parts) == len(patterns) and all(fnmatchcase(*pair) for pair in pairs)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _paths(port: Port, commit: str) -> set[str]:
    return {path.decode("utf-8", "surrogateescape") for path in port.store.tree(commit)}
