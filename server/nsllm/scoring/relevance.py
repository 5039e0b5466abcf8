"""How far a text and its passages are about the question.

A text lies where its sentences do, in the mean: on the development questions
(scripts/training/reader_dev) that tells the section that answers from the others of its document
better than one vector of the whole does, and the sentences have been embedded already.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import split
from nsllm.scoring.claims import without_markers
from nsllm.scoring.evidence import places
from nsllm.scoring.grounding import Embed
from nsllm.types import Chunk


def relevance(
    question: str | None, text: str, chunks: Sequence[Chunk], embed: Embed
) -> float | None:
    """Return the mean of question–text and best question–passage cosine, cut to [0, 1].

    Without passages it is that of the text alone; None without a question, or a text.
    """
    own = [without_markers(text[s.start : s.end]) for s in split(text)]
    sentences = [(0, sentence) for sentence in own if sentence]
    if not question or not sentences:
        return None
    sentences += [(place.marker, place.text) for place in places(chunks)]
    asked, *vectors = embed([question, *(sentence for _, sentence in sentences)])
    sums: dict[int, NDArray[np.float32]] = {}
    for (marker, sentence), vector in zip(sentences, vectors, strict=True):
        # Long ones count more, as they do in the vector of a whole text.
        sums[marker] = sums.get(marker, 0) + len(sentence) * vector
    cosines = [
        float(np.clip(total @ asked / max(float(np.linalg.norm(total)), 1e-9), 0.0, 1.0))
        for total in sums.values()
    ]
    return (cosines[0] + max(cosines[1:], default=cosines[0])) / 2
