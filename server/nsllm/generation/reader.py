"""The reader: a cross-encoder that reads a passage and marks the sentences that answer."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.joined import Joined, joined
from nsllm.embedding.batching import batches
from nsllm.models.network import Network, log_odds, mean_by_span

_PASSAGE_TOKENS = 320
"""Few were longer in training (scripts/training/passage_reader.py)."""

_UNREAD = -12.0
"""The log-odds of a sentence that lies behind the end of the context."""

_BETWEEN = " | "


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one passage, in log-odds: float64 [sentences], and of the passage."""

    sentences: NDArray[np.float64]
    passage: float


class PassageReader:
    """Reads whole passages with the model in `folder`."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self._network = Network(
            folder, _PASSAGE_TOKENS, "only_second", threads=threads, provider=provider
        )

    def read(self, question: str, sheets: Sequence[Joined]) -> list[Marks]:
        """Read each sheet beside the question; a sentence has the mean of its tokens' odds."""
        coded = self._network.encode_pairs(_pairs(question, sheets))
        found: dict[int, Marks] = {}
        for batch in batches([len(row.ids) for row in coded]):
            rows = [coded[i] for i in batch]
            passages, tokens = self._network.run(rows, ["probability", "token_probability"])
            for i, row, passage, chances in zip(batch, rows, passages, tokens, strict=True):
                sentences = mean_by_span(
                    row, log_odds(chances), sheets[i].spans, segment=1, unread=_UNREAD
                )
                found[i] = Marks(sentences=sentences, passage=float(log_odds(passage)))
        return [found[i] for i in range(len(sheets))]


def sheet(heading: str, sentences: Sequence[str]) -> Joined:
    """Write a heading and sentences as the reader was trained on them.

    The spans are those of the sentences.
    """
    whole = joined([heading, *sentences], _BETWEEN)
    return Joined(text=whole.text, spans=whole.spans[1:])


def _pairs(question: str, sheets: Sequence[Joined]) -> list[tuple[str, str]]:
    # A question that fills the context would leave no room for the rest.
    short = " ".join(question.split()[:64])
    return [(short, sheet.text) for sheet in sheets]
