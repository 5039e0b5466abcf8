"""A rule that finds shouting: sentences with too large a share of capitals."""

from collections.abc import Iterator

from nsllm.documents.sentences import split
from nsllm.governance.rules import Count, HighScore, Observation, Rule, Subject


class ShoutingOptions(HighScore, frozen=True, kw_only=True):
    """Options of the rule, besides those that every rule has."""

    min_letters: Count = 8
    """Shorter sentences may be abbreviations."""


def find_shouting(subject: Subject, options: ShoutingOptions) -> Iterator[Observation]:
    """Measure the share of capitals among the letters of each sentence."""
    for sentence in split(subject.text):
        words = subject.text[sentence.start : sentence.end]
        letters = [letter for letter in words if letter.isalpha()]
        if sentence.kind == "code" or len(letters) < max(1, options.min_letters):
            continue
        share = sum(letter.isupper() for letter in letters) / len(letters)
        # Every sentence is observed: warn and reject decide which of them is a finding.
        yield Observation(
            start=sentence.start,
            end=sentence.end,
            message=f"This shouts: {share:.0%} of its letters are capitals.",
            value=share,
        )


RULES = (
    Rule(
        id="acme.shouting",
        summary="A sentence in capitals.",
        find=find_shouting,
        options=ShoutingOptions(warn=0.5, reject=0.9),
        strict={"warn": 0.3, "reject": 0.6},
        permissive={"severity": "warn"},
        advice="Write it as a sentence.",
        help_uri="https://acme.example/rules#shouting",
    ),
)
