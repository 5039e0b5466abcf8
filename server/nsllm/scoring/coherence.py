"""How well a text hangs together: order, subject, contradiction, loops, endings, language.

A classifier (models.toml: nsllm-coherence) reads windows of sentences and says how likely each
is as someone wrote it, not shuffled, spliced or contradicting itself. What can be counted is
counted. A logistic model over both gives the score; scripts/training/coherence_weights.py fits
its weights, and docs/EVALUATION.md says on what.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.claims import without_markers
from nsllm.scoring.languages import language_of
from nsllm.scoring.words import content_words

Classify = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to probabilities, float32 [len(texts)]."""

FEATURES = ("mean", "least", "repetition", "duplicates", "unclosed", "dangling", "switches")
_WINDOW_WORDS = 80
_WINDOW_SENTENCES = 8
_CERTAIN = 1e-3
"""A probability is not taken to be nearer to 0 or 1 than this."""
_CLOSED = re.compile(r"[.!?…:;)\]\"'”’»`*_|。！？]$")
_DANGLING = re.compile(
    r"(?:[,(\[{–—-]|\b(?:the|an?|of|and|or|to|in|on|for|with|by|from|as|that|which|is|are|was|be|"
    r"if|when|at|than|but|because|it|this|these|its|their|your|not|will|can|must|should|has))$",
    re.IGNORECASE,
)


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """The span [start, end) of a text where it holds together least, and what is wrong there."""

    start: int
    end: int
    problem: str


class Coherence(msgspec.Struct, frozen=True, kw_only=True):
    """The probability that a text is of one piece, and what speaks most against it."""

    score: float
    flaw: Flaw


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    sentence: Sentence
    text: str


class _Window(msgspec.Struct, frozen=True, kw_only=True):
    first: _Part
    last: _Part
    text: str


def coherence(text: str, classify: Classify) -> Coherence | None:
    """Score `text` in [0, 1]; None where it holds no prose. A single whole sentence is coherent."""
    parts = _parts(text)
    if not parts:
        return None
    windows = _windows(parts)
    chances = classify([window.text for window in windows]) if windows else np.zeros(0, np.float32)
    features = features_of(parts, chances)
    weights, bias = _weights()
    score = float(1.0 / (1.0 + np.exp(-(features @ weights + bias))))
    return Coherence(score=score, flaw=_flaw(text, parts, windows, chances, features * weights))


def measure_features(text: str, classify: Classify) -> NDArray[np.float64] | None:
    """Return float64 [len(FEATURES)], what the weights are fitted on; None without prose."""
    parts = _parts(text)
    if not parts:
        return None
    windows = _windows(parts)
    chances = classify([window.text for window in windows]) if windows else np.zeros(0, np.float32)
    return features_of(parts, chances)


