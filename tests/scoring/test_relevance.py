"""Relevance: a text about the question scores higher, whatever else it holds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import EMBEDDER
from nsllm.embedding.embedder import Embedder
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.relevance import relevance

ASKED = "What is asked?"


def embed_by_first_word(texts: Sequence[str]) -> NDArray[np.float32]:
    """Put what begins with `Near` where the question is, and all else at a right angle to it."""
    near, far = np.eye(2, 384, dtype=np.float32)
    return np.stack([near if text == ASKED or text.startswith("Near") else far for text in texts])


def relevance_of(text: str, *passages: str) -> float | None:
    return relevance(ASKED, text, [passage_chunk(one) for one in passages], embed_by_first_word)


def test_the_best_passage_counts_as_much_as_the_text() -> None:
    assert relevance_of("Near it is. [1]") == 1.0
    assert relevance_of("Far it is. [1]", "Far away is this.", "Near is this.") == 0.5
    assert relevance_of("Near it is. [1]", "Far away is this.") == 0.5


def test_a_longer_sentence_counts_more() -> None:
    short = relevance_of("Near it. Far away is all that is said here and said again.")
    long = relevance_of("Near is all that is said here and said again. Far away.")
    assert short is not None
    assert long is not None
    assert 0 < short < 0.5 < long < 1


@pytest.mark.parametrize("text", ["", " \n", "[1]"])
def test_without_a_text_there_is_none(text: str) -> None:
    assert relevance_of(text, "Near is this.") is None


def test_without_a_question_there_is_none() -> None:
    assert relevance(None, "Near it is.", [], embed_by_first_word) is None


@pytest.mark.models
def test_an_answer_is_more_relevant_than_another_sentence(models_home: Path) -> None:
    embed = Embedder(models_home / "models" / EMBEDDER, threads=1).embed
    chunk = passage_chunk("Backups are kept for ninety days. They are written at night.")
    question = "How long are backups kept?"
    answer, other = (
        relevance(question, text, [chunk], embed)
        for text in ("Backups are kept for ninety days. [1]", "Parking is free on Sundays. [1]")
    )
    assert answer is not None
    assert other is not None
    assert answer > other + 0.2
