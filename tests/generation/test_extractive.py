"""Quotation: only what can be cited is quoted."""

import math

import msgspec

from nsllm.generation.extractive import NOT_FOUND, extract
from nsllm.generation.reading import Candidate, Reading
from nsllm.scoring.claims import claims
from nsllm.settings import Extraction
from nsllm.types import Chunk, Passage


def passage(text: str) -> Passage:
    chunk = Chunk(path="a.md", start=0, end=len(text), start_line=1, end_line=1, text=text)
    return Passage(chunk=chunk, score=0.5, similarity=0.5)


def candidate(source: Passage, confidence: float) -> Candidate:
    end = len(source.chunk.text)
    return judged(source, (0, end), "prose", confidence)


def judged(source: Passage, span: tuple[int, int], kind: str, confidence: float) -> Candidate:
    around = 1.0
    return Candidate(
        passage=source,
        start=span[0],
        end=span[1],
        kind=kind,
        confidence=confidence,
        order=math.log(confidence / (1 - confidence)) + around,
        around=around,
    )


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
            judged(source, (start, end), kind, confidence) for start, end, kind, confidence in parts
        )
    )
    quoted = extract(reading, [source], Extraction(max_sentences=1)).text
    assert quoted == "Kept for 30 days. [1] Then they move to the archive. [1]"


def test_sentences_about_as_good_as_the_best_are_quoted_and_the_others_are_not() -> None:
    source = passage("It takes 30 days. It takes a month. Nobody asked that.")
    spans = [(0, 17), (18, 35), (36, 54)]
    close = [
        judged(source, span, "item", c) for span, c in zip(spans, (0.9, 0.8, 0.0001), strict=True)
    ]
    quoted = extract(Reading(candidates=tuple(close)), [source], Extraction()).text
    assert quoted == "It takes 30 days. [1] It takes a month. [1]"
    alone = [close[0], close[2]]
    quoted = extract(Reading(candidates=tuple(alone)), [source], Extraction()).text
    assert quoted == "It takes 30 days. [1] Nobody asked that. [1]", "it follows the best one"


def test_an_unlikely_answer_from_a_distant_passage_is_none() -> None:
    near, far = passage("Kept for 30 days."), passage("Kept for 30 days.")
    far = msgspec.structs.replace(far, similarity=0.1)
    sure = [Reading(candidates=(candidate(source, 0.9),)) for source in (near, far)]
    assert extract(sure[0], [near], Extraction()).found
    assert not extract(sure[1], [far], Extraction()).found


def test_what_is_no_sentence_is_quoted_by_itself() -> None:
    """Or two quotes would be one claim, which no passage supports as a whole."""
    texts = ["It is kept for a month.", "| Solo | 30 days |", "Then it goes to the archive."]
    kinds = ["prose", "row", "prose"]
    sources = [passage(text) for text in texts]
    found = [
        judged(source, (0, len(text)), kind, 0.9)
        for source, text, kind in zip(sources, texts, kinds, strict=True)
    ]
    quoted = extract(Reading(candidates=tuple(found)), sources, Extraction()).text
    assert quoted == (
        "It is kept for a month. [1]\n\nSolo · 30 days [2]\n\nThen it goes to the archive. [3]"
    )
    assert [claim.text for claim in claims(quoted)] == [
        "It is kept for a month. [1]",
        "Solo · 30 days [2]",
        "Then it goes to the archive. [3]",
    ]


def test_quotes_of_two_passages_are_two_paragraphs() -> None:
    """They were not written to follow one another, and are not judged as if they had been."""
    sources = [passage("It is kept for a month."), passage("Nobody reads it later.")]
    found = [candidate(source, 0.9) for source in sources]
    quoted = extract(Reading(candidates=tuple(found)), sources, Extraction()).text
    assert quoted == "It is kept for a month. [1]\n\nNobody reads it later. [2]"
