"""What the outputs of another maker's classifier mean: its labels, and which of them count."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.errors import ModelUnsupportedError, UsageError

HEAD_FILE = "head.json"

Measure = Literal["grounding", "toxicity"]
Outputs = Literal["sequence", "token"]

_SUPPORTED = frozenset(
    "entailment entail entailed supported supports support consistent factual grounded faithful"
    " attributable".split()
)
_UNSUPPORTED = frozenset(
    "hallucination hallucinated unsupported notsupported inconsistent ungrounded unfaithful".split()
)
_TOXIC = frozenset("toxic toxicity hate hateful hatespeech abusive".split())
"""Of a model with several of these all count; of `toxic` beside kinds of it (`obscene`, `threat`),
that one does, which stands for all."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the logits of a model become one probability; `head.json` in its folder.

    `wanted` are the numbers of the labels that count; with `inverted` their probability is that of
    the opposite (`hallucinated` of what is unsupported).
    """

    measure: Measure
    labels: tuple[str, ...]
    wanted: tuple[int, ...]
    inverted: bool = False
    activation: Literal["softmax", "sigmoid"]
    outputs: Outputs
    output: str
    """Name of the graph's output with the logits."""
    inputs: tuple[str, ...]
    pad_id: int
    context_tokens: int

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return [...] of logits [..., labels]: that a text is toxic, or a claim is supported."""
        x = np.asarray(logits, np.float64)
        if self.activation == "softmax":
            powers = np.exp(x - x.max(axis=-1, keepdims=True))
            chances = powers / powers.sum(axis=-1, keepdims=True)
            found = chances[..., list(self.wanted)].sum(axis=-1)
        else:
            found = (1 / (1 + np.exp(-np.clip(x, -40, 40))))[..., list(self.wanted)].max(axis=-1)
        probabilities: NDArray[np.float64] = np.clip(1 - found if self.inverted else found, 0, 1)
        return probabilities


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """Which labels count, for which measure."""

    measure: Measure
    wanted: tuple[int, ...]
    inverted: bool = False


def labels_of(config: Mapping[str, object], where: str) -> tuple[str, ...]:
    """Return the labels of a config.json in the order of the logits.

    Raises:
        ModelUnsupportedError: it has no `id2label`, or one with gaps or doubles.
    """
    table = config.get("id2label")
    if not isinstance(table, dict) or not table:
        raise ModelUnsupportedError(
            f"{where} has no `id2label`: which output means what cannot be known.",
            hint='Add it as the model\'s card says, as in {"0": "contradiction", "1": …}.',
        )
    names = [table.get(str(number)) for number in range(len(table))]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ModelUnsupportedError(
            f"`id2label` of {where} does not give each number from 0 on a name of its own: "
            f"{table}.",
            hint="Mend it as the model's card says.",
        )
    return tuple(str(name) for name in names)


def meaning_of(
    labels: Sequence[str], measure: Measure | None, chosen: Sequence[str], where: str
) -> Meaning:
    """Tell which labels count: those that are `chosen`, or those whose names say it.

    Raises:
        UsageError: a label that is chosen does not exist, or it is not said for what.
        ModelUnsupportedError: no label's name is known, or the names fit both measures.
    """
    if chosen:
        return _chosen(labels, measure, chosen, where)
    known = [
        found
        for one in (("grounding", "toxicity") if measure is None else (measure,))
        if (found := _known(labels, one))
    ]
    if len(known) != 1:
        raise ModelUnsupportedError(
            f"The labels of {where} do not tell what it is for: {', '.join(labels)}.",
            hint="Say it: --task grounding --label NAME (a claim is supported), or "
            "--task toxicity --label NAME; in models.toml `task` and `labels`.",
        )
    return known[0]


def _chosen(
    labels: Sequence[str], measure: Measure | None, chosen: Sequence[str], where: str
) -> Meaning:
    unknown = [name for name in chosen if name not in labels]
    if unknown:
        raise UsageError(f"{where} has no label {unknown[0]}.", hint=f"It has {', '.join(labels)}.")
    if measure is None:
        raise UsageError(
            f"What the label {chosen[0]} of {where} means was not said.",
            hint="Say it: --task grounding, or --task toxicity.",
        )
    if len(set(chosen)) == len(labels) > 1:
        raise UsageError(
            f"All labels of {where} were chosen, so every text would score 1.",
            hint="Name only those that mean support, or toxicity.",
        )
    wanted = tuple(sorted({labels.index(name) for name in chosen}))
    opposite = measure == "grounding" and all(_plain(name) in _UNSUPPORTED for name in chosen)
    return Meaning(measure=measure, wanted=wanted, inverted=opposite)


def _known(labels: Sequence[str], measure: Measure) -> Meaning | None:
    plain = [_plain(name) for name in labels]

    def of(names: frozenset[str]) -> tuple[int, ...]:
        return tuple(number for number, name in enumerate(plain) if name in names)

    if measure == "toxicity":
        found = of(_TOXIC)
        return Meaning(measure=measure, wanted=found) if found else None
    if found := of(_SUPPORTED):
        return Meaning(measure=measure, wanted=found)
    found = of(_UNSUPPORTED)
    return Meaning(measure=measure, wanted=found, inverted=True) if found else None


def _plain(label: str) -> str:
    return "".join(char for char in label.lower() if char.isalnum())
