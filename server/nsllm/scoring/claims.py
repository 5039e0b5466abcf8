"""Split a text into its claims: the sentences that assert something which can be checked."""

import re

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.words import content_words
from nsllm.types import Claim

MARKER = re.compile(r"\[(\d{1,3})\](?!\()")
"""A citation marker like [2]; what goes on like a link is none."""

_HEDGE = re.compile(r"(?:i(?:'m| am)? (?:think|believe|guess|hope)|perhaps|maybe)", re.IGNORECASE)
_COURTESY = re.compile(
    r"(?:hello|hi\b|hey\b|thanks|thank you|sorry|i(?:'m| am) sorry|sure\b|certainly\b|of course\b"
    r"|let me know|feel free|welcome\b|good (?:morning|luck|question)|happy to|glad to"
    r"|you're welcome|no problem|see you|here (?:is|are)\b.*:$)",
    re.IGNORECASE,
)
# What stands above such a row are the names of a table's columns.
_RULE_BELOW = re.compile(r"[ \t]*+(?:\|[ \t]*+)?\r?\n[ \t]*+\|[ \t]*+:?--[-:| \t]*+(?:\r?\n|$)")


def claims(text: str) -> list[Claim]:
    """Return the checkable claims of `text`, in order, with exact offsets.

    Headings, questions, courtesies, fenced code and the heads of tables claim nothing. Hedges
    ("I think …") claim nothing beside what is plainly said; a text that says nothing else is
    taken at its word.
    """
    sentences = [s for s in split(text) if _asserts(text, s)]
    plain = [s for s in sentences if not _HEDGE.match(text, s.start)]
    return [
        Claim(
            start=s.start,
            end=s.end,
            text=text[s.start : s.end],
            markers=markers(text[s.start : s.end]),
        )
        for s in plain or sentences
    ]


def markers(text: str) -> tuple[int, ...]:
    """Return the numbers of the citation markers like [2], in order."""
    return tuple(int(number) for number in MARKER.findall(text))


def without_markers(text: str) -> str:
    """Return the text without its citation markers, for comparison with a source."""
    return MARKER.sub("", text).strip()


def _asserts(text: str, sentence: Sentence) -> bool:
    if sentence.kind in {"heading", "code"} or _RULE_BELOW.match(text, sentence.end):
        return False
    bare = without_markers(text[sentence.start : sentence.end])
    return not bare.endswith("?") and not _COURTESY.match(bare) and len(content_words(bare)) >= 2
