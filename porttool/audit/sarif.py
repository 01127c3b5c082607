"""An audit as SARIF 2.1.0, for code scanning services and editors.

The format is OASIS's (https://docs.oasis-open.org/sarif/sarif/v2.1.0/); section numbers below are
of that text.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from porttool import __version__
from porttool.audit.model import AuditReport, Site
from porttool.audit.status import Judged, Judgement, Status

VERSION = "2.1.0"
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

#: The name of the audited folder, to which all places are relative (3.14.14). Where it lies is not
#: said: the same sources give the same bytes.
_ROOT = "SRCROOT"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule (3.49): ``name`` as services show it, ``level`` of its results (3.27.10)."""

    name: str
    level: str
    short: str
    full: str


_RULES = {
    "absent": _Rule(
        "NeedAbsent",
        "error",
        "Nothing in the Unikraft release has it.",
        "Nothing defines the name, no library has the header, or nothing has what stands at the "
        "path.",
    ),
    "declared-only": _Rule(
        "NeedDeclaredOnly",
        "error",
        "It compiles and does not link.",
        "A header declares the name and nothing in the Unikraft release defines it.",
    ),
    "runtime": _Rule(
        "NeedFailsAtRunTime",
        "warning",
        "It links and fails when it is used.",
        "A system call under the function is missing, or there is no such file at run time.",
    ),
    "stubbed": _Rule(
        "NeedStubbed",
        "warning",
        "It answers without doing.",
        "The function, or a system call under it, is a stub.",
    ),
    "patched": _Rule(
        "NeedPatched",
        "warning",
        "The series removes it.",
        "The pinned upstream needs it and the port with its series does not.",
    ),
    "differs": _Rule(
        "NeedDiffers",
        "note",
        "It works otherwise than on Linux.",
        "The Unikraft release has it, and it does not behave as on Linux.",
    ),
    "not-parsed": _Rule(
        "FileNotParsed",
        "error",
        "The file was not parsed.",
        "What the file needs is not among the results.",
    ),
}
_IDS = tuple(_RULES)


class Baseline(StrEnum):
    """How a result stands to an older version (3.27.24)."""

    NEW = "new"
    UPDATED = "updated"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Finding:
    """A need to report; ``baseline`` where two versions are compared."""

    judged: Judged
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run (3.14): the findings against a release, and the report that they are of."""

    release: str
    report: AuditReport
    findings: tuple[Finding, ...]


def of(report: AuditReport, judgement: Judgement) -> Run:
    """The run of an audit: all its needs."""
    return Run(judgement.release, report, tuple(map(Finding, judgement.needs)))


def to_sarif(runs: Iterable[Run]) -> dict[str, Any]:
    """The document of ``--sarif``.

    There is a result for each place of a need that is not just provided or own.
    """
    return {"$schema": _SCHEMA, "version": VERSION, "runs": [_run(run) for run in runs]}


def _run(run: Run) -> dict[str, Any]:
    failed = run.report.failed
    return {
        "tool": {
            "driver": {
                "name": "porttool",
                "semanticVersion": __version__,
                "rules": [_rule(name, rule) for name, rule in _RULES.items()],
            }
        },
        "automationDetails": {"id": f"porttool/audit-deps/unikraft-{run.release}/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The audited folder."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failed,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": file.error or "not parsed"},
                        "descriptor": {"id": "not-parsed", "index": _IDS.index("not-parsed")},
                        "locations": [{"physicalLocation": {"artifactLocation": _at(file.path)}}],
                    }
                    for file in failed
                ],
            }
        ],
        "results": [result for each in run.findings for result in _results(each, run.release)],
    }


def _rule(name: str, rule: _Rule) -> dict[str, Any]:
    return {
        "id": name,
        "name": rule.name,
        "shortDescription": {"text": rule.short},
        "fullDescription": {"text": rule.full},
        "help": {"text": f"{rule.full} See docs/audit.md of porttool, and audit-deps --why NAME."},
        "defaultConfiguration": {"level": rule.level},
    }


def _results(finding: Finding, release: str) -> list[dict[str, Any]]:
    """A result for each place; none for what is there and works as on Linux."""
    judged = finding.judged
    rule = judged.status.value
    if judged.status in (Status.PROVIDED, Status.OWN):
        if not judged.caveat:
            return []
        rule = "differs"
    numbers: dict[str, int] = {}
    results = []
    for site in judged.need.sites:
        number = numbers[site.file] = numbers.get(site.file, 0) + 1
        results.append(_result(finding, rule, release, site, number))
    return results


def _result(finding: Finding, rule: str, release: str, site: Site, number: int) -> dict[str, Any]:
    judged = finding.judged
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _at(site.file),
            "region": {"startLine": site.line},
        }
    }
    if site.function:
        location["logicalLocations"] = [{"name": site.function, "kind": "function"}]
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": _IDS.index(rule),
        "level": _RULES[rule].level,
        "message": {"text": _message(judged, rule, release)},
        "locations": [location],
        "partialFingerprints": {"portNeed/v1": _fingerprint(judged, site, number)},
        "properties": {
            "kind": judged.need.kind.value,
            "name": judged.need.name,
            "group": judged.need.group,
            "requires": list(judged.requires),
        },
    }
    if finding.baseline is not None:
        result["baselineState"] = finding.baseline.value
    if judged.status is Status.PATCHED:
        said = ": ".join(filter(None, (judged.patch, judged.reason)))
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"patched: {said}"}
        ]
    return result


def _message(judged: Judged, rule: str, release: str) -> str:
    subject = f"{judged.need.kind.value} {judged.need.name}"
    if rule == "differs":
        return f"{subject} in Unikraft {release}: {judged.caveat}"
    because = ": ".join(filter(None, (judged.patch, judged.reason)))
    said = f"{subject} is {judged.status.value} in Unikraft {release}"
    return f"{said}: {because}" if because else said


def _fingerprint(judged: Judged, site: Site, number: int) -> str:
    """What stays the same when lines move: need, file, function, and which of its places it is."""
    parts = (judged.need.kind.value, judged.need.name, site.file, site.function, str(number))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _at(path: str) -> dict[str, Any]:
    return {"uri": quote(os.fsencode(path)), "uriBaseId": _ROOT}
