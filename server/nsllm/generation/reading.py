"""What the reader makes of the passages of a question: every sentence as a candidate answer."""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import groupby

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import Kind, Sentence, is_prose, one_line, split
from nsllm.generation.reader import PassageReader, sheet
from nsllm.scoring.words import content_words
from nsllm.types import Passage

SIGNS = ("order", "around", "similarity", "reworded", "absent")
"""What tells whether the passages answer at all: the best candidate's order, its passage's log-odds
and similarity, and the question's other words and unknown names."""

_MOST_REWORDED = 2
_MOST_ABSENT = 1
"""More other words, and more unknown names, are not told apart."""

_NAME = re.compile(r"[A-Z]|[\d_`]|[./]\w")
"""What a word has that is a name, a number or code, unless it is the first of the question."""

_SURE = 15.0
"""An order beyond this is not told apart."""

Place = tuple[Passage, Sentence]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a passage, and the probability that it answers the question."""

    passage: Passage
    start: int
    end: int
    kind: Kind
    confidence: float
    order: float
    """The log-odds that it answers and that its passage does: what candidates are ordered by."""
    around: float
    """The log-odds that the passage answers."""

    @property
    def quote(self) -> str:
        """The sentence as an answer shows it."""
        return _quotation(self.passage.chunk.text[self.start : self.end], self.kind)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader made of the passages of one question, best candidate first."""

    candidates: tuple[Candidate, ...]
    reworded: int = 0
    """How many of the question's words no passage has, but for names: the reader is less sure of
    an answer in other words than it might be."""
    absent: int = 0
    """How many of the question's names no passage has: it may ask for what is nowhere."""

    @property
    def confidence(self) -> float:
        """The probability that the passages answer the question."""
        if not self.candidates:
            return 0.0
        weights, bias = _weights()
        likely = float(weights @ self.signs()) + bias
        return float(1 / (1 + np.exp(-np.clip(likely, -40, 40))))

    def signs(self) -> NDArray[np.float64]:
        """Return float64 [len(SIGNS)], what `confidence` is computed from."""
        best = self.candidates[0]
        return np.array(
            [
                np.clip(best.order, -_SURE, _SURE),
                best.around,
                best.passage.similarity,
                min(self.reworded, _MOST_REWORDED),
                min(self.absent, _MOST_ABSENT),
            ]
        )

    def within(self, passages: Sequence[Passage]) -> "Reading":
        """Return the reading of these passages alone."""
        kept = {id(passage) for passage in passages}
        inside = tuple(c for c in self.candidates if id(c.passage) in kept)
        return msgspec.structs.replace(self, candidates=inside)


def read(question: str, passages: Sequence[Passage], reader: PassageReader) -> Reading:
    """Judge every sentence of the passages as an answer to the question."""
    places = [
        (passage, sentence)
        for passage in passages
        for sentence in split(passage.chunk.text, prose=is_prose(passage.chunk.path))
    ]
    found = [
        Candidate(
            passage=passage,
            start=sentence.start,
            end=sentence.end,
            kind=sentence.kind,
            confidence=float(1 / (1 + np.exp(-odds))),
            order=odds + around,
            around=around,
        )
        for (passage, sentence), (odds, around) in zip(
            places, _marks(question, places, reader), strict=True
        )
        if sentence.kind != "heading"
    ]
    reworded, absent = _unknown(question, passages)
    return Reading(
        candidates=tuple(sorted(found, key=lambda c: -c.order)), reworded=reworded, absent=absent
    )


def _unknown(question: str, passages: Sequence[Passage]) -> tuple[int, int]:
    """Count the words of the question, and its names, that are in no passage and no heading."""
    offered = {
        word
        for passage in passages
        for word in content_words(f"{passage.chunk.heading} {passage.chunk.text}")
    }
    words: set[str] = set()
    names: set[str] = set()
    for place, part in enumerate(question.split()):
        is_name = place > 0 and _NAME.search(part) is not None
        (names if is_name else words).update(set(content_words(part)) - offered)
    return len(words), len(names)


def _marks(
    question: str, places: Sequence[Place], reader: PassageReader
) -> list[tuple[float, float]]:
    """Return for each sentence the log-odds of it and of its passage, read as one."""
    grouped = [list(group) for _, group in groupby(places, key=lambda place: id(place[0]))]
    sheets = [
        sheet(_heading(group[0][0]), [one_line(_words(*place), place[1].kind) for place in group])
        for group in grouped
    ]
    return [
        (float(odds), mark.passage)
        for mark in reader.read(question, sheets)
        for odds in mark.sentences
    ]


def rank(passages: Sequence[Passage], reading: Reading) -> list[Passage]:
    """Order passages by their best candidate, then by how they were retrieved."""
    best: dict[int, float] = {}
    for candidate in reading.candidates:
        key = id(candidate.passage)
        best[key] = max(best.get(key, 0.0), candidate.confidence)
    return sorted(passages, key=lambda p: -(best.get(id(p), 0.0) + p.score))


def _words(passage: Passage, sentence: Sentence) -> str:
    return passage.chunk.text[sentence.start : sentence.end]


def _heading(passage: Passage) -> str:
    return passage.chunk.heading.rsplit(" > ", maxsplit=1)[-1]


def _quotation(text: str, kind: Kind) -> str:
    """Return a sentence as an answer shows it."""
    line = one_line(text, kind)
    return f"`{line}`" if kind == "code" and "`" not in line else line


@cache
def _weights() -> tuple[NDArray[np.float64], float]:
    """Return the weights of SIGNS and the bias (scripts/training/reading_weights.py)."""
    body = (resources.files(__package__) / "reading_weights.json").read_text("utf-8")
    table: dict[str, float] = json.loads(body)
    return np.array([table[name] for name in SIGNS]), table["bias"]
