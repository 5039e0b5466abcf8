"""A text classifier: how likely a text has the property that its model was trained to see."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nsllm.embedding.batching import batches
from nsllm.models.network import Network
from nsllm.models.remembered import Remembered


class Classifier:
    """Classifies with the model in `folder`, which is opened at the first use.

    Threads may share it. A text is cut at `context_tokens`.
    """

    def __init__(
        self, folder: Path, *, context_tokens: int, threads: int = 0, provider: str = "cpu"
    ) -> None:
        self.folder = folder
        self._network = Network(folder, context_tokens, threads=threads, provider=provider)
        self._remembered = Remembered(self._classify)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts)], one probability for each text."""
        return np.array(self._remembered(texts), np.float32)

    def _classify(self, texts: Sequence[str]) -> list[float]:
        chances = np.zeros(len(texts), np.float32)
        coded = self._network.encode(texts)
        for batch in batches([len(row.ids) for row in coded]):
            [chances[batch]] = self._network.run([coded[i] for i in batch], ["probability"])
        return chances.tolist()
