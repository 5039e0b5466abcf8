"""How well a text hangs together: order, subject, contradiction, loops, endings, language.

A model (order.py) reads each paragraph: how likely it is as somebody wrote it, and each sentence
follows the one before it. What can be counted is counted. A logistic model over both gives the
score;
scripts/training/coherence_weights.py fits its weights on what docs/EVALUATION.md says.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import CELLS, Sentence, split
from nsllm.scoring.claims import without_markers
from nsllm.scoring.grounding import Embed
from nsllm.scoring.languages import language_of
from nsllm.scoring.order import Order, ReadOrder
from nsllm.scoring.repetition import find_loop, repeated_share

LEARNT = ("intact", "stranger")
"""Features of the models of order and of meaning."""
COUNTED = ("repetition", "loops", "unclosed", "dangling", "switches")
"""Features that are counted: 0 is flawless."""
FEATURES = (*LEARNT, *COUNTED)
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
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


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """The sentences of a paragraph, two or more, and what the models say of them.

    `cosines` are those of each two sentences.
    """

    parts: Sequence[_Part]
    order: Order
    cosines: NDArray[np.float32]


def coherence(text: str, embed: Embed, read: ReadOrder) -> Coherence | None:
    """Score `text` in [0, 1]; None where it holds no prose. A single whole sentence is coherent."""
    parts = _parts(text)
    if not parts:
        return None
    runs = _runs(text, parts, embed, read)
    weights, bias = _weights()
    costs = _features(parts, runs) * weights
    score = float(1.0 / (1.0 + np.exp(-(costs.sum() + bias))))
    return Coherence(score=score, flaw=_flaw(parts, runs, costs))


def measure_features(text: str, embed: Embed, read: ReadOrder) -> NDArray[np.float64] | None:
    """Return float64 [len(FEATURES)], what the weights are fitted on; None without prose."""
    parts = _parts(text)
    return _features(parts, _runs(text, parts, embed, read)) if parts else None


def _features(parts: Sequence[_Part], runs: Sequence[_Run]) -> NDArray[np.float64]:
    """Return the features in the order of FEATURES.

    The learnt ones are given relative to those of a typical text; without a run of sentences they
    are 0, and so typical.
    """
    ending = _ending(parts[-1])
    texts = [part.text for part in parts]
    counted = [
        repeated_share(texts),
        float(find_loop(texts) is not None),
        float(ending == "unclosed" and len(parts) > 1),
        float(ending == "dangling"),
        float(_switch(parts) is not None),
    ]
    learnt = _learnt(runs) - _typical() if runs else np.zeros(len(LEARNT))
    return np.array([*learnt, *counted])


def _learnt(runs: Sequence[_Run]) -> NDArray[np.float64]:
    """Return the features of LEARNT, over all paragraphs together.

    The log-odds that they are as somebody wrote them, long ones count more; and of the sentence
    that is farthest from all others of its paragraph, the cosine with the nearest.
    """
    lengths = [len(run.order.follows) for run in runs]
    intact = np.average([run.order.intact for run in runs], weights=lengths)
    nearest = [(run.cosines - 2 * np.eye(len(run.cosines))).max(axis=1) for run in runs]
    return np.array([intact, np.concatenate(nearest).min()])


def _parts(text: str) -> list[_Part]:
    """Return the sentences of prose and list items without their citation markers."""
    found = [
        _Part(sentence=s, text=without_markers(text[s.start : s.end]))
        for s in split(text)
        if s.kind in {"prose", "item"}
    ]
    return [part for part in found if part.text and not _is_quoted_row(part.text)]


def _is_quoted_row(text: str) -> bool:
    """Tell whether a line is a table's row as answers quote it: no sentence, so it needs no end."""
    return CELLS in text and not _CLOSED.search(text.rstrip())


def _runs(text: str, parts: Sequence[_Part], embed: Embed, read: ReadOrder) -> list[_Run]:
    """Return the paragraphs of two sentences and more, their order judged.

    Lists are left out: their items have no order that could be wrong.
    """
    groups: list[list[_Part]] = []
    for part in parts:
        last = groups[-1][-1] if groups else None
        joined = (
            last is not None
            and last.sentence.kind == part.sentence.kind == "prose"
            and not _BLANK_LINE.search(text, last.sentence.end, part.sentence.start)
        )
        if joined:
            groups[-1].append(part)
        else:
            groups.append([part])
    groups = [group for group in groups if len(group) >= 2]
    if not groups:
        return []
    vectors = embed([part.text for group in groups for part in group])
    orders = read([tuple(part.text for part in group) for group in groups])
    runs, at = [], 0
    for group, order in zip(groups, orders, strict=True):
        rows = vectors[at : at + len(group)]
        at += len(group)
        runs.append(_Run(parts=group, order=order, cosines=rows @ rows.T))
    return runs


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


def _flaw(parts: Sequence[_Part], runs: Sequence[_Run], costs: NDArray[np.float64]) -> Flaw:
    """Name the feature that costs most, on the sentences that it is about."""
    grouped = dict(zip(FEATURES, costs.tolist(), strict=True))
    learnt = min(grouped.pop(name) for name in LEARNT)
    worst = min(grouped, key=lambda name: grouped[name])
    first, last = parts[0], parts[-1]
    if runs and learnt <= grouped[worst]:
        run = min(runs, key=lambda run: float(run.order.follows.min()))
        at = int(run.order.follows.argmin())
        return _span(run.parts[at], run.parts[at + 1], "this hardly follows from what is before it")
    if worst == "switches" and (other := _switch(parts)):
        return _span(other, other, "the text changes its language")
    loop = find_loop([part.text for part in parts]) if worst == "loops" else None
    if loop:
        return _span(parts[loop[0]], parts[loop[1]], "the text repeats itself")
    if worst in {"loops", "repetition"}:
        again = _duplicates(parts) or [first, last]
        return _span(again[0], again[-1], "the text repeats itself")
    return _span(last, last, "the text breaks off")


def _span(first: _Part, last: _Part, problem: str) -> Flaw:
    return Flaw(start=first.sentence.start, end=last.sentence.end, problem=problem)


@cache
def _table() -> dict[str, dict[str, float]]:
    body = (resources.files(__package__) / "coherence_weights.json").read_text("utf-8")
    table: dict[str, dict[str, float]] = json.loads(body)
    return table


def _typical() -> NDArray[np.float64]:
    """Return the learnt features of a typical intact text, in the order of LEARNT."""
    return np.array([_table()["typical"][name] for name in LEARNT])


def _weights() -> tuple[NDArray[np.float64], float]:
    """Return the fitted weights, in the order of FEATURES, and the bias."""
    weights = _table()["weights"]
    return np.array([weights[name] for name in FEATURES]), weights["bias"]
