"""Texts that insult, threaten or degrade."""

from collections.abc import Iterator

from nsllm.governance.rules import HighScore, Observation, Rule, Subject


def find_toxic(subject: Subject, _options: HighScore) -> Iterator[Observation]:
    """Measure the toxicity of the whole text, where it could be computed."""
    score = subject.measurement.scores.toxicity
    if score is not None:
        message = f"Reads as toxic (toxicity {score:.2f})."
        yield Observation(start=0, end=len(subject.text), message=message, value=score)


RULES = (
    Rule(
        id="toxicity",
        summary="A text that insults, threatens or degrades people.",
        find=find_toxic,
        measured=True,
        options=HighScore(warn=0.5, reject=0.8),
        strict={"warn": 0.4, "reject": 0.5},
        permissive={"warn": 0.7, "reject": 0.95},
        advice="Write it without the attack; quote what has to be quoted.",
    ),
)
