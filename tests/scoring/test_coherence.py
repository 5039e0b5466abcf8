"""Coherence: what is broken scores lower, and the finding names what is wrong where."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from conftest import EMBEDDER
from nsllm.embedding.embedder import Embedder
from nsllm.models.orderer import Orderer
from nsllm.runtime import COHERENCE
from nsllm.scoring.coherence import Coherence, coherence
from nsllm.scoring.languages import language_of
from nsllm.scoring.order import Order, Paragraph, ReadOrder

INTACT = (
    "The importer reads a file of readings and stores them in the database. "
    "It checks every row before anything is written. "
    "If a row is damaged, the importer names it and leaves the database as it was."
)
STRANGE = "Bananas are picked while they are still green."


def embed_alike(texts: Sequence[str]) -> NDArray[np.float32]:
    """Put all sentences into one place, so that only what is counted makes a difference."""
    return np.tile(np.eye(1, 384, dtype=np.float32), (len(texts), 1))


def order_alike(paragraphs: Sequence[Paragraph]) -> list[Order]:
    """Find all sentences in order, so that only what is counted makes a difference."""
    return [Order(intact=1.0, follows=np.ones(len(some) - 1)) for some in paragraphs]


def measured(text: str, read: ReadOrder = order_alike) -> Coherence:
    found = coherence(text, embed_alike, read)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "blamed", "problem"),
    [
        (f"{INTACT} {INTACT}", INTACT, "repeats"),
        (f"{INTACT} The file is", "The file is", "breaks off"),
        (
            f"{INTACT} Der Dienst wird neu gestartet, sobald die Einstellungen gespeichert sind.",
            "Der Dienst wird neu gestartet, sobald die Einstellungen gespeichert sind.",
            "language",
        ),
    ],
)
def test_a_broken_text_scores_lower_and_is_told_why(text: str, blamed: str, problem: str) -> None:
    found = measured(text)
    assert found.score < measured(INTACT).score
    assert problem in found.flaw.problem
    assert text[found.flaw.start : found.flaw.end] == blamed


def test_a_single_sentence_is_coherent() -> None:
    assert measured("The importer checks every row.").score > 0.7


def test_a_single_sentence_that_breaks_off_is_not() -> None:
    whole = measured("The importer checks every row before anything is written.")
    assert measured("The importer checks every row before the").score < whole.score / 2


def test_list_items_need_no_order_and_no_full_stop() -> None:
    listed = "- Backups are kept for ninety days\n- Alarms go to the person on call\n"
    assert measured(listed).score > 0.7


def test_a_quoted_row_does_not_break_off() -> None:
    row = "Raw readings · 13 months · then hourly means [2]"
    assert measured(f"{INTACT} [1]\n\n{row}") == measured(f"{INTACT} [1]")
    assert coherence(row, embed_alike, order_alike) is None


def test_text_without_prose_has_no_coherence() -> None:
    assert coherence("# Title\n\n```\nx = 1\n```\n", embed_alike, order_alike) is None


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("The file is read when the service starts.", "en"),
        ("Die Datei wird gelesen, wenn der Dienst startet.", "de"),
        ("Файл читается при запуске службы.", "cyrillic"),
        ("`parse_args` → `Namespace`", None),
        ("See Figure 3.", None),
    ],
)
def test_the_language_of_a_sentence(sentence: str, language: str | None) -> None:
    assert language_of(sentence) == language


def test_what_hardly_follows_is_named() -> None:
    def read(paragraphs: Sequence[Paragraph]) -> list[Order]:
        follows = [[-4.0 if one == STRANGE else 1.0 for one in some[1:]] for some in paragraphs]
        return [Order(intact=min(odds), follows=np.array(odds)) for odds in follows]

    text = f"{INTACT}\n\nAnother paragraph begins. {STRANGE}"
    found = measured(text, read)
    assert found.score < measured(text).score
    assert "hardly follows" in found.flaw.problem
    assert text[found.flaw.start : found.flaw.end] == f"Another paragraph begins. {STRANGE}"


@pytest.mark.parametrize("blank", ["\n\n", "\r\n\r\n", "\n \t\n"])
def test_paragraphs_need_not_follow_one_another(blank: str) -> None:
    asked: list[Paragraph] = []

    def read(paragraphs: Sequence[Paragraph]) -> list[Order]:
        asked.extend(paragraphs)
        return order_alike(paragraphs)

    measured(f"One comes first. Two comes next.{blank}Three is apart. Four is with it.", read)
    assert asked == [
        ("One comes first.", "Two comes next."),
        ("Three is apart.", "Four is with it."),
    ]


@pytest.mark.models
def test_the_model_prefers_the_order_in_which_a_text_was_written(models_home: Path) -> None:
    read = Orderer(models_home / "models" / COHERENCE, threads=1).read
    embed = Embedder(models_home / "models" / EMBEDDER, threads=1).embed
    first, second, third = (part + "." for part in INTACT.rstrip(".").split(". "))
    intact, turned, spliced = (
        coherence(" ".join(parts), embed, read)
        for parts in (
            (first, second, third),
            (third, second, first),
            (first, STRANGE, second, third),
        )
    )
    assert intact is not None
    assert turned is not None
    assert spliced is not None
    assert max(turned.score, spliced.score) < intact.score


@pytest.mark.models
def test_the_model_names_the_sentence_that_is_strange(models_home: Path) -> None:
    read = Orderer(models_home / "models" / COHERENCE, threads=1).read
    first, second, third = (part + "." for part in INTACT.rstrip(".").split(". "))
    [order] = read([(first, second, STRANGE, third)])
    assert order.follows.argmin() in {1, 2}
