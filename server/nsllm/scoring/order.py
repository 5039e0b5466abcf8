"""What the coherence model says of paragraphs; `nsllm.models.orderer` runs it."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

CONTEXT_TOKENS = 256
"""As in training (scripts/training/coherence.py)."""

BETWEEN = " [SEP] "
"""What stands between two sentences: the mark that encoders know an end by."""

Paragraph = tuple[str, ...]
"""Its sentences, two or more."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the model makes of a paragraph, in log-odds.

    `intact`: that it is as somebody wrote it; `follows`, float64 [sentences - 1], of each sentence
    but the first: that it directly follows the one before it.
    """

    intact: float
    follows: NDArray[np.float64]


ReadOrder = Callable[[Sequence[Paragraph]], list[Order]]
"""Reads each paragraph."""
