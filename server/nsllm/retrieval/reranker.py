"""Order passages anew by the sentence of each that is most like the question.

The vector of a chunk stands for all that it says, in which one sentence that answers is lost: on
the development questions, of those in other words than the documents', four in five have their
answer among the first twelve passages with this, and two in three without.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import is_prose, one_line, split
from nsllm.retrieval.retriever import reciprocal
from nsllm.scoring.grounding import Embed
from nsllm.types import Passage

RERANKED = 48
"""Passages whose sentences are compared; more find little more (scripts/training/reader_dev)."""

_SHARE = 0.5
"""What the order by sentences counts; the rest is the order that the passages came in."""


def rerank(query: str, passages: Sequence[Passage], embed: Embed) -> list[Passage]:
    """Return the passages with their scores renewed, in [0, 1], best first."""
    if not passages:
        return []
    nearest = _nearest(query, passages, embed)
    reordered = [
        msgspec.structs.replace(
            passages[position],
            score=(1 - _SHARE) * passages[position].score + _SHARE * reciprocal(rank),
        )
        for rank, position in enumerate(np.argsort(-nearest, kind="stable"))
    ]
    return sorted(reordered, key=lambda passage: -passage.score)


def _nearest(query: str, passages: Sequence[Passage], embed: Embed) -> NDArray[np.float64]:
    """Return each passage's highest cosine of a sentence and the query, float64 [passages]."""
    owners: list[int] = []
    texts: list[str] = []
    for position, passage in enumerate(passages):
        text = passage.chunk.text
        for sentence in split(text, prose=is_prose(passage.chunk.path)):
            if sentence.kind != "heading":
                owners.append(position)
                texts.append(one_line(text[sentence.start : sentence.end], sentence.kind))
    vectors = embed([query, *texts])
    nearest = np.full(len(passages), -1.0)
    np.maximum.at(nearest, np.array(owners, int), vectors[1:] @ vectors[0])
    return nearest
