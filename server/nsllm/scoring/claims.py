"""Split a text into its claims: the sentences that assert something which can be checked."""

import re

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.words import content_words
from nsllm.types import Claim

_MARKER = re.compile(r"\[(\d{1,3})\](?!\()")
_HEDGE = re.compile(
    r"(?:i(?:'m| am)? (?:think|believe|guess|hope|sorry)|perhaps|maybe|hello|hi\b|thanks|thank you"
    r"|sure\b|certainly\b|of course\b|let me know|feel free|here (?:is|are)\b.*:$)",
    re.IGNORECASE,
)


def claims(text: str) -> list[Claim]:
    """Return the checkable claims of `text`, in order, with exact offsets.

    Headings, questions, greetings, hedges and fenced code claim nothing.
    """
    return [
        Claim(
            start=s.start,
            end=s.end,
            text=text[s.start : s.end],
            markers=markers(text[s.start : s.end]),
        )
        for s in split(text)
        if _asserts(text, s)
    ]


def markers(text: str) -> tuple[int, ...]:
    """Return the numbers of the citation markers like [2], in order."""
    return tuple(int(number) for number in _MARKER.findall(text))


def without_markers(text: str) -> str:
    """Return the text without its citation markers, for comparison with a source."""
    return _MARKER.sub("", text).strip()


def _asserts(text: str, sentence: Sentence) -> bool:
    if sentence.kind in {"heading", "code"}:
        return False
    bare = without_markers(text[sentence.start : sentence.end])
    return not bare.endswith("?") and not _HEDGE.match(bare) and len(content_words(bare)) >= 2
