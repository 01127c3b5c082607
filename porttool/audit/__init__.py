"""What C code needs: functions, variables, types, constants, headers and kernel paths."""

from porttool.audit.discover import Discovery, discover
from porttool.audit.engine import audit
from porttool.audit.model import (
    SCHEMA,
    AuditReport,
    Call,
    Comparison,
    FileResult,
    Function,
    Kind,
    Need,
    Site,
    compare,
)

__all__ = [
    "SCHEMA",
    "AuditReport",
    "Call",
    "Comparison",
    "Discovery",
    "FileResult",
    "Function",
    "Kind",
    "Need",
    "Site",
    "audit",
    "compare",
    "discover",
]
