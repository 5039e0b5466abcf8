"""The reader: a cross-encoder that says how likely a sentence answers a question."""

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.embedder import MODEL_FILE, Session, batches
from nsllm.embedding.tokenizer import Tokenizer

_CONTEXT_TOKENS = 128
"""As in training (scripts/training/reader.py)."""


class Reader:
    """Reads with the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._threads = threads
        self._provider = provider
        self._opening = threading.Lock()
        self._session: Session | None = None

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(self.folder)
        tokenizer.library.enable_truncation(_CONTEXT_TOKENS, strategy="only_second")
        return tokenizer

    def answer_probability(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts)]: the probability that each text answers the question."""
        chances = np.zeros(len(texts), np.float32)
        # A question that fills the context would leave no room for the sentence.
        short = " ".join(question.split()[:64])
        coded = self._tokenizer.encode_pairs([(short, text) for text in texts])
        for batch in batches([len(row.ids) for row in coded]):
            chances[batch] = self._run([coded[i] for i in batch])
        return chances

    def _run(self, rows: Sequence[Encoding]) -> NDArray[np.float32]:
        width = max(len(row.ids) for row in rows)
        ids, types, mask = (np.zeros((len(rows), width), np.int64) for _ in range(3))
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = row.ids
            types[i, : len(row.ids)] = row.type_ids
            mask[i, : len(row.ids)] = 1
        feeds = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        return self._open().run(["probability"], feeds)[0]

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session
