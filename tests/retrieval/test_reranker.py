"""Passages are ordered anew by their sentences."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nsllm.embedding.embedder import Embedder
from nsllm.retrieval.reranker import rerank
from nsllm.types import Chunk, Passage


def passage(text: str, *, score: float = 0.5, path: str = "a.md") -> Passage:
    chunk = Chunk(
        path=path, start=0, end=len(text), start_line=1, end_line=1, text=text, heading="Storage"
    )
    return Passage(chunk=chunk, score=score, similarity=0.3)


class Embedded:
    """Gives each text the cosine of its last number with the query, and keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += texts
        cosines = [1.0, *(int(text.rstrip(".")[-1]) / 10 for text in texts[1:])]
        return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], np.float32)


def test_one_near_sentence_brings_a_passage_to_the_front() -> None:
    far = passage("It is 3. It is 4. It is 4.", score=0.50)
    near = passage("It is 1. It is 9. It is 0.", score=0.45)
    found = rerank("How much?", [far, near], Embedded())
    assert [p.chunk.text for p in found] == [near.chunk.text, far.chunk.text]
    assert found[0].score == pytest.approx(0.5 * 0.45 + 0.5)


def test_the_order_of_the_search_counts_too() -> None:
    first = passage("It is 3.", score=1.0)
    last = passage("It is 4.", score=0.1)
    assert [p.chunk.text for p in rerank("How?", [first, last], Embedded())] == [
        "It is 3.",
        "It is 4.",
    ]


def test_scores_stay_between_zero_and_one_and_in_order() -> None:
    passages = [passage(f"It is {n}.", score=1 / (1 + n)) for n in range(10)]
    scores = [p.score for p in rerank("How?", passages, Embedded())]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_sentences_are_compared_on_one_line_and_headings_are_not() -> None:
    embed = Embedded()
    rerank("How?", [passage("## Part 7\n\nIt is\nlong: 2.\n\n| Plan | 3 |\n|---|---|\n")], embed)
    assert embed.texts == ["How?", "It is long: 2.", "Plan · 3"]


def test_a_passage_of_headings_alone_comes_last() -> None:
    empty, full = passage("## Part 9", score=0.5), passage("It is 1.", score=0.5)
    assert [p.chunk.text for p in rerank("How?", [empty, full], Embedded())] == [
        "It is 1.",
        "## Part 9",
    ]
    assert rerank("How?", [empty], Embedded())[0].chunk.text == "## Part 9"


def test_nothing_found_stays_nothing() -> None:
    assert rerank("How?", [], Embedded()) == []


@pytest.mark.models
def test_a_sentence_that_answers_is_found_in_a_passage_about_much_else(
    embedder_folder: Path,
) -> None:
    embed = Embedder(embedder_folder).embed
    question = "How long are old snapshots kept?"
    mixed = (
        "The office closes at six. Visitors sign in at the desk. Lunch is ordered by ten. "
        "Bicycles stand in the yard. Snapshots older than thirty days are erased. "
        "The heating is turned down on Fridays. Parcels go to the ground floor."
    )
    near = "Snapshots are taken at two. All disks are in them, but those of guests."
    asked, whole, other = embed([question, mixed, near])
    assert whole @ asked < other @ asked
    found = rerank(question, [passage(near), passage(mixed)], embed)
    assert [p.chunk.text for p in found] == [mixed, near]
