"""A text with a mark on each character that its source does not support."""

import re
from dataclasses import dataclass
from random import Random
from typing import Self

SUPPORTED, UNSUPPORTED, UNKNOWN = "0", "1", "?"


@dataclass(frozen=True)
class Draft:
    """`marks` has one of SUPPORTED, UNSUPPORTED and UNKNOWN for each character of `text`."""

    text: str
    marks: str

    @classmethod
    def of(cls, text: str, mark: str = SUPPORTED) -> Self:
        """Mark every character alike."""
        return cls(text, mark * len(text))

    def put(self, start: int, end: int, new: str, mark: str = SUPPORTED) -> "Draft":
        """Return a draft with [start, end) replaced by `new`, whose characters get `mark`."""
        text = self.text[:start] + new + self.text[end:]
        return Draft(text, self.marks[:start] + mark * len(new) + self.marks[end:])

    def mark(self, start: int, end: int) -> "Draft":
        """Return a draft of the same text with [start, end) unsupported."""
        marks = self.marks[:start] + UNSUPPORTED * (end - start) + self.marks[end:]
        return Draft(self.text, marks)

    def cut(self, start: int, end: int) -> "Draft":
        """Return a draft without [start, end)."""
        return self.put(start, end, "")

    def spans(self) -> list[tuple[int, int]]:
        """Return the unsupported spans, in order."""
        return [match.span() for match in re.finditer(UNSUPPORTED + "+", self.marks)]


def like(written: str, word: str) -> str:
    """Return `word` in the case of `written`."""
    if len(written) > 1 and written.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if written[:1].isupper() else word


def pick(pattern: re.Pattern[str], text: str, random: Random) -> re.Match[str] | None:
    """Return one of the matches of a pattern, or None."""
    found = list(pattern.finditer(text))
    return random.choice(found) if found else None
