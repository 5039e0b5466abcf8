"""Run all rules over a measured text and draw the verdict."""

from collections.abc import Iterable

from nsllm.governance.rules import RULES, Subject
from nsllm.settings import Governance
from nsllm.types import Finding, Judgement, Severity, Verdict

_VERDICTS = {
    Severity.INFO: Verdict.PASS,
    Severity.WARN: Verdict.WARN,
    Severity.REJECT: Verdict.REJECT,
}
_ORDER = (Verdict.PASS, Verdict.WARN, Verdict.REJECT)


def judge(subject: Subject, limits: Governance, notes: Iterable[Finding] = ()) -> Judgement:
    """Judge a text; `notes` are findings of earlier stages, which count as well."""
    findings = [*notes, *(finding for rule in RULES for finding in rule(subject, limits))]
    findings.sort(key=lambda finding: (finding.start, finding.end, finding.rule))
    return Judgement(
        scores=subject.measurement.scores,
        findings=tuple(findings),
        verdict=verdict_of(findings),
    )


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict of the gravest finding; without any, the text passes."""
    return max(
        (_VERDICTS[finding.severity] for finding in findings),
        key=_ORDER.index,
        default=Verdict.PASS,
    )
