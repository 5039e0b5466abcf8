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

_MAX_WORDS = 74
# Chosen on the development questions (scripts/training/reader_dev), like what follows.
_NEARNESS = 6.0
"""What a cosine counts against the reader's log-odds."""

_MARGIN = 9.0
"""How far below the best a sentence may be, in log-odds, to be quoted beside it."""

_ANSWERED = (0.30, 3.8, -1.0)
"""Weights of the best log-odds and of its passage's similarity, and the bias, of the log-odds
that the passages answer at all. The bias is where four in five of the unanswerable development
questions are declined."""

_SURE = 9.2
"""Log-odds beyond these are not told apart."""

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
    order: float
    """Log-odds with the likeness in meaning: what candidates are ordered by."""

    @property
    def quote(self) -> str:
        """The sentence as an answer shows it."""
        return quotation(self.passage.chunk.text[self.start : self.end], self.kind)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader made of the passages of one question, best candidate first."""

    candidates: tuple[Candidate, ...]

    @property
    def confidence(self) -> float:
        """The probability that the passages answer the question."""
        return _answered(self.candidates)


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
    quotes = [
        quotation(passage.chunk.text[sentence.start : sentence.end], sentence.kind)
        for passage, sentence, _ in places
    ]
    vectors = embed([question, *quotes])
    order = _log_odds(chances) + _NEARNESS * (vectors[1:] @ vectors[0])
    candidates = [
        Candidate(
            passage=passage,
            start=sentence.start,
            end=sentence.end,
            kind=sentence.kind,
            confidence=float(chance),
            order=float(weight),
        )
        for (passage, sentence, _), chance, weight in zip(places, chances, order, strict=True)
    ]
    return Reading(candidates=tuple(sorted(candidates, key=lambda c: -c.order)))


def quotation(text: str, kind: str) -> str:
    """Return a sentence on one line, and without the borders of a table."""
    text = " ".join(text.split())
    if kind == "row":
        return " · ".join(cell for part in text.strip("|").split("|") if (cell := part.strip()))
    return f"`{text}`" if kind == "code" and "`" not in text else text


def _answered(candidates: Sequence[Candidate]) -> float:
    """Return the probability that the candidates, best first, answer the question."""
    if not candidates:
        return 0.0
    surest = max(candidate.confidence for candidate in candidates)
    odds, similarity, bias = _ANSWERED
    bounded = float(np.clip(_log_odds(np.float32(surest)), -_SURE, _SURE))
    likely = odds * bounded + similarity * candidates[0].passage.similarity + bias
    return float(1.0 / (1.0 + np.exp(-likely)))


def _choose(candidates: Sequence[Candidate], limits: Extraction) -> list[Candidate]:
    """Return the best candidates, and what follows the very best: answers often go on there.

    One that stands out is quoted alone; where several are about as good, so are they.
    """
    best = candidates[0]
    others = [c for c in candidates[: limits.max_sentences] if best.order - c.order <= _MARGIN]
    # A row or a line of code says nothing of the one before it.
    following = [
        c
        for c in candidates
        if c.passage is best.passage and c.start >= best.end and c.kind in {"prose", "item"}
    ]
    after = sorted(following, key=lambda c: c.start)[:1]
    chosen: list[Candidate] = []
    words = 0
    for candidate in [*others, *after]:
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


def _log_odds(chances: NDArray[np.float32] | np.float32) -> NDArray[np.float64]:
    bounded = np.clip(np.asarray(chances, np.float64), 1e-6, 1 - 1e-6)
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
    if _answered(candidates) < limits.min_confidence:
        return Draft(text=NOT_FOUND, mode="extract", model=None, found=False)
    chosen = _choose(candidates, limits)
    chosen.sort(key=lambda c: (markers[id(c.passage)], c.start))
    text = " ".join(f"{c.quote} [{markers[id(c.passage)]}]" for c in chosen)
    return Draft(text=text, mode="extract", model=None)
