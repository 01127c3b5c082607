"""Reports and judgements for the tests of questions, from names alone."""

from porttool.audit import AuditReport, FileResult, Kind, Need, Site
from porttool.audit.status import Judged, Judgement, Status

RELEASE = "0.16.3"


def judged(
    name: str,
    status: Status = Status.PROVIDED,
    kind: Kind = Kind.FUNCTION,
    *,
    group: str = "unistd",
    line: int = 1,
    reason: str = "",
) -> Judged:
    """A need and its status; it stands in ``a.c``."""
    header = None if kind is Kind.PATH else name if kind is Kind.HEADER else "unistd.h"
    site = Site("a.c", line, "main")
    library = "libmusl" if status is Status.PROVIDED else None
    return Judged(Need(kind, name, group, header, (site,)), status, library, reason=reason)


def judgement(*needs: Judged, release: str = RELEASE) -> Judgement:
    """The needs against a release, whose Kconfig symbols select none of each other."""
    symbols = {symbol for need in needs for symbol in need.requires}
    return Judgement(release, needs, tuple(sorted(symbols)))


def report(*needs: Judged, failed: tuple[FileResult, ...] = ()) -> AuditReport:
    """The report that has these needs."""
    return AuditReport(tuple(each.need for each in needs), (FileResult("a.c", True), *failed))
