"""How well the sentences of a text hang together."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import split
from nsllm.scoring.claims import without_markers
from nsllm.scoring.words import content_words

_CLOSED = re.compile(r"[.!?…:;)\]\"'”’`|。！？]\s*$")
_NEAR = 0.35
"""Cosine of neighbouring sentences of one paragraph of documentation; nearer adds nothing."""


def sentences_of(text: str) -> list[str]:
    """Return the prose sentences of a text without their citation markers."""
    parts = [without_markers(text[s.start : s.end]) for s in split(text) if s.kind != "code"]
    return [part for part in parts if part]


def coherence(text: str, sentences: Sequence[str], vectors: NDArray[np.float32]) -> float:
    """Return a score in [0, 1]: nearness of neighbours × novelty × a closed ending.

    Args:
        text: the whole text.
        sentences: its sentences, from `sentences_of`.
        vectors: their unit vectors, float32 [len(sentences), dimensions].
    """
    if not sentences:
        return 0.0
    nearness = 1.0
    if len(sentences) > 1:
        cosines = np.sum(vectors[:-1] * vectors[1:], axis=1)
        nearness = float(np.clip(cosines / _NEAR, 0.0, 1.0).mean())
    ending = 1.0 if _CLOSED.search(text) or len(sentences) == 1 else 0.8
    return nearness * _novelty(sentences) * ending


def _novelty(sentences: Sequence[str]) -> float:
    """Return the share of word triples that are not repeats; a loop repeats almost all."""
    words = [word for sentence in sentences for word in content_words(sentence)]
    triples = list(zip(words, words[1:], words[2:], strict=False))
    if not triples:
        # Too short for triples: a text of one word said again and again still repeats.
        pairs = list(pairwise(words))
        return len(set(pairs)) / len(pairs) if pairs else 1.0
    return len(set(triples)) / len(triples)
