"""An encoder with its heads in ONNX Runtime: texts, or pairs of them as one sequence."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.batching import padded
from nsllm.embedding.embedder import MODEL_FILE, Session
from nsllm.embedding.tokenizer import Tokenizer

Cut = Literal["longest_first", "only_second"]
"""Of which text of a pair that is too long the end is cut off."""


class Network:
    """Runs the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(
        self,
        folder: Path,
        context_tokens: int,
        cut: Cut = "longest_first",
        *,
        threads: int = 0,
        provider: str = "cpu",
    ) -> None:
        self.folder = folder
        self._context_tokens = context_tokens
        self._cut: Cut = cut
        self._threads = threads
        self._provider = provider
        self._opening = threading.Lock()
        self._session: Session | None = None

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(self.folder)
        tokenizer.library.enable_truncation(self._context_tokens, strategy=self._cut)
        return tokenizer

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode single texts; what does not fit is cut off."""
        return self._tokenizer.encode(texts)

    def encode_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[Encoding]:
        """Encode pairs of texts; what does not fit is cut off."""
        return self._tokenizer.encode_pairs(pairs)

    def run(self, rows: Sequence[Encoding], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the named outputs for some sequences; tokens are padded to the longest."""
        feeds = padded([row.ids for row in rows], [row.type_ids for row in rows])
        return self._open().run(list(outputs), feeds)

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session


def log_odds(chances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log-odds of probabilities, bounded to about ±13.8."""
    bounded = np.clip(np.asarray(chances, np.float64), 1e-6, 1 - 1e-6)
    return np.log(bounded / (1 - bounded))


def mean_by_span(
    row: Encoding,
    values: NDArray[np.float64],
    spans: Sequence[tuple[int, int]],
    *,
    segment: int,
    unread: float,
) -> NDArray[np.float64]:
    """Return float64 [spans]: the mean of the tokens' `values` [tokens] in each span.

    `spans` are in order, in characters of the text that is this `segment` of the row; one behind
    the end of the context is `unread`.
    """
    total, count = np.zeros(len(spans)), np.zeros(len(spans))
    at = 0
    for number, (start, end), value in zip(
        row.sequence_ids, row.offsets, values[: len(row.ids)], strict=True
    ):
        if number != segment or start == end:
            continue
        while at < len(spans) and start >= spans[at][1]:
            at += 1
        if at < len(spans) and start >= spans[at][0]:
            total[at] += value
            count[at] += 1
    return np.where(count > 0, total / np.maximum(count, 1), unread)
