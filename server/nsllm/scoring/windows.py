"""The windows of evidence that the grounding model reads beside a claim.

Windows are chosen by the claim alone: the sentences nearest to it by meaning and words, each with
its neighbours, and the few that together hold most of its words. A claim's support is the best
over all of them, so that a passage more never lowers it by diluting the others.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.evidence import Place
from nsllm.scoring.words import asserted_words

_SINGLE = 2
"""Sentences that are read by themselves."""

_GATHERED = (3, 5)
"""Sizes of the windows that are gathered from anywhere."""

_MOST_CHARACTERS = 480
"""About what fits into the model's context beside a claim."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is read beside a claim; `nearest` is its sentence that is nearest to the claim."""

    text: str
    nearest: Place
    last: Place


def choose(
    claim: str,
    similarity: NDArray[np.float32],
    places: Sequence[Place],
    words: Sequence[frozenset[str]],
) -> list[Window]:
    """Return the windows for one claim, nearest first.

    `similarity` is float32 [places], the cosine of the claim and each sentence; `words` are the
    content words of each.
    """
    wanted = frozenset(asserted_words(claim))
    overlap = np.array([len(wanted & offered) / max(1, len(wanted)) for offered in words])
    order = np.argsort(-(similarity + overlap), kind="stable").tolist()
    found: dict[str, Window] = {}

    def add(indices: Sequence[int], nearest: int) -> None:
        kept = [nearest]
        for i in indices:
            if i != nearest and sum(len(places[j].text) for j in (*kept, i)) <= _MOST_CHARACTERS:
                kept.append(i)
        kept.sort()
        text = " ".join(" ".join(places[i].text.split()) for i in kept)
        adjacent = kept[-1] - kept[0] == len(kept) - 1
        same = places[kept[0]].marker == places[kept[-1]].marker
        first, last = (kept[0], kept[-1]) if adjacent and same else (nearest, nearest)
        found.setdefault(text, Window(text=text, nearest=places[first], last=places[last]))

    for best in order[:_SINGLE]:
        add([best], best)
        add(_neighbours(best, places), best)
    gathered = _gather(order, wanted, similarity, words, max(_GATHERED))
    for size in _GATHERED:
        add(gathered[:size], order[0])
    return list(found.values())


def _neighbours(index: int, places: Sequence[Place]) -> list[int]:
    """Return the sentences before and after, where the passage has them."""
    marker = places[index].marker
    return [
        i for i in (index - 1, index + 1) if 0 <= i < len(places) and places[i].marker == marker
    ]


def _gather(
    order: Sequence[int],
    wanted: frozenset[str],
    similarity: NDArray[np.float32],
    words: Sequence[frozenset[str]],
    size: int,
) -> list[int]:
    """Return the sentences that add most of the claim's words to those chosen before them."""
    chosen = list(order[:1])
    covered = set(words[order[0]] & wanted)
    pool = list(order[1:24])
    while pool and len(chosen) < size:
        best = max(
            pool,
            key=lambda i: (
                len((words[i] & wanted) - covered) / max(1, len(wanted)) + similarity[i] / 2
            ),
        )
        pool.remove(best)
        chosen.append(best)
        covered |= words[best] & wanted
    return chosen
