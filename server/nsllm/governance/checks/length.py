"""Answers that are too short or too long."""

import re
from collections.abc import Iterator

from nsllm.governance.rules import Observation, Rule, Subject, TooFew, TooMany

_WORD = re.compile(r"\S+")


def find_short(subject: Subject, options: TooFew) -> Iterator[Observation]:
    """Measure the words of a text that has fewer than are wanted."""
    count = sum(1 for _ in _WORD.finditer(subject.text))
    if count < max(options.warn, options.reject):
        limit = options.reject if count < options.reject else options.warn
        message = f"{count} words; at least {limit} are wanted."
        yield Observation(start=0, end=len(subject.text), message=message, value=count)


def find_long(subject: Subject, options: TooMany) -> Iterator[Observation]:
    """Measure the words of a text that has more than are allowed, on those beyond the limit."""
    words = list(_WORD.finditer(subject.text))
    limit = options.reject if len(words) > options.reject else options.warn
    if len(words) > limit:
        yield Observation(
            start=words[limit].start(),
            end=words[-1].end(),
            message=f"{len(words)} words; at most {limit} are allowed.",
            value=len(words),
        )


RULES = (
    Rule(
        id="length.short",
        summary="A text with fewer words than are wanted.",
        find=find_short,
        options=TooFew(warn=1, applies_to=("answer",)),
        advice="Say more, or accept shorter texts.",
    ),
    Rule(
        id="length.long",
        summary="A text with more words than are allowed, on the words beyond the limit.",
        find=find_long,
        options=TooMany(warn=300, reject=800, applies_to=("answer",)),
        strict={"warn": 200, "reject": 400},
        permissive={"warn": 800, "reject": 2000},
        advice="Shorten the text.",
    ),
)
