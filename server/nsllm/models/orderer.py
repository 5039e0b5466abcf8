"""The coherence model: is a paragraph of one piece, and which sentence follows from the last?"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from nsllm.documents.joined import joined
from nsllm.embedding.batching import batches
from nsllm.models.network import Network, log_odds, mean_by_span
from nsllm.models.remembered import Remembered
from nsllm.scoring.order import BETWEEN, CONTEXT_TOKENS, Order, Paragraph

_SPECIAL_TOKENS = 2
"""The first and the last of what is read."""

_UNREAD = 0.0
"""The log-odds of a sentence that lies behind the end of the context: nothing is known of it."""


class _Window(msgspec.Struct, frozen=True, kw_only=True):
    """The sentences [start, end) of a paragraph, which are read at once."""

    paragraph: int
    start: int
    end: int


class Orderer:
    """Reads with the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._network = Network(folder, CONTEXT_TOKENS, threads=threads, provider=provider)
        self._remembered = Remembered(self._read)

    def read(self, paragraphs: Sequence[Paragraph]) -> list[Order]:
        """Read each paragraph; of a long one several parts, and its `intact` is their mean."""
        return self._remembered(paragraphs)

    def _read(self, paragraphs: Sequence[Paragraph]) -> list[Order]:
        windows = [
            _Window(paragraph=number, start=start, end=end)
            for number, sentences in enumerate(paragraphs)
            for start, end in _spans(self._lengths(sentences))
        ]
        texts = [joined(paragraphs[w.paragraph][w.start : w.end], BETWEEN) for w in windows]
        coded = self._network.encode([text.text for text in texts])
        whole = np.zeros(len(windows))
        follows = [np.zeros(len(sentences) - 1) for sentences in paragraphs]
        for batch in batches([len(row.ids) for row in coded]):
            rows = [coded[i] for i in batch]
            chances, tokens = self._network.run(rows, ["probability", "token_probability"])
            whole[batch] = log_odds(chances)
            for i, row, marks in zip(batch, rows, log_odds(tokens), strict=True):
                odds = mean_by_span(row, marks, texts[i].spans, segment=0, unread=_UNREAD)
                window = windows[i]
                follows[window.paragraph][window.start : window.end - 1] = odds[1:]
        return [
            Order(
                intact=float(
                    np.mean([whole[i] for i, w in enumerate(windows) if w.paragraph == number])
                ),
                follows=own,
            )
            for number, own in enumerate(follows)
        ]

    def _lengths(self, sentences: Paragraph) -> list[int]:
        """Return how many tokens each sentence has."""
        return [len(row.ids) - _SPECIAL_TOKENS for row in self._network.encode(sentences)]


def _spans(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Cut a paragraph into windows that fit the context, two sentences or more in each.

    A window begins with the last sentence of the one before it, so that all neighbours meet.
    """
    found: list[tuple[int, int]] = []
    start = 0
    while start < len(lengths) - 1:
        end, total = start + 2, sum(lengths[start : start + 2]) + 1
        while end < len(lengths) and total + 1 + lengths[end] <= CONTEXT_TOKENS - _SPECIAL_TOKENS:
            total += 1 + lengths[end]
            end += 1
        found.append((start, end))
        start = end - 1
    return found
