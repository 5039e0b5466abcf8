"""The reports of `nsllm check`: exact places, valid forms, 80 columns."""

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec
import pytest
from jsonschema import Draft7Validator
from rich.console import Console

from conftest import REPOSITORY
from nsllm.cli.checked import CheckedFile, Located, Report, shown
from nsllm.cli.formats import github, records, sarif, text
from nsllm.governance.checks import BUILT_IN
from nsllm.governance.explain import explain
from nsllm.governance.pipeline import verdict_of
from nsllm.governance.plugins import Plugins
from nsllm.governance.rulebook import Rulebook
from nsllm.settings import Governance
from nsllm.types import Evidence, Finding, Judgement, Scores, Severity, Verdict

SCHEMAS = REPOSITORY / "node_modules" / "@microsoft" / "sarif-matcher-utils" / "lib" / "schemas"
TEXT = "# Draft\r\n\r\n👍 Kept for 60 days, 100%: always.\r\nAnd it goes\r\non here.\r\n"
EVIDENCE = Evidence(
    marker=1, text="Kept for 30 days.", path="docs/a b.md", start_line=3, end_line=3
)


def finding(words: str, severity: Severity, rule: str = "grounding.claim", **more: Any) -> Finding:
    start = TEXT.index(words)
    message = more.pop("message", "Not supported: the source says 30 days, 100% sure.")
    return Finding(
        rule=rule, severity=severity, start=start, end=start + len(words), message=message, **more
    )


FINDINGS = (
    finding("60 days", Severity.REJECT, evidence=EVIDENCE, value=0.1),
    finding("it goes\r\non", Severity.WARN, value=0.5),
    Finding(rule="rule.failed", severity=Severity.WARN, start=0, end=0, message="It broke."),
    Finding(rule="generation.rejected", severity=Severity.INFO, start=0, end=0, message="A note."),
)


def report(*findings: Finding, path: str = "docs/draft 1.md", explained: bool = False) -> Report:
    book = Rulebook(Governance(), Plugins())
    checked = CheckedFile(
        shown=path,
        text=TEXT,
        judgement=Judgement(
            scores=Scores(grounding=0.1), findings=findings, verdict=verdict_of(findings)
        ),
        findings=tuple(
            Located(
                finding=one,
                words=TEXT[one.start : one.end],
                explanation=explain(one, book) if explained else None,
            )
            for one in findings
        ),
    )
    return Report(
        files=(checked,), skipped=(("b.bin", "is binary"),), rules=BUILT_IN, workspace=Path()
    )


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    [path] = [*SCHEMAS.glob("sarif-2.1.0*.json")] or [None]
    if path is None:
        pytest.fail("The schema of SARIF comes with the npm packages: run npm ci")
    return Draft7Validator(json.loads(path.read_text("utf-8")))


def test_sarif_is_valid_against_its_schema(validator: Draft7Validator) -> None:
    for findings in ((), FINDINGS):
        log = json.loads(sarif.render(report(*findings)))
        assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "grave"
    assert [*validator.iter_errors(log)]


