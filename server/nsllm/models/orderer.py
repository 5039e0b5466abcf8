"""The coherence model: how likely a sentence directly follows another one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nsllm.embedding.batching import batches
from nsllm.models.network import Network, log_odds
from nsllm.models.remembered import Remembered
from nsllm.scoring.order import CONTEXT_TOKENS


class Orderer:
    """Reads with the model in `folder`, which is opened at the first use; threads may share it."""

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._network = Network(folder, CONTEXT_TOKENS, threads=threads, provider=provider)
        self._remembered = Remembered(self._read)

    def follows(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Return float64 [pairs]: the log odds that the second sentence follows the first."""
        return np.array(self._remembered(pairs), np.float64)

    def _read(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        odds = np.zeros(len(pairs))
        coded = self._network.encode_pairs(pairs)
        for batch in batches([len(row.ids) for row in coded]):
            [chances] = self._network.run([coded[i] for i in batch], ["probability"])
            odds[batch] = log_odds(chances)
        return odds.tolist()
