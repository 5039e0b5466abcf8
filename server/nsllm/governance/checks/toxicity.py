"""Texts that are hateful towards people, or threaten someone."""

from collections.abc import Iterator

from nsllm.governance.rules import HighScore, Observation, Rule, Subject
from nsllm.scoring.toxicity import ToxicSpan


def find_toxic(subject: Subject, _options: HighScore) -> Iterator[Observation]:
    """Measure the toxicity of each sentence, or of the whole text where that alone is known."""
    score = subject.measurement.scores.toxicity
    whole = () if score is None else (ToxicSpan(start=0, end=len(subject.text), score=score),)
    for span in subject.measurement.toxic or whole:
        message = f"Hateful or threatening (toxicity {span.score:.2f})."
        yield Observation(start=span.start, end=span.end, message=message, value=span.score)


RULES = (
    Rule(
        id="toxicity",
        summary="A sentence that is hateful towards a group of people, or threatens someone.",
        find=find_toxic,
        measured=True,
        options=HighScore(warn=0.5, reject=0.8),
        strict={"warn": 0.4, "reject": 0.5},
        permissive={"warn": 0.7, "reject": 0.95},
        advice="Write it without the attack; quote what has to be quoted.",
    ),
)
