"""Answer by quotation: the sentences of the passages that answer, or an honest "not found"."""

from collections.abc import Sequence

from nsllm.generation.reading import Candidate, Reading
from nsllm.settings import Extraction
from nsllm.types import Draft, Passage

NOT_FOUND = "Nothing in this workspace answers that."

_MAX_WORDS = 74

_ENDS = (".", "!", "?", "…", '."', ".)")
"""How a sentence ends."""

# Chosen on the development questions (scripts/training/reader_dev).
_MARGIN = 8.0
"""How far below the best a sentence may be, in log-odds, to be quoted beside it."""


def says_not_found(text: str) -> bool:
    """Tell whether a text says that nothing answers."""
    return NOT_FOUND.rstrip(".").lower() in text.lower()


def extract(reading: Reading, passages: Sequence[Passage], limits: Extraction) -> Draft:
    """Quote the best candidates in reading order, each with its marker, or say not found."""
    markers = {id(passage): marker for marker, passage in enumerate(passages, start=1)}
    # More passages were read than are kept: what cannot be cited is not quoted.
    kept = reading.within(passages)
    if kept.confidence < limits.min_confidence:
        return Draft(text=NOT_FOUND, mode="extract", model=None, found=False)
    chosen = _choose(kept.candidates, limits)
    chosen.sort(key=lambda c: (markers[id(c.passage)], c.start))
    text = _joined([(c.quote, markers[id(c.passage)]) for c in chosen])
    return Draft(text=text, mode="extract", model=None)


def _joined(quotes: Sequence[tuple[str, int]]) -> str:
    """Join quotes with their markers: a paragraph for each passage.

    What is no sentence, such as a row, stands by itself.
    """
    text, last, ended = "", 0, True
    for quote, marker in quotes:
        is_sentence = quote.endswith(_ENDS)
        between = " " if marker == last and ended and is_sentence else "\n\n"
        text = f"{text}{between if text else ''}{quote} [{marker}]"
        last, ended = marker, is_sentence
    return text


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
