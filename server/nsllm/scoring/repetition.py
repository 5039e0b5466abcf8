"""How much of a text is said again, and whether it got stuck in a loop, as language models do."""

import re
from collections.abc import Sequence

import numpy as np

from nsllm.scoring.words import content_words

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_PHRASE = 5
"""Words that nobody says twice in a row; fewer have to come three times."""
_LONGEST = 200
"""Words of a loop that is looked for."""


def repeated_share(texts: Sequence[str]) -> float:
    """Return the share of word triples that are repeats; a loop repeats almost all."""
    words = [word for text in texts for word in content_words(text)]
    # Too short for triples: a text of one word said again and again still repeats.
    length = min(3, max(2, len(words) - 1))
    runs = [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def find_loop(texts: Sequence[str]) -> tuple[int, int] | None:
    """Return which of the texts, first and last, say again what was said right before.

    What comes back in another place is no loop: a subject does.
    """
    words, owners = [], []
    for i, text in enumerate(texts):
        for word in _WORD.findall(text.lower()):
            words.append(word)
            owners.append(i)
    codes = np.unique(np.array(words, dtype=str), return_inverse=True)[1]
    for period in range(2, min(_LONGEST, len(codes) // 2) + 1):
        same = codes[period:] == codes[:-period]
        again = period if period >= _PHRASE else 2 * period
        before = np.concatenate([[0], np.cumsum(same)])
        [starts] = np.nonzero(before[again:] - before[:-again] == again)
        if len(starts):
            first = int(starts[0]) + period
            return owners[first], owners[first + again - 1]
    return None
