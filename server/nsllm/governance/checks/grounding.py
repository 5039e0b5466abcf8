"""Claims that the passages do not support."""

from collections.abc import Iterator

from nsllm.governance.rules import LowScore, Observation, Options, Rule, Subject
from nsllm.types import ClaimGrounding, Severity


def find_unsupported(subject: Subject, _options: LowScore) -> Iterator[Observation]:
    """Measure how far each claim is supported: on its unsupported words, where they are known."""
    for grounded in subject.measurement.claims:
        claim = grounded.claim
        for start, end in grounded.unsupported or ((claim.start, claim.end),):
            yield Observation(
                start=start,
                end=end,
                message=_unsupported(grounded),
                value=grounded.score,
                evidence=grounded.evidence,
            )


def find_unknown_names(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find identifiers, flags and paths that the workspace has nowhere."""
    for name in subject.unknown_names:
        message = f"The workspace has no {name.kind} {name.text}."
        yield Observation(start=name.start, end=name.end, message=message)


def _unsupported(grounded: ClaimGrounding) -> str:
    problem = grounded.problem or "no passage says so"
    return f"Not supported: {problem} (grounding {grounded.score:.2f})."


RULES = (
    Rule(
        id="grounding.claim",
        summary="A claim that the sources do not support, or contradict.",
        find=find_unsupported,
        measured=True,
        options=LowScore(warn=0.6, reject=0.3),
        strict={"warn": 0.75, "reject": 0.5},
        permissive={"warn": 0.4, "reject": 0.1},
        advice="Say what the source says, add the source to the workspace, or drop the claim.",
    ),
    Rule(
        id="grounding.unknown-identifier",
        summary="An identifier, flag or path that exists nowhere in the workspace.",
        find=find_unknown_names,
        measured=True,
        options=Options(severity=Severity.WARN),
        strict={"severity": "reject"},
        permissive={"enabled": False},
        advice="Write the name as the sources do, or drop it: it may be invented.",
    ),
)
