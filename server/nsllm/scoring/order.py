"""What the coherence model says of two sentences; `nsllm.models.orderer` runs it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

CONTEXT_TOKENS = 192
"""As in training (scripts/training/coherence.py)."""

Follows = Callable[[Sequence[tuple[str, str]]], NDArray[np.float64]]
"""Returns float64 [pairs]: the log odds that the second sentence directly follows the first."""
