"""Run all rules over a measured text and draw the verdict."""

from collections.abc import Iterable, Iterator

from nsllm.governance.checks import BUILT_IN
from nsllm.governance.rulebook import FAILED, Configured, Rulebook, applies
from nsllm.governance.rules import Observation, Subject, severity_of
from nsllm.stopping import checkpoint
from nsllm.types import Finding, Judgement, Severity, Verdict

_VERDICTS = {
    Severity.INFO: Verdict.PASS,
    Severity.WARN: Verdict.WARN,
    Severity.REJECT: Verdict.REJECT,
}
_ORDER = (Verdict.PASS, Verdict.WARN, Verdict.REJECT)
_OWN = frozenset(rule.id for rule in BUILT_IN)


def judge(subject: Subject, rulebook: Rulebook, notes: Iterable[Finding] = ()) -> Judgement:
    """Judge a text; `notes` are findings of earlier stages, which count as well."""
    findings = list(notes)
    failures = rulebook.failed_for(subject.path)
    for configured in rulebook.of(subject):
        checkpoint()
        if configured.rule.id in _OWN:
            findings += apply(configured, subject)
            continue
        try:
            findings += apply(configured, subject)
        except Exception as error:  # noqa: BLE001 - other people's code
            failures[configured.rule.id] = f"{type(error).__name__}: {error}"
    findings += _tell(failures, subject, rulebook)
    findings.sort(key=lambda finding: (finding.start, finding.end, finding.rule))
    return Judgement(
        scores=subject.measurement.scores,
        findings=tuple(findings),
        verdict=verdict_of(findings),
    )


def apply(configured: Configured, subject: Subject) -> Iterator[Finding]:
    """Yield the findings of one rule.

    Raises:
        ValueError: the rule observed something outside the text.
    """
    for seen in configured.rule.find(subject, configured.options):
        _check_span(seen, subject)
        severity = severity_of(configured.options, seen.value)
        if severity is not None:
            yield Finding(
                rule=configured.rule.id,
                severity=severity,
                start=seen.start,
                end=seen.end,
                message=seen.message,
                evidence=seen.evidence,
                value=seen.value,
            )


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict of the gravest finding; without any, the text passes."""
    return max(
        (_VERDICTS[finding.severity] for finding in findings),
        key=_ORDER.index,
        default=Verdict.PASS,
    )


def _check_span(seen: Observation, subject: Subject) -> None:
    if not 0 <= seen.start <= seen.end <= len(subject.text):
        raise ValueError(
            f"observed {seen.start} to {seen.end} in a text of {len(subject.text)} characters"
        )


def _tell(failures: dict[str, str], subject: Subject, rulebook: Rulebook) -> Iterator[Finding]:
    """Yield a finding for each rule that broke down: a text it did not see has not passed it."""
    configured = rulebook.configured(subject.path)[FAILED]
    if not applies(configured.options, subject):
        return
    for name, reason in sorted(failures.items()):
        yield Finding(
            rule=FAILED,
            severity=configured.options.severity,
            start=0,
            end=0,
            message=f"The rule {name} did not run: {reason}.",
        )
