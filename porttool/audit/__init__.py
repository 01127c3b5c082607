"""What C code needs: functions, variables, types, constants, headers and kernel paths."""

from porttool.audit.discover import Discovery, discover
from porttool.audit.engine import audit
from porttool.audit.model import (
    SCHEMA,
    AuditReport,
    Comparison,
    FileResult,
    Kind,
    Need,
    Site,
    compare,
)

__all__ = [
    "SCHEMA",
    "AuditReport",
    "Comparison",
    "Discovery",
    "FileResult",
    "Kind",
    "Need",
    "Site",
    "audit",
    "compare",
    "discover",
]
