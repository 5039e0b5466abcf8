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
