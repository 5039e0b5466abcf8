"""The rules: each turns a measurement into findings on exact spans. No rule does I/O."""

import re
from collections.abc import Callable, Iterator

import msgspec

from nsllm.scoring.claims import without_markers
from nsllm.scoring.scorer import Measurement
from nsllm.settings import Governance
from nsllm.types import AnswerMode, ClaimGrounding, Finding, Severity

_MARKER = re.compile(r"\[(\d{1,3})\](?!\()")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule looks at: a text, its measurement, and the number of its passages."""

    text: str
    measurement: Measurement
    passages: int | None
    """How many passages its markers can point to; None where they are not numbered for it."""
    mode: AnswerMode | None = None
    """How the text was made; None where it came from elsewhere."""


Rule = Callable[[Subject, Governance], Iterator[Finding]]


def length(subject: Subject, limits: Governance) -> Iterator[Finding]:
    """Find texts that are too short or too long, on the words beyond the limit."""
    words = list(re.finditer(r"\S+", subject.text))
    if len(words) < limits.min_words_warn:
        message = f"{len(words)} words; at least {limits.min_words_warn} are wanted."
        yield _finding("length.short", Severity.WARN, (0, len(subject.text)), message)
    for limit, severity in (
        (limits.max_words_reject, Severity.REJECT),
        (limits.max_words_warn, Severity.WARN),
    ):
        if len(words) > limit:
            message = f"{len(words)} words; at most {limit} are allowed."
            yield _finding(
                "length.long", severity, (words[limit].start(), words[-1].end()), message
            )
            return


def grounding(subject: Subject, limits: Governance) -> Iterator[Finding]:
    """Find claims that the passages do not support."""
    for grounded in subject.measurement.claims:
        severity = _severity_below(
            grounded.score, limits.claim_grounding_warn, limits.claim_grounding_reject
        )
        if severity:
            yield Finding(
                rule="grounding.claim",
                severity=severity,
                start=grounded.claim.start,
                end=grounded.claim.end,
                message=_unsupported(grounded),
                evidence=grounded.evidence,
            )


def coherence(subject: Subject, limits: Governance) -> Iterator[Finding]:
    """Find texts whose sentences do not hang together."""
    score = subject.measurement.scores.coherence
    if score is None:
        return
    severity = _severity_below(score, limits.coherence_warn, limits.coherence_reject)
    if severity:
        message = (
            f"The sentences hardly belong together, or repeat themselves (coherence {score:.2f})."
        )
        yield _finding("coherence", severity, (0, len(subject.text)), message)


def citations(subject: Subject, limits: Governance) -> Iterator[Finding]:
    """Find markers that point to no passage, and generated claims that cite none."""
    if subject.passages is not None:
        for match in _MARKER.finditer(subject.text):
            if not 1 <= int(match[1]) <= subject.passages:
                message = f"There is no source [{match[1]}]; there are {subject.passages}."
                yield _finding("citation.unknown", Severity.REJECT, match.span(), message)
    if not limits.require_citations or subject.mode is None:
        return
    for grounded in subject.measurement.claims:
        if not grounded.claim.markers and without_markers(grounded.claim.text):
            span = (grounded.claim.start, grounded.claim.end)
            yield _finding("citation.missing", Severity.WARN, span, "This claim cites no source.")


RULES: tuple[Rule, ...] = (length, grounding, coherence, citations)


def _severity_below(score: float, warn: float, reject: float) -> Severity | None:
    if score < reject:
        return Severity.REJECT
    return Severity.WARN if score < warn else None


def _unsupported(grounded: ClaimGrounding) -> str:
    problem = grounded.problem or "no passage says so"
    return f"Not supported: {problem} (grounding {grounded.score:.2f})."


def _finding(rule: str, severity: Severity, span: tuple[int, int], message: str) -> Finding:
    return Finding(rule=rule, severity=severity, start=span[0], end=span[1], message=message)
