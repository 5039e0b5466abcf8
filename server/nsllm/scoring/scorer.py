"""All scores of one text, measured together so that each sentence is embedded once."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.cited import with_cited
from nsllm.scoring.claims import claims
from nsllm.scoring.coherence import Flaw, coherence
from nsllm.scoring.grounding import Embed, ground
from nsllm.scoring.order import ReadOrder
from nsllm.scoring.relevance import relevance
from nsllm.scoring.support import Read
from nsllm.scoring.toxicity import Classify, ToxicSpan, toxic_spans
from nsllm.types import Chunk, ClaimGrounding, Scores

Timed = Callable[[str], AbstractContextManager[None]]
"""Counts what a block takes as time of a stage."""

_WEIGHTS = {"grounding": 0.5, "relevance": 0.3, "coherence": 0.2}


class Classifiers(msgspec.Struct, frozen=True, kw_only=True):
    """The classifiers to score with; without one its score is None."""

    grounding: Read | None = None
    fitted: bool = True
    """Whether the weights of `grounding` were fitted on the model that reads."""
    toxicity: Classify | None = None
    order: ReadOrder | None = None
    """What coherence takes."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of a text, what each of its claims rests on, and where it goes wrong."""

    scores: Scores
    claims: tuple[ClaimGrounding, ...]
    toxic: tuple[ToxicSpan, ...] = ()
    """Every sentence with its toxicity, in order."""
    flaw: Flaw | None = None
    """Where the text holds together least."""


def measure(
    text: str,
    chunks: Sequence[Chunk],
    embed: Embed,
    *,
    question: str | None = None,
    perplexity: float | None = None,
    classifiers: Classifiers = Classifiers(),  # noqa: B008 - frozen
    timed: Timed = lambda _stage: nullcontext(),
    among: Sequence[Collection[int]] | None = None,
) -> Measurement:
    """Score `text` as an answer to `question`, written from `chunks`; `timed` counts the stages.

    `among` has, for each claim in order, the numbers from 1 of the chunks that were found for it.
    Without it a claim is compared with all of them, and its markers are theirs.

    Grounding is that of the weakest claim, since one invented sentence spoils an answer; None
    where the text claims nothing or there is nothing to compare it with. Relevance is None
    without a question.
    """
    grounded: tuple[ClaimGrounding, ...] = ()
    embed, read = remembering(embed), classifiers.grounding
    with timed("grounding"):
        if chunks and read:
            compare = partial(ground, embed=embed, read=read, fitted=classifiers.fitted)
            found = compare(claims(text), chunks, among=among)
            grounded = tuple(found) if among is not None else with_cited(found, chunks, compare)
    with timed("toxicity"):
        toxic = toxic_spans(text, classifiers.toxicity) if classifiers.toxicity else ()
    with timed("coherence"):
        coherent = coherence(text, embed, classifiers.order) if classifiers.order else None
    with timed("relevance"):
        relevant = relevance(question, text, chunks, embed)
    scores = Scores(
        relevance=relevant,
        coherence=coherent.score if coherent else None,
        grounding=min((claim.score for claim in grounded), default=None),
        perplexity=perplexity,
        toxicity=max((span.score for span in toxic), default=None),
    )
    return Measurement(
        scores=msgspec.structs.replace(scores, overall=_overall(scores)),
        claims=grounded,
        toxic=toxic,
        flaw=coherent.flaw if coherent else None,
    )


def _overall(scores: Scores) -> float | None:
    """Return the weighted mean of the scores that could be computed."""
    known = {
        name: (value, weight)
        for name, weight in _WEIGHTS.items()
        if (value := getattr(scores, name)) is not None
    }
    total = sum(weight for _, weight in known.values())
    return sum(value * weight for value, weight in known.values()) / total if known else None


def remembering(embed: Embed) -> Embed:
    """Return `embed`, each text embedded once: a growing text holds the same sentences again."""
    known: dict[str, NDArray[np.float32]] = {}

    def embed_once(texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new or not texts:
            vectors = embed(new)
            if not texts:
                return vectors
            known.update(zip(new, vectors, strict=True))
        return np.stack([known[text] for text in texts])

    return embed_once
