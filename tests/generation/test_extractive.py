"""Quotation: only what can be cited is quoted."""

from nsllm.generation.extractive import NOT_FOUND, Candidate, Reading, extract
from nsllm.settings import Extraction
from nsllm.types import Chunk, Passage


def passage(text: str) -> Passage:
    chunk = Chunk(path="a.md", start=0, end=len(text), start_line=1, end_line=1, text=text)
    return Passage(chunk=chunk, score=0.5, similarity=0.5)


def candidate(source: Passage, confidence: float) -> Candidate:
    end = len(source.chunk.text)
    return Candidate(passage=source, start=0, end=end, kind="prose", confidence=confidence)


def test_a_candidate_of_a_passage_that_was_not_kept_is_not_quoted() -> None:
    kept, dropped = passage("Kept for 30 days."), passage("Kept for 90 days.")
    reading = Reading(candidates=(candidate(dropped, 0.9), candidate(kept, 0.8)))
    assert extract(reading, [kept], Extraction()).text == "Kept for 30 days. [1]"
    draft = extract(Reading(candidates=(candidate(dropped, 0.9),)), [kept], Extraction())
    assert (draft.text, draft.found) == (NOT_FOUND, False)


def test_the_sentence_that_follows_the_best_one_is_quoted_with_it() -> None:
    text = "Kept for 30 days. Then they move to the archive. | x |"
    source = passage(text)
    parts = [(0, 17, "prose", 0.9), (18, 48, "prose", 0.1), (49, 54, "row", 0.05)]
    reading = Reading(
        candidates=tuple(
            Candidate(passage=source, start=start, end=end, kind=kind, confidence=confidence)
            for start, end, kind, confidence in parts
        )
    )
    quoted = extract(reading, [source], Extraction(max_sentences=1)).text
    assert quoted == "Kept for 30 days. [1] Then they move to the archive. [1]"
