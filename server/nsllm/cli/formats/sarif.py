"""For code scanners: SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format)."""

import hashlib
import json
from collections import Counter
from typing import Any
from urllib.parse import quote

from nsllm import __version__
from nsllm.cli.checked import CheckedFile, Located, Region, Report
from nsllm.frontends.lsp.rule_pages import page_of
from nsllm.governance.rules import Rule
from nsllm.types import Evidence, Severity

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.REJECT: "error", Severity.WARN: "warning", Severity.INFO: "note"}
_ROOT = "SRCROOT"
_FINGERPRINT = "nsllmFinding/v1"


def render(report: Report) -> str:
    """Return a log of one run; its columns count UTF-16 code units, as SARIF's default is."""
    index = {rule.id: number for number, rule in enumerate(report.rules)}
    results = [result for file in report.files for result in _results(report, file, index)]
    run = {
        "tool": {
            "driver": {
                "name": "nsllm",
                "fullName": "NS-LLM",
                "version": __version__,
                "rules": [_rule(rule) for rule in report.rules],
            }
        },
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "Where nsllm check was run."}}},
        "invocations": [_invocation(report)],
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule[Any]) -> dict[str, Any]:
    text = f"{rule.summary} {rule.advice}".strip()
    described: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": f"**{rule.id}**: {text}"},
        "defaultConfiguration": {"level": _LEVELS[rule.options.severity]},
        "properties": {"tags": ["documentation", "governance"]},
    }
    # The built-in rules' page comes with the package and opens without a network; for readers on
    # another machine, `help` has the same in the log itself.
    address = rule.help_uri or page_of(rule.id)
    return described | ({"helpUri": address} if address else {})


def _invocation(report: Report) -> dict[str, Any]:
    notices = [
        {
            "level": "warning",
            "message": {"text": f"Not checked: {reason}."},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}],
        }
        for path, reason in report.skipped
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": notices}


def _results(report: Report, file: CheckedFile, index: dict[str, int]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    found = []
    for located, region in zip(file.findings, file.regions("utf-16"), strict=True):
        finding = located.finding
        result: dict[str, Any] = {
            "ruleId": finding.rule,
            "level": _LEVELS[finding.severity],
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": _place(file.shown, region, located.words)}],
            "partialFingerprints": {_FINGERPRINT: _fingerprint(file, located, seen)},
        }
        if finding.rule in index:
            result["ruleIndex"] = index[finding.rule]
        if finding.evidence and (related := _related(report, finding.evidence)):
            result["relatedLocations"] = [related]
        if finding.value is not None:
            result["properties"] = {"value": finding.value}
        found.append(result)
    return found


def _place(path: str, region: Region, words: str) -> dict[str, Any]:
    return {
        "artifactLocation": _artifact(path),
        "region": {
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
            **({"snippet": {"text": words}} if words else {}),
        },
    }


def _related(report: Report, evidence: Evidence) -> dict[str, Any] | None:
    path = report.place_of(evidence)
    if path is None or evidence.start_line is None:
        return None
    region = {"startLine": evidence.start_line, "endLine": evidence.end_line or evidence.start_line}
    return {
        "id": 1,
        "message": {"text": f"The source: {evidence.text}"},
        "physicalLocation": {
            "artifactLocation": _artifact(path),
            "region": {**region, "snippet": {"text": evidence.text}},
        },
    }


def _artifact(path: str) -> dict[str, Any]:
    if path.startswith("/") or ":" in path[:3]:
        return {"uri": f"file://{'' if path.startswith('/') else '/'}{quote(path, safe='/:')}"}
    return {"uri": quote(path), "uriBaseId": _ROOT}


def _fingerprint(file: CheckedFile, located: Located, seen: "Counter[str]") -> str:
    """Hash what stays the same when lines move: rule, file, words, and which of several it is."""
    name = "\n".join((located.finding.rule, file.shown, " ".join(located.words.split())))
    seen[name] += 1
    return hashlib.sha256(f"{name}\n{seen[name]}".encode("utf-8", "surrogatepass")).hexdigest()
