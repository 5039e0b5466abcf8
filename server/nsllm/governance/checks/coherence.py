"""Texts whose sentences do not hang together."""

from collections.abc import Iterator

from nsllm.governance.rules import LowScore, Observation, Rule, Subject
from nsllm.scoring.coherence import Flaw


def find_incoherent(subject: Subject, _options: LowScore) -> Iterator[Observation]:
    """Measure the coherence of the whole text, on the sentences that hold together least.

    A quotation is left out: its sentences were chosen from several places, and say so.
    """
    score = subject.measurement.scores.coherence
    if score is None or subject.mode == "extract":
        return
    flaw = subject.measurement.flaw or Flaw(
        start=0, end=len(subject.text), problem="the sentences hardly belong together"
    )
    message = f"{flaw.problem[:1].upper()}{flaw.problem[1:]} (coherence {score:.2f})."
    yield Observation(start=flaw.start, end=flaw.end, message=message, value=score)


RULES = (
    Rule(
        id="coherence",
        summary="A text whose sentences hardly belong together, or repeat themselves.",
        find=find_incoherent,
        measured=True,
        options=LowScore(warn=0.1, reject=0.02, applies_to=("answer",)),
        strict={"warn": 0.25, "reject": 0.05},
        permissive={"warn": 0.05, "severity": "warn"},
        advice="Put the sentences into order, and finish the last one.",
    ),
)
