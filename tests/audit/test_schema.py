"""Every document of audit-deps --json is what porttool/audit/audit.schema.json says."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from porttool.audit.questions import (
    changesreports,
    matrixreports,
    pathsreports,
    rankingreports,
)
from porttool.audit.reports import to_json
from tests.audit.questions import test_changes, test_matrix, test_paths, test_ranking
from tests.audit.test_reports import REPORT
from tests.audit.test_status import judgement_of_all, report_of_all
from tests.audit.trees import audit_tree

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json.loads((ROOT / "porttool/audit/audit.schema.json").read_text("utf-8"))


def documents(folder: Path) -> dict[str, Any]:
    """A document of each report, and the audit without a release."""
    paths = audit_tree(folder / "tree", test_paths.FILES)
    found = test_paths.found(paths, "*")
    return {
        "audit": to_json(report_of_all(), judgement_of_all(folder)),
        "audit, no release": to_json(REPORT),
        "compare": rankingreports.to_json(test_ranking.RANKED, "0.16.3"),
        "since": changesreports.to_json(test_changes.OLD, test_changes.NEW, test_changes.CHANGED),
        "why": pathsreports.to_json(paths, "*", "0.16.3", found),
        "releases": matrixreports.to_json(test_matrix.REPORT, test_matrix.MATRIX),
    }


def test_documents_are_valid(tmp_path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for name, document in documents(tmp_path).items():
        definition = {**SCHEMA, "$ref": f"#/$defs/{document['report']}"}
        del definition["oneOf"]
        errors = [
            (list(error.path), error.message)
            for error in Draft202012Validator(definition).iter_errors(document)
        ]
        assert not errors, name
        Draft202012Validator(SCHEMA).validate(document)


def test_a_field_that_is_not_described_is_noticed(tmp_path: Path) -> None:
    document = to_json(report_of_all(), judgement_of_all(tmp_path))
    document["needs"][0]["colour"] = "red"
    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_every_field_is_documented() -> None:
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    text = text[text.index("## Output") :]
    fields = {name for each in SCHEMA["$defs"].values() for name in each.get("properties", {})}
    assert sorted(name for name in fields if f"`{name}`" not in text) == []
