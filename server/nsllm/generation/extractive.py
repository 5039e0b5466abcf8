"""Answer by quotation: the sentences of the passages that answer, or an honest "not found"."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import Sentence, is_prose, split
from nsllm.generation.reader import Reader
from nsllm.scoring.grounding import Embed
from nsllm.settings import Extraction
from nsllm.types import Draft, Passage

NOT_FOUND = "Nothing in this workspace answers that."

_MAX_WORDS = 70
_NEARNESS = 4.0
"""What a cosine counts against the reader's log-odds; chosen on the development questions."""

_SENTENCES_READ = 64
"""Sentences that the reader reads closely for one question, of the most similar passages."""


def says_not_found(text: str) -> bool:
    """Tell whether a text says that nothing answers."""
    return NOT_FOUND.rstrip(".").lower() in text.lower()


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
        return max((candidate.confidence for candidate in self.candidates), default=0.0)


def read(question: str, passages: Sequence[Passage], reader: Reader, embed: Embed) -> Reading:
    """Judge every sentence of the passages as an answer to the question.

    The reader's log-odds and the likeness in meaning give the order together: on the development
    questions that finds more answers than either (scripts/training/reader_dev).
    """
    places: list[tuple[Passage, Sentence, str]] = []
    for passage in passages:
        chunk = passage.chunk
        before, table = "", ""
        for sentence in split(chunk.text, prose=is_prose(chunk.path)):
            text = chunk.text[sentence.start : sentence.end]
            if sentence.kind == "heading":
                continue
            # A row means what the head of its table says.
            table = (table or text) if sentence.kind == "row" else ""
            around = table if table and table != text else before
            places.append((passage, sentence, context(text, chunk.heading, around)))
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
    nearness = embed([question, *(candidate.quote for candidate in candidates)])
    order = _log_odds(chances) + _NEARNESS * (nearness[1:] @ nearness[0])
    ordered = tuple(candidates[i] for i in np.argsort(-order, kind="stable"))
    return Reading(candidates=ordered)


def _choose(candidates: Sequence[Candidate], limits: Extraction) -> list[Candidate]:
    """Return the best candidates, and what follows the very best: answers often go on there."""
    best = candidates[0]
    # A row or a line of code says nothing of the one before it.
    following = [
        c
        for c in candidates
        if c.passage is best.passage and c.start >= best.end and c.kind in {"prose", "item"}
    ]
    after = sorted(following, key=lambda c: c.start)[:1]
    chosen: list[Candidate] = []
    words = 0
    for candidate in [*candidates[: limits.max_sentences], *after]:
        length = len(candidate.quote.split())
        # The best one is quoted whatever its length.
        if not chosen or (candidate not in chosen and words + length <= _MAX_WORDS):
            chosen.append(candidate)
            words += length
    return chosen


def rank(passages: Sequence[Passage], reading: Reading) -> list[Passage]:
    """Order passages by their best candidate, then by how they were retrieved."""
    best: dict[int, float] = {}
    for candidate in reading.candidates:
        key = id(candidate.passage)
        best[key] = max(best.get(key, 0.0), candidate.confidence)
    return sorted(passages, key=lambda p: -(best.get(id(p), 0.0) + p.score))


def _log_odds(chances: NDArray[np.float32]) -> NDArray[np.float64]:
    bounded = np.clip(chances.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(bounded / (1 - bounded))


def context(sentence: str, heading: str, before: str) -> str:
    """Return what the reader reads of a candidate: it, where it stands, and what comes before.

    The reader was trained on this very form (scripts/training/reader.py).
    """
    parts = (sentence, heading.rsplit(" > ", maxsplit=1)[-1], before)
    return " | ".join(" ".join(part.split()) for part in parts).strip()


def extract(reading: Reading, passages: Sequence[Passage], limits: Extraction) -> Draft:
    """Quote the best candidates in reading order, each with its marker, or say not found."""
    markers = {id(passage): marker for marker, passage in enumerate(passages, start=1)}
    # More passages were read than are kept: what cannot be cited is not quoted.
    candidates = [c for c in reading.candidates if id(c.passage) in markers]
    if max((c.confidence for c in candidates), default=0.0) < limits.min_confidence:
        return Draft(text=NOT_FOUND, mode="extract", model=None, found=False)
    chosen = _choose(candidates, limits)
    chosen.sort(key=lambda c: (markers[id(c.passage)], c.start))
    text = " ".join(f"{c.quote} [{markers[id(c.passage)]}]" for c in chosen)
    return Draft(text=text, mode="extract", model=None)
