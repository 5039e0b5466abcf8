"""The grounding model: how likely evidence supports a claim, and which words of it not."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.embedder import batches
from nsllm.models.cross_encoder import CrossEncoder
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
        self._network = CrossEncoder(
            folder, CONTEXT_TOKENS, "longest_first", threads=threads, provider=provider
        )
        self._lock = threading.Lock()
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

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        coded = self._network.encode(pairs)
        readings: dict[int, Reading] = {}
        for batch in batches([len(row.ids) for row in coded], _BATCH_TOKENS):
            rows = [coded[i] for i in batch]
            supported, tokens = self._network.run(rows, ["probability", "token_probability"])
            inside = np.clip(supported.astype(np.float64), 1e-6, 1 - 1e-6)
            logits = np.log(inside / (1 - inside))
            for i, row, logit, chances in zip(batch, rows, logits, tokens, strict=True):
                readings[i] = Reading(logit=float(logit), tokens=_tokens_of_claim(row, chances))
        return [readings[i] for i in range(len(pairs))]


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
