"""A cross-encoder in ONNX Runtime: two texts as one sequence, read at once."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.embedder import MODEL_FILE, Session
from nsllm.embedding.tokenizer import Tokenizer

Cut = Literal["longest_first", "only_second"]
"""Of which text of a pair that is too long the end is cut off."""


class CrossEncoder:
    """Runs the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(
        self,
        folder: Path,
        context_tokens: int,
        cut: Cut,
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

    def encode(self, pairs: Sequence[tuple[str, str]]) -> list[Encoding]:
        """Encode pairs of texts; what does not fit is cut off."""
        return self._tokenizer.encode_pairs(pairs)

    def run(self, rows: Sequence[Encoding], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return the named outputs for some sequences; tokens are padded to the longest."""
        width = max(len(row.ids) for row in rows)
        ids, types, mask = (np.zeros((len(rows), width), np.int64) for _ in range(3))
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = row.ids
            types[i, : len(row.ids)] = row.type_ids
            mask[i, : len(row.ids)] = 1
        feeds = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        return self._open().run(list(outputs), feeds)

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session
