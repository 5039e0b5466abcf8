"""What the logistic models of the grounding score are given of a claim beside its windows."""

import re
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.claims import without_markers
from nsllm.scoring.differences import Difference, differences, missing
from nsllm.scoring.support import Reading
from nsllm.scoring.weights import FEATURES, WORD_FEATURES
from nsllm.scoring.windows import Window
from nsllm.scoring.words import asserted_words, content_words

Span = tuple[int, int]

_FACTS = frozenset({"number", "date", "version", "unit", "identifier", "path", "flag"})
_WORDED = 2.0
"""What all of a claim's words in a window count for, in log-odds."""
_COPIED = 0.8
"""The share of a claim's words in the window from which it is almost a copy of it.

What a copy has otherwise was changed; in a claim put in other words, less is meant by it."""

_CELL = re.compile(r"(?:^|(?<=\s))[|·](?=\s|$)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[^\w\s]")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim is compared with: windows of some passages, and those passages.

    The first window is nearest to the claim. `similarity` is the greatest cosine of the claim and a
    sentence; `words` are the content words of all sentences, `text` is all of their text.
    """

    windows: tuple[Window, ...]
    similarity: float
    words: frozenset[str]
    text: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A claim beside the window that supports it best.

    `nearest` is the window that is nearest to the claim, whether it supports it or not.
    `features` is float64 [FEATURES]; `words` are the spans of the claim's words, and
    `word_features` float64 [words, WORD_FEATURES].
    """

    window: Window
    nearest: Window
    features: NDArray[np.float64]
    words: tuple[Span, ...]
    word_features: NDArray[np.float64]
    differences: tuple[Difference, ...]


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A claim, its source, and what was read; `tokens` is float64 [windows, words]."""

    text: str
    source: Source
    readings: Sequence[Reading]
    best: int
    words: tuple[Span, ...]
    tokens: NDArray[np.float64]
    differences: tuple[Difference, ...]

    @property
    def window(self) -> Window:
        return self.source.windows[self.best]


def measure(text: str, source: Source, readings: Sequence[Reading]) -> Measured:
    """Measure a claim by what the network read of each window of `source`."""
    quotes = [i for i, w in enumerate(source.windows) if is_quoted(text, w)]
    best = quotes[0] if quotes else _likeliest(text, source, readings)
    spans = tuple(match.span() for match in _WORD.finditer(text))
    beside = _Beside(
        text=text,
        source=source,
        readings=readings,
        best=best,
        words=spans,
        tokens=np.array([_word_chances(spans, r) for r in readings]).reshape(len(readings), -1),
        differences=tuple(differences(text, source.windows[best].text)),
    )
    return Measured(
        window=beside.window,
        nearest=source.windows[0],
        features=_of_claim(beside),
        words=spans,
        word_features=_of_words(beside),
        differences=beside.differences,
    )


def _likeliest(text: str, source: Source, readings: Sequence[Reading]) -> int:
    """Return the window that supports the claim best: by its logit, and by the words that it has.

    Of windows that all contradict a claim, the one that speaks of it is the one that tells.
    """
    wanted = frozenset(asserted_words(text))
    return max(
        range(len(readings)),
        key=lambda i: (
            readings[i].logit + _WORDED * _share(wanted, offered_words(source.windows[i].text))
        ),
    )


def is_quoted(text: str, window: Window) -> bool:
    """Tell whether the window quotes the claim word by word, markers of the document left out."""
    squeezed = _squeeze(text)
    return squeezed in _squeeze(window.text) or (
        "[" in window.text and squeezed in _squeeze(without_markers(window.text))
    )


def offered_words(text: str) -> frozenset[str]:
    """Return the words by which a text may support another."""
    return frozenset([*asserted_words(text), *content_words(text)])


def _of_claim(beside: _Beside) -> NDArray[np.float64]:
    source, readings = beside.source, beside.readings
    kinds = {difference.kind for difference in beside.differences}
    anywhere = {difference.kind for difference in missing(beside.text, source.text)}
    wanted = frozenset(asserted_words(beside.text))
    logit = readings[beside.best].logit
    overlap = _share(wanted, offered_words(beside.window.text))
    fact, new_fact = (float(not _FACTS.isdisjoint(some)) for some in (kinds, anywhere))
    negation = float("negation" in kinds)
    copied = max(0.0, overlap - _COPIED) / (1 - _COPIED)
    found = {
        "logit": logit,
        "overlap": overlap,
        "covered": _share(wanted, source.words),
        "similarity": source.similarity,
        "fact": fact,
        "new_fact": new_fact,
        "name": float("name" in kinds),
        "negation": negation,
        "length": min(len(wanted), 30) / 10,
        "copied": copied,
        "copied_logit": copied * logit,
        "copied_fact": copied * (fact + new_fact),
        "copied_negation": copied * negation,
    }
    return np.array([found[name] for name in FEATURES])


def _of_words(beside: _Beside) -> NDArray[np.float64]:
    text, spans, best = beside.text, beside.words, beside.best
    offered = offered_words(beside.window.text)
    absent = np.array([_is_absent(text[a:b], offered) for a, b in spans])
    nowhere = np.array([_is_absent(text[a:b], beside.source.words) for a, b in spans])
    columns = {
        "token": beside.tokens[best],
        "least": beside.tokens.min(axis=0),
        "around": _around(beside.tokens[best]),
        "whole": np.full(len(spans), beside.tokens[best].mean() if spans else 0.0),
        "absent": absent,
        "nowhere": nowhere,
        "nowhere_around": _around(nowhere),
        "stop": [float(not content_words(text[a:b])) for a, b in spans],
        "pair": np.full(len(spans), beside.readings[best].logit),
        "capital": [float(text[a:b][:1].isupper() or text[a:b][:1].isdigit()) for a, b in spans],
        "place": np.arange(len(spans)) / max(1, len(spans)),
    }
    table = np.column_stack([columns[name] for name in WORD_FEATURES])
    return table.reshape(len(spans), len(WORD_FEATURES))


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


def _share(wanted: frozenset[str], offered: frozenset[str]) -> float:
    return len(wanted & offered) / len(wanted) if wanted else 1.0


def _is_absent(word: str, offered: frozenset[str]) -> float:
    stems = content_words(word)
    return float(bool(stems) and not offered.issuperset(stems))


def _squeeze(text: str) -> str:
    # A row of a table is quoted without its borders.
    return " ".join(_CELL.sub(" ", text).split()).strip(" .;:").lower()
