"""For programs: one JSON document."""

from typing import Any

import msgspec

from nsllm.cli.checked import CheckedFile, Located, Region, Report
from nsllm.frontends import wire
from nsllm.governance.explain import Explanation
from nsllm.types import Scores


class CheckFinding(wire.WireFinding, frozen=True, kw_only=True, omit_defaults=True):
    """A finding with its place; columns count characters."""

    line: int
    column: int
    end_line: int
    end_column: int
    value: float | None = None
    explanation: Explanation | None = None


class CheckFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file and what was found in it."""

    path: str
    verdict: str
    scores: Scores
    findings: list[CheckFinding]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The document that `nsllm check --format json` prints."""

    verdict: str
    files: list[CheckFile]
    skipped: list[dict[str, Any]]


def render(report: Report) -> str:
    """Return the report as one JSON document."""
    record = Check(
        verdict=report.verdict.value,
        files=[_file(file) for file in report.files],
        skipped=[{"path": path, "reason": reason} for path, reason in report.skipped],
    )
    return wire.to_json(record) + "\n"


def _file(file: CheckedFile) -> CheckFile:
    return CheckFile(
        path=file.shown,
        verdict=file.judgement.verdict.value,
        scores=file.judgement.scores,
        findings=[
            _finding(located, region)
            for located, region in zip(file.findings, file.regions(), strict=True)
        ],
    )


def _finding(located: Located, region: Region) -> CheckFinding:
    return CheckFinding(
        **msgspec.structs.asdict(wire.finding(located.finding)),
        **msgspec.structs.asdict(region),
        value=located.finding.value,
        explanation=located.explanation,
    )
