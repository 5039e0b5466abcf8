"""Answer by quotation: the sentences of the passages that answer, or an honest "not found"."""

from collections.abc import Sequence

import msgspec
from nsllm.generation.reader import Reader

from nsllm.documents.sentences import Sentence, is_prose, split
from nsllm.settings import Extraction
from nsllm.types import Draft, Passage

NOT_FOUND = "Nothing in this workspace answers that."

_MAX_WORDS = 70
_SENTENCES_READ = 64
"""Sentences that the reader reads closely for one question, of the most similar passages."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a passage, and the probability that it answers the question."""

    passage: Passage
    start: int
    end: int
    kind: str
    confidence: float

    @property
    def quote(self) -> str:
        """The sentence as an answer shows it: one line, without the borders of a table."""
        text = " ".join(self.passage.chunk.text[self.start : self.end].split())
        if self.kind == "row":
            return " · ".join(cell for part in text.strip("|").split("|") if (cell := part.strip()))
        return f"`{text}`" if self.kind == "code" and "`" not in text else text


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader made of the passages of one question, best candidate first."""

    candidates: tuple[Candidate, ...]

    @property
    def confidence(self) -> float:
        """The probability that the passages answer the question."""
        return self.candidates[0].confidence if self.candidates else 0.0


def read(question: str, passages: Sequence[Passage], reader: Reader) -> Reading:
    """Judge every sentence of the passages as an answer to the question."""
    places: list[tuple[Passage, Sentence, str]] = []
    for passage in passages:
        chunk = passage.chunk
        before = ""
        for sentence in split(chunk.text, prose=is_prose(chunk.path)):
            text = chunk.text[sentence.start : sentence.end]
            if sentence.kind != "heading":
                places.append((passage, sentence, context(text, chunk.heading, before)))
                before = text
    places = places[:_SENTENCES_READ]
    chances = reader.answer_probability(question, [text for _, _, text in places])
    candidates = [
        Candidate(
            passage=passage,
            start=sentence.start,
            end=sentence.end,
            kind=sentence.kind,
            confidence=float(chance),
        )
        for (passage, sentence, _), chance in zip(places, chances, strict=True)
    ]
    return Reading(candidates=tuple(sorted(candidates, key=lambda c: -c.confidence)))


def rank(passages: Sequence[Passage], reading: Reading) -> list[Passage]:
    """Order passages by their best candidate, then by how they were retrieved."""
    best: dict[int, float] = {}
    for candidate in reading.candidates:
        key = id(candidate.passage)
        best[key] = max(best.get(key, 0.0), candidate.confidence)
    return sorted(passages, key=lambda p: -(best.get(id(p), 0.0) + p.score))


def context(sentence: str, heading: str, before: str) -> str:
    """Return what the reader reads of a candidate: it, where it stands, and what comes before.

    The reader was trained on this very form (scripts/training/reader.py).
    """
    parts = (sentence, heading.rsplit(" > ", maxsplit=1)[-1], before)
    return " | ".join(" ".join(part.split()) for part in parts).strip()


def extract(reading: Reading, passages: Sequence[Passage], limits: Extraction) -> Draft:
    """Quote the best candidates in reading order, each with its marker, or say not found."""
    if reading.confidence < limits.min_confidence:
        return Draft(text=NOT_FOUND, mode="extract", model=None, found=False)
    chosen: list[Candidate] = []
    words = 0
    for candidate in reading.candidates[: limits.max_sentences]:
        length = len(candidate.quote.split())
        # The first is quoted whatever its length; a further one must be nearly as good.
        wanted = candidate.confidence >= limits.min_confidence and words + length <= _MAX_WORDS
        if not chosen or wanted:
            chosen.append(candidate)
            words += length
    markers = {id(passage): marker for marker, passage in enumerate(passages, start=1)}
    chosen.sort(key=lambda c: (markers[id(c.passage)], c.start))
    text = " ".join(f"{c.quote} [{markers[id(c.passage)]}]" for c in chosen)
    return Draft(text=text, mode="extract", model=None)
