"""The windows of evidence that the grounding model reads beside a claim.

Windows are chosen by the claim alone: the sentences nearest to it by meaning and words, each with
its neighbours, and the few that together hold most of its words. They are chosen within the
likeliest passage, as if it came alone, and, for a claim that joins two passages, within both: its
support is the better of these, so that passages more neither lower it nor lend it stray words.
"""

from collections import Counter
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

_MERGED = 0.25
"""The share of a claim's words, two at least, that a second passage must add to the first.

A stray word of another passage is no support; of 200 claims, taking all passages together turned 13
wrong ones into supported ones."""

_MOST_CHARACTERS = 480
"""About what fits into the model's context beside a claim."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is read beside a claim; `nearest` is its sentence that is nearest to the claim."""

    text: str
    nearest: Place
    last: Place


def groups(
    claim: str,
    similarity: NDArray[np.float32],
    places: Sequence[Place],
    words: Sequence[frozenset[str]],
) -> list[list[int]]:
    """Return the sentences of the likeliest passage, and of the two likeliest where it takes both.

    It takes both where the second has many of the words that the first lacks. Passages of one
    sentence are taken for the lines of one text. Arguments are as of `choose`.
    """
    sizes = Counter(place.marker for place in places)
    owners = [place.marker if sizes[place.marker] > 1 else 0 for place in places]
    order = _order(claim, similarity, words)
    likeliest = list(dict.fromkeys(owners[i] for i in order))[:2]
    first, both = (
        [i for i, owner in enumerate(owners) if owner in some]
        for some in (likeliest[:1], likeliest)
    )
    wanted = frozenset(asserted_words(claim))
    gained = _words_of(wanted, both, words) - _words_of(wanted, first, words)
    return [first, both] if gained >= max(2, _MERGED * len(wanted)) else [first]


def _words_of(wanted: frozenset[str], group: Sequence[int], words: Sequence[frozenset[str]]) -> int:
    return len(wanted & frozenset[str]().union(*(words[i] for i in group)))


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
    order = _order(claim, similarity, words)
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


def _order(
    claim: str, similarity: NDArray[np.float32], words: Sequence[frozenset[str]]
) -> list[int]:
    """Return the sentences, those nearest to the claim by meaning and words first."""
    wanted = frozenset(asserted_words(claim))
    overlap = np.array([len(wanted & offered) / max(1, len(wanted)) for offered in words])
    found: list[int] = np.argsort(-(similarity + overlap), kind="stable").tolist()
    return found


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
