"""Parameters that the user gives for the kernel command line."""

import re
from collections.abc import Sequence

from porttool.errors import UserError


def check(parameters: Sequence[str], *, own: Sequence[str] = ()) -> None:
    """Raise :class:`UserError` for what cannot stand on the kernel command line.

    ``own`` are beginnings of parameters that the command sets itself, beside port and address.
    """
    for parameter in parameters:
        if not re.fullmatch(r"[a-z]\w*\.\w+=\S*", parameter):
            raise UserError(
                f"{parameter!r} is no parameter for the kernel command line",
                fix="write it as library.name=value, for example ukmetrics.labels=site=lab",
            )
        if parameter.startswith(("ukmetrics.port=", "ukmetrics.address=", *own)):
            raise UserError(f"{parameter!r}: the port is given with --port, on 127.0.0.1")