def test_sarif_points_at_the_words_in_utf16_columns() -> None:
    [run] = json.loads(sarif.render(report(*FINDINGS)))["runs"]
    first, second, *_ = run["results"]
    assert run["columnKind"] == "utf16CodeUnits"
    region = first["locations"][0]["physicalLocation"]["region"]
    line = TEXT.splitlines()[region["startLine"] - 1].encode("utf-16-le")
    words = line[2 * (region["startColumn"] - 1) : 2 * (region["endColumn"] - 1)]
    assert words.decode("utf-16-le") == "60 days" == region["snippet"]["text"]
    region = second["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["endLine"], region["endColumn"]) == (4, 5, 3)


def test_sarif_leads_to_the_page_of_each_rule() -> None:
    """By an absolute URI (SARIF 2.1.0, 3.49.12) of the heading, or the address a plug-in gives."""
    [run] = json.loads(sarif.render(report()))["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        page = urlsplit(rule["helpUri"])
        lines = Path(url2pathname(page.path)).read_text("utf-8").splitlines()
        assert page.scheme == "file"
        assert lines[int(page.fragment.removeprefix("L")) - 1] == f"### {rule['id']}"
    own = msgspec.structs.replace(BUILT_IN[0], help_uri="https://example.org/rules#own")
    log = json.loads(sarif.render(msgspec.structs.replace(report(), rules=(own,))))
    [described] = log["runs"][0]["tool"]["driver"]["rules"]
    assert described["helpUri"] == "https://example.org/rules#own"


def test_sarif_names_rule_level_file_and_evidence() -> None:
    [run] = json.loads(sarif.render(report(*FINDINGS)))["runs"]
    first = run["results"][0]
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "warning", "note"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "docs/draft%201.md", "uriBaseId": "SRCROOT"}
    [related] = first["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "docs/a%20b.md"
    assert related["physicalLocation"]["region"]["startLine"] == 3
    [notice] = run["invocations"][0]["toolExecutionNotifications"]
    assert "is binary" in notice["message"]["text"]


def fingerprints(report_text: str) -> list[str]:
    [run] = json.loads(report_text)["runs"]
    return [result["partialFingerprints"]["nsllmFinding/v1"] for result in run["results"]]


def test_fingerprints_stay_when_lines_move_and_differ_between_findings() -> None:
    before = fingerprints(sarif.render(report(*FINDINGS)))
    moved = report(*FINDINGS)
    shift = "New first line.\n"
    file = moved.files[0]
    later = tuple(
        msgspec.structs.replace(
            located,
            finding=msgspec.structs.replace(
                located.finding,
                start=located.finding.start + len(shift),
                end=located.finding.end + len(shift),
            ),
        )
        for located in file.findings
    )
    file = msgspec.structs.replace(file, text=shift + TEXT, findings=later)
    assert fingerprints(sarif.render(msgspec.structs.replace(moved, files=(file,)))) == before
    assert len(set(before)) == len(before)
    twice = fingerprints(sarif.render(report(FINDINGS[0], FINDINGS[0])))
    assert len(set(twice)) == 2
    assert before != fingerprints(sarif.render(report(*FINDINGS, path="other.md")))


def test_workflow_commands_escape_what_would_end_them() -> None:
    first, second, *_ = github.render(report(*FINDINGS, path="a,b:c.md")).splitlines()
    assert first.startswith("::error file=a%2Cb%3Ac.md,line=3,endLine=3,col=13,endColumn=20,")
    assert first.endswith("100%25 sure.%0AThe source: Kept for 30 days.")
    assert "title=nsllm grounding.claim::" in first
    assert second.startswith("::warning ")
    assert "col=" not in second


def test_json_has_verdict_places_and_explanations() -> None:
    document = json.loads(records.render(report(*FINDINGS, explained=True)))
    [file] = document["files"]
    assert document["verdict"] == file["verdict"] == "reject"
    first = file["findings"][0]
    assert (first["line"], first["column"], first["end_column"]) == (3, 12, 19)
    assert TEXT[first["start"] : first["end"]] == "60 days"
    assert "0.10 is below `reject`" in first["explanation"]["decided"]
    assert document["skipped"] == [{"path": "b.bin", "reason": "is binary"}]


def printed(*findings: Finding, explained: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, highlight=False, soft_wrap=True, width=80)
    text.write(console, report(*findings, explained=explained), explain=explained)
    return stream.getvalue()


def test_text_names_places_in_eighty_columns() -> None:
    long = finding("60 days", Severity.WARN, message="Many words are said about it here. " * 8)
    shown_text = printed(*FINDINGS, long, explained=True)
    assert "docs/draft 1.md:3:12 reject grounding.claim" in shown_text
    assert "docs/a b.md:3 says “Kept for 30 days.”" in shown_text
    assert "Why: 0.10 is below `reject`, 0.30 (profile standard)." in shown_text
    assert "docs/draft 1.md: reject, decided by grounding.claim; without: warn" in shown_text
    assert "b.bin: not checked: is binary" in shown_text
    assert max(map(len, shown_text.splitlines())) <= 80


def test_text_without_findings_is_one_line_for_the_sum() -> None:
    assert "1 file checked: pass (no findings)" in printed()


def test_colour_is_for_terminals_alone() -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, width=80, color_system="standard")
    text.write(terminal, report(*FINDINGS))
    assert "\x1b[" in stream.getvalue()
    assert "\x1b[" not in printed(*FINDINGS)


def test_paths_are_shown_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(Path("docs/a.md")) == "docs/a.md"
    assert shown(tmp_path / "b.md") == "b.md"
    assert shown(tmp_path.parent / "c.md") == (tmp_path.parent / "c.md").as_posix()


def test_the_worst_file_decides() -> None:
    assert report(*FINDINGS).verdict is Verdict.REJECT
    assert report(FINDINGS[1]).verdict is Verdict.WARN
    assert report().verdict is Verdict.PASS