def features_of(parts: Sequence[_Part], chances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the features of a text, in the order of FEATURES; 0 is that of a flawless one.

    Without a window of two sentences the classifier's part is 0.
    """
    kept = np.clip(chances.astype(np.float64), _CERTAIN, 1 - _CERTAIN)
    doubts = np.maximum(0.0, -np.log(kept / (1 - kept)) + _typical())
    texts = [part.text for part in parts]
    ending = _ending(parts[-1])
    return np.array(
        [
            doubts.mean() if len(doubts) else 0.0,
            doubts.max() if len(doubts) else 0.0,
            _repetition(texts),
            len(_duplicates(parts)) / len(parts),
            float(ending == "unclosed" and len(parts) > 1),
            float(ending == "dangling"),
            float(_switch(parts) is not None),
        ]
    )


def _parts(text: str) -> list[_Part]:
    """Return the sentences of prose and list items without their citation markers."""
    found = [
        _Part(sentence=s, text=without_markers(text[s.start : s.end]))
        for s in split(text)
        if s.kind in {"prose", "item"}
    ]
    return [part for part in found if part.text]


def _windows(parts: Sequence[_Part]) -> list[_Window]:
    """Return runs of neighbouring sentences of prose that the classifier can take in at once.

    Lists are left out: their items have no order that could be wrong.
    """
    windows: list[_Window] = []
    at = 0
    while at < len(parts):
        stop, words = at, 0
        while stop < len(parts) and stop - at < _WINDOW_SENTENCES:
            words += len(parts[stop].text.split())
            if parts[stop].sentence.kind != "prose" or (words > _WINDOW_WORDS and stop - at >= 2):
                break
            stop += 1
        run = parts[at:stop]
        if len(run) >= 2:
            joined = " ".join(part.text for part in run)
            windows.append(_Window(first=run[0], last=run[-1], text=joined))
        ended = stop == len(parts) or parts[stop].sentence.kind != "prose"
        # The last sentence of a window is the first of the next one: no joint goes unseen.
        at = stop + 1 if ended else max(stop - 1, at + 1)
    return windows


def _repetition(texts: Sequence[str]) -> float:
    """Return the share of word triples that are repeats; a loop repeats almost all."""
    words = [word for text in texts for word in content_words(text)]
    triples = list(zip(words, words[1:], words[2:], strict=False)) or list(pairwise(words))
    return 1 - len(set(triples)) / len(triples) if triples else 0.0


def _duplicates(parts: Sequence[_Part]) -> list[_Part]:
    """Return the sentences of three words and more that stood before already."""
    seen: Counter[str] = Counter()
    found = []
    for part in parts:
        key = " ".join(part.text.lower().split())
        if seen[key] and len(key.split()) >= 3:
            found.append(part)
        seen[key] += 1
    return found


def _ending(last: _Part) -> str | None:
    """Tell how the text ends: `dangling` in the middle of a phrase, `unclosed` without a stop."""
    bare = last.text.rstrip()
    if _DANGLING.search(bare) or bare.count("`") % 2 or bare.count("(") > bare.count(")"):
        return "dangling"
    if last.sentence.kind == "prose" and not _CLOSED.search(bare) and len(bare.split()) >= 2:
        return "unclosed"
    return None


def _switch(parts: Sequence[_Part]) -> _Part | None:
    """Return the first sentence in another language than the one that most are in."""
    known = [(part, language) for part in parts if (language := language_of(part.text))]
    if len({language for _, language in known}) < 2:
        return None
    common = Counter(language for _, language in known).most_common(1)[0][0]
    return next(part for part, language in known if language != common)


def _flaw(
    text: str,
    parts: Sequence[_Part],
    windows: Sequence[_Window],
    chances: NDArray[np.float32],
    costs: NDArray[np.float64],
) -> Flaw:
    """Name the feature that costs most, on the sentences that it is about."""
    grouped = dict(zip(FEATURES, costs.tolist(), strict=True))
    worst = min(grouped, key=lambda name: grouped[name])
    first, last = parts[0], parts[-1]
    if worst in {"unclosed", "dangling"}:
        return _span(last, last, "the text breaks off")
    if worst == "switches" and (other := _switch(parts)):
        return _span(other, other, "the text changes its language")
    if worst == "duplicates" and (again := _duplicates(parts)):
        return _span(again[0], again[-1], "the text repeats itself")
    if worst == "repetition":
        return _span(first, last, "the text repeats itself")
    if windows:
        window = windows[int(np.argmin(chances))]
        return _span(window.first, window.last, "these sentences hardly belong together")
    return Flaw(start=0, end=len(text), problem="the text hardly holds together")


def _span(first: _Part, last: _Part, problem: str) -> Flaw:
    return Flaw(start=first.sentence.start, end=last.sentence.end, problem=problem)


@cache
def _table() -> dict[str, float]:
    body = (resources.files(__package__) / "coherence_weights.json").read_text("utf-8")
    table: dict[str, float] = json.loads(body)
    return table


def _typical() -> float:
    """Return the log-odds from which on a window counts as flawless."""
    return _table()["typical"]


def _weights() -> tuple[NDArray[np.float64], float]:
    """Return the fitted weights, in the order of FEATURES, and the bias."""
    table = _table()
    return np.array([table[name] for name in FEATURES]), table["bias"]
