"""From a port to what the audit takes."""

from pathlib import Path

from porttool.audit import AuditReport, audit
from porttool.workspace import PortConfig

#: ``ukm.h`` is on the include path of every port.
UKMETRICS_INCLUDE = Path(__file__).parent.parent / "ukmetrics" / "include"


def audit_tree(tree: Path, config: PortConfig) -> AuditReport:
    """Audit the sources that ``config`` names, in the checked-out upstream at ``tree``."""
    root = tree.resolve()
    sources = sorted({path for glob in config.sources for path in root.glob(glob)})
    includes = (*(root / folder for folder in config.includes), UKMETRICS_INCLUDE)
    return audit(root, sources, includes, config.defines)
