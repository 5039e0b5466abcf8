"""Texts whose sentences do not hang together."""

from collections.abc import Iterator

from nsllm.governance.rules import LowScore, Observation, Rule, Subject


def find_incoherent(subject: Subject, _options: LowScore) -> Iterator[Observation]:
    """Measure the coherence of the whole text, where it could be computed."""
    score = subject.measurement.scores.coherence
    if score is not None:
        message = (
            f"The sentences hardly belong together, or repeat themselves (coherence {score:.2f})."
        )
        yield Observation(start=0, end=len(subject.text), message=message, value=score)


RULES = (
    Rule(
        id="coherence",
        summary="A text whose sentences hardly belong together, or repeat themselves.",
        find=find_incoherent,
        measured=True,
        options=LowScore(warn=0.25, reject=0.05, applies_to=("answer",)),
        strict={"warn": 0.4, "reject": 0.2},
        permissive={"warn": 0.1, "severity": "warn"},
        advice="Put the sentences into order, and finish the last one.",
    ),
)
