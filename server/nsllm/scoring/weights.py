"""What the logistic models of the grounding score weigh; scripts/training/grounding fits them."""

import json
from functools import cache
from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

FEATURES = (
    "logit",
    "overlap",
    "covered",
    "similarity",
    "fact",
    "new_fact",
    "name",
    "negation",
    "length",
    "copied",
    "copied_logit",
    "copied_fact",
    "copied_negation",
)
WORD_FEATURES = (
    "token",
    "least",
    "around",
    "whole",
    "absent",
    "nowhere",
    "nowhere_around",
    "stop",
    "pair",
    "capital",
    "place",
)


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What the logistic models weigh: float64 [FEATURES] and [WORD_FEATURES]."""

    pair: NDArray[np.float64]
    bias: float
    word: NDArray[np.float64]
    word_bias: float


@cache
def weights() -> Weights:
    """Read the fitted weights."""
    body = (resources.files(__package__) / "grounding_weights.json").read_text("utf-8")
    table = json.loads(body)
    return Weights(
        pair=np.array([table["pair"][name] for name in FEATURES]),
        bias=float(table["bias"]),
        word=np.array([table["word"][name] for name in WORD_FEATURES]),
        word_bias=float(table["word_bias"]),
    )
