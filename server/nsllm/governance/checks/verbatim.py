"""Long passages that a text takes over word for word."""

import re
from collections.abc import Iterator, Sequence

from nsllm.governance.rules import Observation, Rule, Subject, TooMany

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
Shingle = tuple[str, ...]


def find_copies(subject: Subject, options: TooMany) -> Iterator[Observation]:
    """Measure the words of each run that one of the passages has too.

    A quotation is meant to be one, so an extractive answer is left alone.
    """
    if subject.mode == "extract":
        return
    width = min(options.warn, options.reject) + 1
    copied: dict[Shingle, str] = {}
    for chunk in subject.chunks:
        words = [match[0].casefold() for match in _WORD.finditer(chunk.text)]
        copied |= dict.fromkeys(_shingles(words, width), chunk.path)
    if not copied:
        return
    matches = list(_WORD.finditer(subject.text))
    shingles = _shingles([match[0].casefold() for match in matches], width)
    for first, last in _runs([shingle in copied for shingle in shingles]):
        count = last - first + width
        source = copied[shingles[first]] or "a passage"
        yield Observation(
            start=matches[first].start(),
            end=matches[last + width - 1].end(),
            message=f"{count} words stand in {source} as they are here.",
            value=count,
        )


def _shingles(words: Sequence[str], width: int) -> list[Shingle]:
    return [tuple(words[i : i + width]) for i in range(len(words) - width + 1)]


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the first and last index of each unbroken run of true flags."""
    first: int | None = None
    for number, flag in enumerate([*flags, False]):
        if flag and first is None:
            first = number
        elif not flag and first is not None:
            yield first, number - 1
            first = None


RULES = (
    Rule(
        id="verbatim",
        summary="A run of words that a source has word for word, and that is no marked quotation.",
        find=find_copies,
        options=TooMany(warn=60, reject=250, applies_to=("answer",)),
        strict={"warn": 40, "reject": 120},
        permissive={"enabled": False},
        advice="Say it in other words, shorten it, or quote it as a quotation.",
    ),
)
