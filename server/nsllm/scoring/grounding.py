"""How far passages support each claim of a text.

A claim is compared with every sentence, and every pair of neighbouring sentences, of every
passage; the best-supporting one is its evidence, so that more passages never lower a score.
Similarity, overlap, quantities, names and negation go into a logistic model whose weights
`scripts/training/grounding.py` fits; see docs/EVALUATION.md for what it was fitted on.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.claims import without_markers
from nsllm.scoring.evidence import Window, windows
from nsllm.scoring.words import Quantity, content_words, names, negations, quantities
from nsllm.types import Chunk, Claim, ClaimGrounding

_T = TypeVar("_T")
Embed = Callable[[Sequence[str]], NDArray[np.float32]]

FEATURES = (
    "similarity",
    "overlap",
    "pair_overlap",
    "passage_overlap",
    "quantity",
    "name",
    "negation",
)
_CLOSEST = 8
"""Windows that are compared word by word with a claim: the ones nearest by overlap and meaning."""


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the words of a claim or window assert."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    quantities: tuple[Quantity, ...]
    names: frozenset[str]
    negations: int
    text: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A claim beside one window; `features` is float64 [7], in the order of FEATURES."""

    claim: _Facts
    window: _Facts
    place: Window
    features: NDArray[np.float64]

    @property
    def score(self) -> float:
        """The probability that the window supports the claim; a verbatim quote is certain."""
        if _squeeze(self.claim.text) in _squeeze(self.window.text):
            return 1.0
        weights, bias = _weights()
        return float(1.0 / (1.0 + np.exp(-(self.features @ weights + bias))))


def ground(claims: Sequence[Claim], chunks: Sequence[Chunk], embed: Embed) -> list[ClaimGrounding]:
    """Score each claim against the chunks, in the order of the claims."""
    if not claims:
        return []
    compared = compare([without_markers(claim.text) for claim in claims], chunks, embed)
    return [_judge(claim, row) for claim, row in zip(claims, compared, strict=True)]


def compare(texts: Sequence[str], chunks: Sequence[Chunk], embed: Embed) -> list[list[Comparison]]:
    """Compare each text with the windows of the chunks that are closest to it."""
    places = windows(chunks)
    if not places:
        return [[] for _ in texts]
    vectors = embed([*texts, *(place.text for place in places)])
    similarity = vectors[: len(texts)] @ vectors[len(texts) :].T
    facts = [_facts(place.text) for place in places]
    passages = {marker: _words(chunk) for marker, chunk in enumerate(chunks, start=1)}
    compared = []
    for text, row in zip(texts, similarity, strict=True):
        claim = _facts(text)
        overlap = np.array([_share(claim.words, window.words) for window in facts])
        closest = np.argsort(-(row + overlap), kind="stable")[:_CLOSEST]
        compared.append(
            [
                Comparison(
                    claim=claim,
                    window=facts[i],
                    place=places[i],
                    features=_features(
                        claim,
                        facts[i],
                        similarity=float(row[i]),
                        passage_words=passages[places[i].marker],
                    ),
                )
                for i in closest.tolist()
            ]
        )
    return compared


def _judge(claim: Claim, comparisons: list[Comparison]) -> ClaimGrounding:
    if not comparisons:
        return ClaimGrounding(claim=claim, score=0.0, evidence=None)
    best = max(comparisons, key=lambda comparison: comparison.score)
    return ClaimGrounding(
        claim=claim,
        score=best.score,
        evidence=best.place.as_evidence(),
        problem=None if best.score == 1.0 else _problem(best.claim, best.window),
    )


def _features(
    claim: _Facts, window: _Facts, *, similarity: float, passage_words: frozenset[str]
) -> NDArray[np.float64]:
    return np.array(
        [
            similarity,
            _share(claim.words, window.words),
            _share(claim.pairs, window.pairs),
            _share(claim.words, passage_words),
            float(bool(_missing_quantities(claim, window))),
            float(bool(_missing_names(claim, window))),
            float((claim.negations > 0) != (window.negations > 0)),
        ]
    )


def _problem(claim: _Facts, window: _Facts) -> str | None:
    """Name what the claim says and the evidence does not, where words can tell."""
    if missing := _missing_quantities(claim, window):
        said = missing[0]
        rivals = [q for q in window.quantities if q.unit == said.unit]
        if rivals:
            return f"the source says {rivals[0].text}, the text says {said.text}"
        return f"the source does not say {said.text}"
    if missing_names := _missing_names(claim, window):
        return f"the source does not mention {min(missing_names)}"
    if (claim.negations > 0) != (window.negations > 0) and _share(claim.words, window.words) > 0.5:
        return "one of the text and its source denies what the other affirms"
    return None


def _missing_quantities(claim: _Facts, window: _Facts) -> list[Quantity]:
    offered = {(q.value, q.unit) for q in window.quantities}
    bare = {value for value, _ in offered}
    return [
        q
        for q in claim.quantities
        if (q.value, q.unit) not in offered and not (q.unit is None and q.value in bare)
    ]


def _missing_names(claim: _Facts, window: _Facts) -> set[str]:
    lowered = window.text.lower()
    return {name for name in claim.names if name not in lowered}


def _facts(text: str) -> _Facts:
    words = content_words(text)
    return _Facts(
        words=frozenset(words),
        pairs=frozenset(itertools.pairwise(words)),
        quantities=tuple(quantities(text)),
        names=frozenset(names(text)),
        negations=negations(text),
        text=text,
    )


def _words(chunk: Chunk) -> frozenset[str]:
    return frozenset(content_words(f"{chunk.heading} {chunk.text}"))


def _share(part: frozenset[_T], whole: frozenset[_T]) -> float:
    return len(part & whole) / len(part) if part else 1.0


def _squeeze(text: str) -> str:
    return " ".join(text.split()).strip(" .;:").lower()


@cache
def _weights() -> tuple[NDArray[np.float64], float]:
    """Return the fitted weights, in the order of FEATURES, and the bias."""
    table = json.loads((resources.files(__package__) / "grounding_weights.json").read_text("utf-8"))
    return np.array([table["weights"][name] for name in FEATURES]), float(table["bias"])
