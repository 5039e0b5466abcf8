"""How far passages support each claim of a text.

A claim is read beside several windows of the passages (`nsllm.scoring.windows`) by a small
cross-encoder (`nsllm.models.grounder`); the window that supports it best is its evidence. What is
written differently (`nsllm.scoring.differences`) and the share of its words that the evidence has
weigh with it in a logistic model, fitted and calibrated by scripts/training/grounding/calibrate.py.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.claims import without_markers
from nsllm.scoring.differences import Difference, differences
from nsllm.scoring.evidence import places
from nsllm.scoring.support import Read, Reading
from nsllm.scoring.weights import FEATURES, WORD_FEATURES, weights
from nsllm.scoring.windows import Window, choose
from nsllm.scoring.words import asserted_words, content_words
from nsllm.types import Chunk, Claim, ClaimGrounding

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Span = tuple[int, int]

_FACTS = ("number", "date", "version", "unit", "identifier", "path", "flag")
_SURE = 0.75
"""Above this no word of a claim is called unsupported."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[^\w\s]")


_WORDS = re.compile(r"[-\w`'\"(].*[\w`'\")%]|\w", re.DOTALL)
"""What is left of a span without the punctuation around it."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A claim beside the window that supports it best.

    `features` is float64 [FEATURES]; `words` are the spans of the claim's words, and
    `word_features` float64 [words, WORD_FEATURES].
    """

    text: str
    window: Window
    features: NDArray[np.float64]
    words: tuple[Span, ...]
    word_features: NDArray[np.float64]
    differences: tuple[Difference, ...]
    fitted: bool = True
    """Whether the weights were fitted on the model that read; of another its own word counts."""

    @property
    def verbatim(self) -> bool:
        """Whether the window quotes the claim word by word."""
        return _squeeze(self.text) in _squeeze(self.window.text)

    @property
    def score(self) -> float:
        """The probability that the passages support the claim; a verbatim quote is certain."""
        if self.verbatim:
            return 1.0
        if not self.fitted:
            return _sigmoid(float(self.features[FEATURES.index("logit")]))
        fitted = weights()
        return _sigmoid(float(self.features @ fitted.pair + fitted.bias))

    def unsupported(self) -> list[Span]:
        """Return the spans of what the evidence does not support, joined; none where it does."""
        if self.score > _SURE:
            return []
        if self.fitted:
            chances = self.word_features @ weights().word + weights().word_bias
        else:
            read = self.word_features[:, WORD_FEATURES.index("token")]
            absent = self.word_features[:, WORD_FEATURES.index("absent")]
            chances = np.maximum(read, absent - 0.5)
        # What differs is named as a whole: all of `cache_size`, not its second part.
        named = [(d.start, d.end) for d in self.differences if d.kind != "negation"]
        return _joined(
            self.text,
            [
                (start, end)
                for (start, end), chance in zip(self.words, chances, strict=True)
                if chance > 0 or any(a <= start and end <= b for a, b in named)
            ],
        )


def ground(
    claims: Sequence[Claim],
    chunks: Sequence[Chunk],
    embed: Embed,
    read: Read,
    *,
    fitted: bool = True,
) -> list[ClaimGrounding]:
    """Score each claim against the chunks, in the order of the claims.

    Where the weights are not `fitted` on the model that reads, what it says is the score.
    """
    if not claims:
        return []
    texts = [without_markers(claim.text) for claim in claims]
    compared = [
        one and msgspec.structs.replace(one, fitted=fitted)
        for one in compare(texts, chunks, embed, read)
    ]
    return [_judge(claim, best) for claim, best in zip(claims, compared, strict=True)]


def compare(
    texts: Sequence[str], chunks: Sequence[Chunk], embed: Embed, read: Read
) -> list[Compared | None]:
    """Compare each text with the chunks; None where these hold no sentence."""
    sentences = places(chunks)
    if not sentences:
        return [None for _ in texts]
    vectors = embed([*texts, *(place.text for place in sentences)])
    similarity = vectors[: len(texts)] @ vectors[len(texts) :].T
    words = [_offered(f"{p.chunk.heading} {p.text}") for p in sentences]
    chosen = [
        _quoting(text, choose(text, row, sentences, words))
        for text, row in zip(texts, similarity, strict=True)
    ]
    readings = iter(
        read([(text, w.text) for text, row in zip(texts, chosen, strict=True) for w in row])
    )
    everywhere = frozenset[str]().union(*words)
    whole = "\n".join(chunk.text for chunk in chunks)
    return [
        _compared(
            text,
            row,
            [next(readings) for _ in row],
            similarity=float(near.max()),
            everywhere=everywhere,
            whole=whole,
        )
        for text, row, near in zip(texts, chosen, similarity, strict=True)
    ]


