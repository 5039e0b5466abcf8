"""The grounding model: how likely evidence supports a claim, and which words of it not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from nsllm.embedding.batching import batches
from nsllm.models.network import Network, log_odds
from nsllm.models.remembered import Remembered
from nsllm.scoring.support import Reading

CONTEXT_TOKENS = 160
"""As in training (scripts/training/grounding/train.py)."""

_BATCH_TOKENS = 2048


class Grounder:
    """Reads with the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._network = Network(folder, CONTEXT_TOKENS, threads=threads, provider=provider)
        self._remembered = Remembered(self._read)

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        """Read each pair of a claim and a text."""
        return self._remembered(pairs)

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        coded = self._network.encode_pairs(pairs)
        readings: dict[int, Reading] = {}
        for batch in batches([len(row.ids) for row in coded], _BATCH_TOKENS):
            rows = [coded[i] for i in batch]
            supported, tokens = self._network.run(rows, ["probability", "token_probability"])
            logits = log_odds(supported)
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
