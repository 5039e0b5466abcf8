"""How likely a text is hateful towards a group of people, or threatens someone.

A classifier (models.toml: nsllm-toxicity, docs/EVALUATION.md) reads windows of sentences, since
"they" may be hateful or not by the sentence before, and each sentence by itself, since one
sentence is easily lost in a long text. Spelling tricks are undone for a second reading.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.spelling import plain_spelling

Classify = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to probabilities, float32 [len(texts)]."""

_WINDOW_WORDS = 40
"""About as long as the texts that the classifier was trained with."""
_HEADING_WORDS, _CODE_WORDS = 2, 3
"""With fewer words a heading, or a line of code, is read only if the text says nothing else."""
_WORD = re.compile(r"[^\W\d_]+")
_NO_WORDS = re.compile(
    r"https?://[^\s<>()\"'`\]]+"
    r"|(?<!\S)(?=(?:[^\s\d]{0,99}\d+[^\s\d]){3})(?=\S{0,99}[A-Z])(?=\S{0,99}[a-z])[\w.+/=-]{24,}"
    r"|\b[\da-fA-F]{24,}\b"
)
"""Addresses, and tokens and hashes: small letters, capitals and digits, in turns."""
_QUOTED = re.compile(r"[\"“«'‘„]")


class ToxicSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence [start, end) of a text and the probability that it is toxic."""

    start: int
    end: int
    score: float


def toxic_spans(text: str, classify: Classify) -> tuple[ToxicSpan, ...]:
    """Score every sentence of `text`, in order; the text is as toxic as its worst sentence."""
    places = _places(text)
    if not places:
        return ()
    windows = _windows(text, places)
    alone, together = _parts(text, places, windows)
    scores = _score([*alone, *together], classify)
    own, joint = scores[: len(alone)], scores[len(alone) :]
    found = np.zeros(len(places))
    if len(windows) > 1:
        # A quotation is judged with what is said about it, which may be another sentence.
        found = np.where([bool(_QUOTED.match(part)) for part in alone], 0.0, own)
    for (first, last), score in zip(windows, joint, strict=True):
        worst = first + int(np.argmax(own[first : last + 1]))
        found[worst] = max(found[worst], score)
    return tuple(
        ToxicSpan(start=start, end=end, score=float(score))
        for (start, end), score in zip(places, found, strict=True)
    )


def parts_read(text: str) -> list[str]:
    """Return the sentences and windows of `text` that the classifier reads, each once."""
    places = _places(text)
    alone, together = _parts(text, places, _windows(text, places))
    return list(dict.fromkeys(_NO_WORDS.sub("", part) for part in (*alone, *together)))


def _places(text: str) -> list[tuple[int, int]]:
    sentences = split(text)
    telling = [s for s in sentences if _says(text, s)] or sentences
    return [(s.start, s.end) for s in telling]


def _parts(
    text: str, places: Sequence[tuple[int, int]], windows: Sequence[tuple[int, int]]
) -> tuple[list[str], list[str]]:
    alone = [text[start:end] for start, end in places]
    return alone, [text[places[first][0] : places[last][1]] for first, last in windows]


def _says(text: str, sentence: Sentence) -> bool:
    """Tell whether there are words enough to say something; `$ cd lib` has not."""
    words = _WORD.findall(_NO_WORDS.sub("", text[sentence.start : sentence.end]))
    if sentence.kind == "code":
        return sum(len(word) > 1 for word in words) >= _CODE_WORDS
    return sentence.kind != "heading" or len(words) >= _HEADING_WORDS


def _score(texts: Sequence[str], classify: Classify) -> NDArray[np.float64]:
    """Return the higher probability of each text as written and as it is meant to be read."""
    written = [_NO_WORDS.sub("", part) for part in texts]
    meant = [plain_spelling(part) for part in written]
    distinct = list(dict.fromkeys([*written, *meant]))
    known = dict(zip(distinct, classify(distinct).tolist(), strict=True))
    return np.array([max(known[a], known[b]) for a, b in zip(written, meant, strict=True)])


def _windows(text: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return runs (first, last) of sentences of up to `_WINDOW_WORDS` words; neighbours overlap.

    A sentence that is longer by itself is a window of its own.
    """
    lengths = [len(text[start:end].split()) for start, end in places]
    windows: list[tuple[int, int]] = []
    for first in range(len(places)):
        last, words = first, lengths[first]
        while last + 1 < len(places) and words + lengths[last + 1] <= _WINDOW_WORDS:
            last += 1
            words += lengths[last]
        if not windows or last > windows[-1][1]:
            windows.append((first, last))
    return windows