def _quoting(text: str, windows: list[Window]) -> list[Window]:
    """Return the first window that quotes the text alone, since a quote is certain; else all."""
    words = _squeeze(text)
    quotes = [window for window in windows if words in _squeeze(window.text)]
    return quotes[:1] or windows


def _compared(
    text: str,
    windows: Sequence[Window],
    readings: Sequence[Reading],
    *,
    similarity: float,
    everywhere: frozenset[str],
    whole: str,
) -> Compared:
    best = int(np.argmax([reading.logit for reading in readings]))
    window, reading = windows[best], readings[best]
    found = differences(text, window.text)
    kinds = {difference.kind for difference in found}
    wanted = frozenset(asserted_words(text))
    offered = _offered(window.text)
    spans = tuple(match.span() for match in _WORD.finditer(text))
    tokens = np.array([_word_chances(spans, r) for r in readings]).reshape(len(readings), -1)
    features = np.array(
        [
            reading.logit,
            _share(wanted, offered),
            _share(wanted, everywhere),
            similarity,
            float(bool(kinds.intersection(_FACTS))),
            float(any(d.kind in _FACTS for d in differences(text, whole))),
            float("name" in kinds),
            float("negation" in kinds),
            min(len(wanted), 30) / 10,
        ]
    )
    absent = np.array([_is_absent(text[a:b], offered) for a, b in spans])
    nowhere = np.array([_is_absent(text[a:b], everywhere) for a, b in spans])
    word_features = np.column_stack(
        [
            tokens[best],
            tokens.min(axis=0),
            _around(tokens[best]),
            absent,
            nowhere,
            _around(nowhere),
            [float(not content_words(text[a:b])) for a, b in spans],
            np.full(len(spans), reading.logit),
            [float(text[a:b][:1].isupper() or text[a:b][:1].isdigit()) for a, b in spans],
            np.arange(len(spans)) / max(1, len(spans)),
        ]
    )
    return Compared(
        text=text,
        window=window,
        features=features,
        words=spans,
        word_features=word_features.reshape(len(spans), len(WORD_FEATURES)),
        differences=tuple(found),
    )


def _judge(claim: Claim, compared: Compared | None) -> ClaimGrounding:
    if compared is None:
        return ClaimGrounding(claim=claim, score=0.0, evidence=None)
    evidence = compared.window.nearest.as_evidence(compared.window.last)
    score = compared.score
    if compared.verbatim:
        return ClaimGrounding(claim=claim, score=score, evidence=evidence)
    first = compared.differences[0] if compared.differences else None
    return ClaimGrounding(
        claim=claim,
        score=score,
        evidence=evidence,
        problem=first.message if first else None,
        kind=first.kind if first else None,
        unsupported=tuple(_placed(claim, compared)),
    )


def _word_chances(spans: Sequence[Span], reading: Reading) -> list[float]:
    """Return, for each word, the log odds of its least supported token."""
    rows = []
    for start, end in spans:
        inside = [p for a, b, p in reading.tokens if a < end and b > start]
        chance = min(max(max(inside, default=0.5), 1e-4), 1 - 1e-4)
        rows.append(float(np.log(chance / (1 - chance))))
    return rows


def _around(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each number's two neighbours on either side."""
    padded = np.pad(row, 2, mode="edge") if len(row) else np.zeros(4)
    return (padded[:-4] + padded[1:-3] + padded[3:-1] + padded[4:]) / 4


def _offered(text: str) -> frozenset[str]:
    return frozenset([*asserted_words(text), *content_words(text)])


def _share(wanted: frozenset[str], offered: frozenset[str]) -> float:
    return len(wanted & offered) / len(wanted) if wanted else 1.0


def _is_absent(word: str, offered: frozenset[str]) -> float:
    stems = content_words(word)
    return float(bool(stems) and not offered.issuperset(stems))


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Join neighbouring spans."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    trimmed = [_WORDS.search(text, start, end) for start, end in joined]
    return [match.span() for match in trimmed if match]


def _placed(claim: Claim, compared: Compared) -> Iterator[Span]:
    """Yield the unsupported spans in the text of the claim, in parts where a marker is between."""
    shifts, at = [], claim.start
    for char in compared.text:
        at = claim.start + claim.text.index(char, at - claim.start)
        shifts.append(at)
        at += 1
    for first, last in compared.unsupported():
        start = first
        for i in range(first + 1, last + 1):
            if i == last or shifts[i] != shifts[i - 1] + 1:
                if any(c.isalnum() for c in compared.text[start:i]):
                    end = start + len(compared.text[start:i].rstrip())
                    yield shifts[start], shifts[end - 1] + 1
                start = i


def _squeeze(text: str) -> str:
    return " ".join(text.split()).strip(" .;:").lower()


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -40, 40))))
