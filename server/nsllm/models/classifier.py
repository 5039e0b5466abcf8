"""A text classifier: how likely a text has the property that its model was trained to see."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.embedder import MODEL_FILE, Session, batches
from nsllm.embedding.tokenizer import Tokenizer

_REMEMBERED = 1024
"""Texts whose probability is kept: one that grows, or is checked again, holds the same windows."""


class Classifier:
    """Classifies with the model in `folder`, which is opened at the first use.

    Threads may share it. A text is cut at `context_tokens`.
    """

    def __init__(
        self, folder: Path, *, context_tokens: int, threads: int = 0, provider: str = "cpu"
    ) -> None:
        self.folder = folder
        self._context_tokens = context_tokens
        self._threads = threads
        self._provider = provider
        self._opening = threading.Lock()
        self._session: Session | None = None
        self._known: OrderedDict[str, float] = OrderedDict()
        self._remembering = threading.Lock()

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(self.folder)
        tokenizer.library.enable_truncation(self._context_tokens)
        return tokenizer

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts)], one probability for each text."""
        with self._remembering:
            known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known |= dict(zip(new, self._classify(new).tolist(), strict=True))
        with self._remembering:
            for text in known:
                self._known[text] = known[text]
                self._known.move_to_end(text)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return np.array([known[text] for text in texts], np.float32)

    def _classify(self, texts: Sequence[str]) -> NDArray[np.float32]:
        chances = np.zeros(len(texts), np.float32)
        coded = self._tokenizer.encode(texts)
        for batch in batches([len(row.ids) for row in coded]):
            chances[batch] = self._run([coded[i] for i in batch])
        return chances

    def _run(self, rows: Sequence[Encoding]) -> NDArray[np.float32]:
        width = max(len(row.ids) for row in rows)
        ids, mask = (np.zeros((len(rows), width), np.int64) for _ in range(2))
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = row.ids
            mask[i, : len(row.ids)] = 1
        feeds = {"input_ids": ids, "token_type_ids": np.zeros_like(ids), "attention_mask": mask}
        return self._open().run(["probability"], feeds)[0]

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session
