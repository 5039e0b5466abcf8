"""The readers: cross-encoders that say how likely a sentence answers a question.

One reads a sentence by itself, under its heading and behind the sentence before it; the other reads
a whole passage and marks its sentences. They err in different ways.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.joined import Joined, joined
from nsllm.embedding.batching import batches
from nsllm.models.network import Network, log_odds, mean_by_span

_SENTENCE_TOKENS = 128
"""As in training (scripts/training/reader.py)."""

_PASSAGE_TOKENS = 320
"""Few were longer in training (scripts/training/passage_reader.py)."""

_UNREAD = -12.0
"""The log-odds of a sentence that lies behind the end of the context."""

_BETWEEN = " | "


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one passage, in log-odds: float64 [sentences], and of the passage."""

    sentences: NDArray[np.float64]
    passage: float


class SentenceReader:
    """Reads sentences one by one with the model in `folder`."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self._network = _network(folder, _SENTENCE_TOKENS, threads, provider)

    def read(self, question: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return float64 [len(texts)]: the log-odds that each text answers the question."""
        odds = np.zeros(len(texts))
        coded = self._network.encode_pairs(_pairs(question, texts))
        for batch in batches([len(row.ids) for row in coded]):
            [chances] = self._network.run([coded[i] for i in batch], ["probability"])
            odds[batch] = log_odds(chances)
        return odds


class PassageReader:
    """Reads whole passages with the model in `folder`."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self._network = _network(folder, _PASSAGE_TOKENS, threads, provider)

    def read(self, question: str, sheets: Sequence[Joined]) -> list[Marks]:
        """Read each sheet beside the question; a sentence has the mean of its tokens' odds."""
        coded = self._network.encode_pairs(_pairs(question, [sheet.text for sheet in sheets]))
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


class Readers(msgspec.Struct, frozen=True, kw_only=True):
    """Both of them."""

    sentence: SentenceReader
    passage: PassageReader


def sheet(heading: str, sentences: Sequence[str]) -> Joined:
    """Write a heading and sentences as the reader of passages was trained on them.

    The spans are those of the sentences.
    """
    whole = joined([heading, *sentences], _BETWEEN)
    return Joined(text=whole.text, spans=whole.spans[1:])


def context(sentence: str, heading: str, before: str) -> str:
    """Write a sentence, its heading and what comes before as the reader of sentences learnt."""
    return _BETWEEN.join(" ".join(part.split()) for part in (sentence, heading, before)).strip()


def _network(folder: Path, context_tokens: int, threads: int, provider: str) -> Network:
    return Network(folder, context_tokens, "only_second", threads=threads, provider=provider)


def _pairs(question: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    # A question that fills the context would leave no room for the rest.
    short = " ".join(question.split()[:64])
    return [(short, text) for text in texts]
