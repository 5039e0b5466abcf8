"""Long passages that a text takes over word for word."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from nsllm.governance.rules import Observation, Rule, Subject, TooMany

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
# Block quotes, and what stands between quotation marks. A straight mark behind a word or a digit
# opens nothing (it may mean inches), and its pair is in the same paragraph.
_QUOTATION = re.compile(
    r"^[ ]{0,3}>[^\n]*(?:\n[ ]{0,3}>[^\n]*)*|“[^“”]*+”|„[^„“”]*+[“”]|«[^«»]*+»|»[^«»]*+«"
    r"|(?<!\w)\"(?=\S)(?:[^\"\n]|\n(?![ \t\r]*(?:\n|\Z)))++\"(?!\w)",
    re.MULTILINE,
)
Shingle = tuple[str, ...]


def find_copies(subject: Subject, options: TooMany) -> Iterator[Observation]:
    """Measure the words of each run that one of the passages has too.

    A quotation is meant to be one, so an extractive answer is left alone, and so are runs in
    block quotes and quotation marks.
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
    quoted = _within_quotations(subject.text, [match.start() for match in matches])
    for first, last in _runs([shingle in copied for shingle in shingles]):
        if all(quoted[first : last + width]):
            continue
        count = last - first + width
        source = copied[shingles[first]] or "a passage"
        yield Observation(
            start=matches[first].start(),
            end=matches[last + width - 1].end(),
            message=f"{count} words stand in {source} as they are here.",
            value=count,
        )


def _within_quotations(text: str, offsets: Sequence[int]) -> list[bool]:
    spans = [match.span() for match in _QUOTATION.finditer(text)]
    at = (bisect_right(spans, offset, key=lambda span: span[0]) - 1 for offset in offsets)
    return [n >= 0 and offset < spans[n][1] for n, offset in zip(at, offsets, strict=True)]


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
