"""Sentences of documentation beside the passage they are from, rewritten or with an error."""

from collections.abc import Iterator, Sequence
from random import Random

from build import Builder, edited, rewritten
from draft import Draft
from edits import EDITS
from text import Article

_AROUND = 4
_TRIES = 3000

Case = tuple[str, str, str]
"""Text, passage, and the kind of its error; empty for none."""


def cases(found: Sequence[Article], count: int, random: Random) -> Iterator[Case]:
    """Yield `count` sentences rewritten, and as many with an error, kinds in turn."""
    builder = Builder(found, random)
    kinds, made = list(EDITS), 0
    while made < count:
        kind = kinds[made % len(kinds)]
        for _ in range(_TRIES):
            article, i = random.choice(builder.places)
            passage = " ".join(article.sentences[max(0, i - _AROUND) : i + _AROUND + 1])
            start = rewritten(Draft.of(article.sentences[i]), random, 1)
            wrong = edited(start, kind, builder.pool(article, passage), random)
            if wrong and wrong.spans() and wrong.text not in passage:
                yield wrong.text, passage, kind
                yield rewritten(Draft.of(article.sentences[i]), random).text, passage, ""
                break
        made += 1
