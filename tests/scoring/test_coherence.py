"""Coherence: what is broken scores lower, and the finding names what is wrong where."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nsllm.embedding.embedder import Embedder
from nsllm.scoring.coherence import Coherence, coherence
from nsllm.scoring.languages import language_of

INTACT = (
    "The importer reads a file of readings and stores them in the database. "
    "It checks every row before anything is written. "
    "If a row is damaged, the importer names it and leaves the database as it was."
)
STRANGE = "Bananas are picked while they are still green."


def embed_alike(texts: Sequence[str]) -> NDArray[np.float32]:
    """Put all sentences into one place, so that only what is counted makes a difference."""
    return np.tile(np.eye(1, 384, dtype=np.float32), (len(texts), 1))


def measured(text: str) -> Coherence:
    found = coherence(text, embed_alike)
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


def test_text_without_prose_has_no_coherence() -> None:
    assert coherence("# Title\n\n```\nx = 1\n```\n", embed_alike) is None


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


@pytest.mark.models
def test_a_sentence_from_elsewhere_lowers_the_score(embedder_folder: Path) -> None:
    embed = Embedder(embedder_folder, threads=1).embed
    first, second, third = (part + "." for part in INTACT.rstrip(".").split(". "))
    intact = coherence(INTACT, embed)
    spliced = coherence(f"{first} {STRANGE} {second} {third}", embed)
    assert intact is not None
    assert spliced is not None
    assert spliced.score < intact.score
