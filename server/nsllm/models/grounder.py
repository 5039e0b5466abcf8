"""The grounding model: how likely evidence supports a claim, and which words of it not."""

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
from nsllm.scoring.support import Reading

CONTEXT_TOKENS = 160
"""As in training (scripts/training/grounding/train.py)."""

_REMEMBERED = 1024
"""Readings that are kept: a text that grows, or is checked again, holds the same claims."""

_BATCH_TOKENS = 2048


class Grounder:
    """Reads with the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._threads = threads
        self._provider = provider
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._known: OrderedDict[tuple[str, str], Reading] = OrderedDict()

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """Read each pair of a claim and a text."""
        with self._lock:
            found = {pair: self._known[pair] for pair in pairs if pair in self._known}
        new = [pair for pair in dict.fromkeys(pairs) if pair not in found]
        if new:
            found.update(zip(new, self._read(new), strict=True))
        with self._lock:
            for pair in pairs:
                self._known[pair] = found[pair]
                self._known.move_to_end(pair)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return [found[pair] for pair in pairs]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer(self.folder)
        tokenizer.library.enable_truncation(CONTEXT_TOKENS, strategy="longest_first")
        return tokenizer

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        coded = self._tokenizer.encode_pairs(pairs)
        readings: dict[int, Reading] = {}
        for batch in batches([len(row.ids) for row in coded], _BATCH_TOKENS):
            rows = [coded[i] for i in batch]
            logits, tokens = self._run(rows)
            for i, row, logit, chances in zip(batch, rows, logits, tokens, strict=True):
                readings[i] = Reading(logit=float(logit), tokens=_tokens_of_claim(row, chances))
        return [readings[i] for i in range(len(pairs))]

    def _run(self, rows: Sequence[Encoding]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        width = max(len(row.ids) for row in rows)
        ids, types, mask = (np.zeros((len(rows), width), np.int64) for _ in range(3))
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = row.ids
            types[i, : len(row.ids)] = row.type_ids
            mask[i, : len(row.ids)] = 1
        feeds = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        chances, tokens = self._open().run(["probability", "token_probability"], feeds)
        inside = np.clip(chances.astype(np.float64), 1e-6, 1 - 1e-6)
        return np.log(inside / (1 - inside)), tokens

    def _open(self) -> Session:
        with self._lock:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session


def _tokens_of_claim(
    row: Encoding, chances: NDArray[np.float32]
) -> tuple[tuple[int, int, float], ...]:
    return tuple(
        (start, end, float(chance))
        for segment, (start, end), chance in zip(
            row.sequence_ids, row.offsets, chances[: len(row.ids)], strict=True
        )
        if segment == 0 and end > start
    )
