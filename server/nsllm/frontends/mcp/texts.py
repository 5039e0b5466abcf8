"""Answers and judgements in words, for clients and models that read no structured content."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from nsllm.frontends.http.contracts import Hits, Judgement
from nsllm.frontends.wire import WireAnswer, WireFinding
from nsllm.types import Scores

if TYPE_CHECKING:
    from nsllm.governance.records import AuditRecord


def of_hits(hits: Hits) -> str:
    """Return the passages with their places, best first."""
    if not hits.hits:
        return "Nothing was found."
    return "\n\n".join(
        f"[{hit.marker}] {hit.path}:{hit.start_line}-{hit.end_line} (score {hit.score:.2f})\n"
        f"{hit.text.strip()}"
        for hit in hits.hits
    )


def of_answer(answer: WireAnswer) -> str:
    """Return the answer's text, its sources, and what governance says of it."""
    sources = [
        f"[{source.marker}] {source.path}:{source.start_line}-{source.end_line}"
        for source in answer.sources
    ]
    parts = [answer.text, "\n".join(["Sources:", *sources]) if sources else "No sources."]
    judged = _judged(answer.verdict, answer.scores, answer.findings, answer.text)
    return "\n\n".join([*parts, judged])


def of_judgement(judgement: Judgement, text: str) -> str:
    """Return verdict, scores and findings of a text."""
    return _judged(judgement.verdict, judgement.scores, judgement.findings, text)


def of_record(record: "AuditRecord") -> str:
    """Return a past answer as a Markdown document."""
    from nsllm.frontends import wire

    places = [
        f"- [{marker}] {one.path}:{one.start_line}-{one.end_line}"
        for marker, one in enumerate(record.evidence, start=1)
    ]
    findings = [wire.finding(one) for one in record.findings]
    parts = [
        f"# {' '.join(record.question.split())}",
        record.text,
        "\n".join(["## Sources", "", *places]) if places else "",
        "## Judgement",
        _judged(record.verdict.value, record.scores, findings, record.text),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _judged(verdict: str, scores: Scores, findings: Sequence[WireFinding], text: str) -> str:
    measured = [
        f"{name} {value:.2f}"
        for name, value in msgspec.structs.asdict(scores).items()
        if value is not None
    ]
    lines = [f"Verdict: {verdict}", f"Scores: {', '.join(measured) or 'none could be computed'}"]
    for finding in findings:
        words = " ".join(text[finding.start : finding.end].split())
        lines.append(f"- {finding.severity} {finding.rule}: {finding.message}")
        if words:
            lines.append(f"  about: {words}")
    return "\n".join(lines)
