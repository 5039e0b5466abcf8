"""MPNet encoders (Song et al. 2020) as BERT encoders: other names, and a bias for distances."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nsllm.models.quantisation import Floats

DISTANCES = "encoder.relative_attention_bias.weight"
"""What each head adds to a likeness by the bucket of the distance: [buckets, heads]."""
FIRST_POSITION = 2
"""Rows of the table of positions that no token has: padding stands in them."""

_TYPES = 2
_MOST_DISTANT = 128
"""From here on all distances are in the last bucket."""
_NAMES = {
    "attention.attn.q.": "attention.self.query.",
    "attention.attn.k.": "attention.self.key.",
    "attention.attn.v.": "attention.self.value.",
    "attention.attn.o.": "attention.output.dense.",
    "attention.LayerNorm.": "attention.output.LayerNorm.",
}
_POSITIONS = "embeddings.position_embeddings.weight"


def as_bert(weights: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the weights by BERT's names; both segments are the same to MPNet."""
    found: dict[str, Floats] = {}
    for name, array in weights.items():
        renamed = name.removeprefix("mpnet.")
        for old, new in _NAMES.items():
            renamed = renamed.replace(old, new)
        found[renamed] = array
    if _POSITIONS in found:
        positions = found[_POSITIONS] = found[_POSITIONS][FIRST_POSITION:]
        kinds = np.zeros((_TYPES, positions.shape[-1]), np.float32)
        found["embeddings.token_type_embeddings.weight"] = kinds
    return found


def distance_buckets(length: int, buckets: int) -> NDArray[np.int64]:
    """Return the bucket of the distance of each token to each other: int64 [length, length].

    Half of the buckets are for what lies behind. Of each half, half are for one distance each, the
    others for ever longer ranges (T5, Raffel et al. 2020).
    """
    places = np.arange(length)
    distance = places[:, None] - places[None, :]
    half = buckets // 2
    single = half // 2
    far = np.abs(distance)
    ratio = np.log(np.maximum(far, 1) / single) / np.log(_MOST_DISTANT / single)
    ranged = np.minimum(single + (ratio * (half - single)).astype(np.int64), half - 1)
    found: NDArray[np.int64] = np.where(distance < 0, half, 0) + np.where(far < single, far, ranged)
    return found
