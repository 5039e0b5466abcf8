"""Which sentence follows which: a small network over sentence vectors and cues of discourse.

scripts/training/coherence.py trains it; docs/EVALUATION.md says on what. It runs in numpy: a pair
of sentences costs microseconds once they are embedded.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from nsllm.scoring.discourse import Mentions, cues, links

Floats = NDArray[np.float32]

_WEIGHTS_FILE = "coherence.safetensors"
_SCALE = 8.0
"""As in training: vectors have unit length, and cues are 0 or 1."""
_REACH = 5
"""How far apart two sentences may be for their order to be compared."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the network says of a run of n sentences, in log odds; all float32.

    `follows` [n - 1]: that each sentence after the first follows the one before it. `later`
    [m]: that of each two at most `_REACH` apart the second comes later. `opens` [n]: that each
    one opens a paragraph.
    """

    follows: Floats
    later: Floats
    opens: Floats


def order(sentences: Sequence[str], vectors: Floats) -> Order:
    """Judge the order of two sentences or more; `vectors` are theirs, float32 [n, dimensions]."""
    count = len(sentences)
    projected = np.tanh(_linear(vectors * np.float32(_SCALE), "project"))
    states = np.concatenate([projected, np.stack([cues(text) for text in sentences])], axis=1)
    mentions = [Mentions(text) for text in sentences]
    close = [(i, j) for i in range(count) for j in range(i + 1, min(count, i + 1 + _REACH))]
    turned = [(j, i) for i, j in close]
    first = [i for i, _ in (*close, *turned)]
    second = [j for _, j in (*close, *turned)]
    linked = np.stack([links(mentions[i], mentions[j]) for i, j in (*close, *turned)])
    cosines = np.sum(vectors[first] * vectors[second], axis=1, keepdims=True)
    product = projected[first] * projected[second]
    x = np.concatenate([states[first], states[second], product, linked, cosines], axis=1)
    logits = _linear(np.maximum(_linear(x, "hidden"), 0), "pair")
    forward, backward = logits[: len(close)], logits[len(close) :]
    adjacent = [i for i, (a, b) in enumerate(close) if b == a + 1]
    return Order(
        follows=forward[adjacent, 0],
        later=(forward[:, 1] - backward[:, 1]) * np.float32(0.5),
        opens=_linear(states, "first")[:, 0],
    )


def _linear(x: Floats, name: str) -> Floats:
    weights = _weights()
    product: Floats = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return product


@cache
def _weights() -> dict[str, Floats]:
    body = (resources.files(__package__) / _WEIGHTS_FILE).read_bytes()
    return {name: array.astype(np.float32) for name, array in load(body).items()}
