"""What can go wrong, by the exit code that it gives (see docs/porting.md, "Exit codes")."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every porttool command."""

    OK = 0
    USER_ERROR = 1
    USAGE = 2
    DECISION_NEEDED = 3
    CHECK_FAILED = 4
    INTERNAL = 70
    INTERRUPTED = 130


class PorttoolError(Exception):
    """An error that is reported to the user without a traceback.

    ``what`` is one sentence. ``where`` names the file, patch or URL; ``why`` is the reason,
    may span lines; ``fix`` is the command or edit that mends it.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(
        self, what: str, *, where: str | None = None, why: str | None = None, fix: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix


class UserError(PorttoolError):
    """Something in the workspace, the arguments or the upstream is not as it must be."""

    exit_code = ExitCode.USER_ERROR


class DecisionNeeded(PorttoolError):
    """The tool could go on in several ways; a maintainer has to choose. Nothing was changed."""

    exit_code = ExitCode.DECISION_NEEDED


class CheckFailed(PorttoolError):
    """A check that was asked for did not hold."""

    exit_code = ExitCode.CHECK_FAILED
