"""Asking audit-deps in this process, without the command line."""

from collections.abc import Sequence
from pathlib import Path

from porttool.commands import audit_deps as command
from porttool.commands.answers import Format, Output
from porttool.commands.auditing import DEFAULT_BUILD, Build
from porttool.commands.subjects import Request, Target
from porttool.errors import ExitCode


def audit_deps(
    paths: Sequence[Path] = (),
    *,
    workspace: Path = Path(),
    unpatched: bool = False,
    as_json: bool = False,
    as_markdown: bool = False,
    defines: Sequence[str] = (),
    includes: Sequence[Path] = (),
    target: Target | None = None,
    build: Build = DEFAULT_BUILD,
) -> ExitCode:
    """The command, with what is asked for in words."""
    form = Format.JSON if as_json else Format.MARKDOWN if as_markdown else Format.TABLE
    request = Request(
        tuple(paths),
        workspace,
        unpatched,
        tuple(includes),
        tuple(defines),
        Target() if target is None else target,
        build,
    )
    return command.audit_deps(request, Output(form))
