"""What words say of the place of a sentence: how it opens, what it takes as known, what it shares.

Coherence theory calls these discourse connectives and the accessibility of referents (Prince
1981; Barzilay and Lapata 2008): a sentence that opens with "However" or "This" is no first one,
and what is "a parser" in one sentence is "the parser" in the next, not the other way round.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.words import content_words, negations

Floats = NDArray[np.float32]

_OPENINGS = tuple(
    re.compile(rf"(?:{pattern})\b", re.IGNORECASE)
    for pattern in (
        r"this|these|that|those|such|the (?:former|latter|same|other|above)",
        r"it|its|they|their|them|he|she|both|each|either|neither|none|all of",
        r"however|but|yet|instead|nevertheless|conversely|unlike|still|rather|on the other hand",
        r"unfortunately|in contrast|alternatively|otherwise",
        r"therefore|thus|hence|so|consequently|accordingly|as a result|because of this",
        r"then|next|finally|afterwards?|now|once|later",
        r"also|additionally|furthermore|moreover|besides|similarly|likewise|in addition",
        r"and|again|another|other|or",
        r"for (?:example|instance)|e\.g|specifically|in particular|namely|in (?:this|that|other)",
        r"see|refer|consult|for (?:more|details|further|information)|read",
        r"note|remember|be aware|beware|keep in mind|please",
        r"if|when|whenever|unless|while|after|before|until|since|although|though|because|as",
        r"the",
        r"an?|some|many|most|several",
        r"you|your|we|our|i",
        r"by default|default",
        r"use|call|set|add|create|run|make|return|returns|raises?|specify|specifies",
        r"in|on|with|to|for|from|at|under|within",
        r"there|here",
        r"what|why|how|who|which|where",
    )
)
_WITHIN = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\balso\b", r"\b(?:this|these|those)\b", r"\b(?:it|they|them)\b", r"\bsuch\b",
        r"\bsame\b", r"\b(?:other|another)\b", r"\b(?:above|previous(?:ly)?|earlier|already)\b",
        r"\b(?:following|below|next)\b", r"\b(?:e\.g|for example|for instance|such as)\b",
        r"\b(?:because|since|so that|therefore|thus)\b", r"\b(?:was|were|had|did)\b",
        r"\b(?:is|are) (?:an?|the)\b", r"\b(?:must|should|need)\b", r"\b(?:can|may|might|could)\b",
        r"\b(?:not|no|never|cannot)\b|n't\b", r"\bdefault", r"\b(?:used|provides?|allows?|support)",
        r"\b(?:only|still|even|just)\b", r"`", r"\d", r"\(", r":$", r"\?$", r"^`", r"^\(",
        r"^[A-Z]\w+s\b",
        r"\binstead\b", r"\b(?:both|either|each)\b", r"\b(?:first|second|two|three)\b",
        r"\b(?:see|refer to|documentation)\b",
    )
)  # fmt: skip
_INDEFINITE = re.compile(r"\b(?:an?|some|new|one) ((?:[\w`-]+ ){0,2}[\w`-]+)", re.IGNORECASE)
_DEFINITE = re.compile(r"\b(?:the|this|that|these|such) ((?:[\w`-]+ ){0,2}[\w`-]+)", re.IGNORECASE)
_NAMES = re.compile(r"`([^`]+)`|\b([A-Za-z]\w*[_.]\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)\b")
_FULL_NAME = re.compile(r"\b[A-Z]\w+(?: [A-Z]\w+)+\b|\([A-Z]{2,}\)")

CUES = len(_OPENINGS) + len(_WITHIN) + 3
LINKS = 12


def cues(sentence: str) -> Floats:
    """Return float32 [CUES]: which openings and words the sentence has, and its length."""
    opened = [float(bool(pattern.match(sentence))) for pattern in _OPENINGS]
    held = [float(bool(pattern.search(sentence))) for pattern in _WITHIN]
    size = len(sentence.split())
    rest = [np.log1p(size) / 4, min(size, 40) / 40, float(bool(_FULL_NAME.search(sentence)))]
    return np.array([*opened, *held, *rest], np.float32)


class Mentions:
    """What a sentence mentions: its content words, names, and what is new or known to it."""

    def __init__(self, sentence: str) -> None:
        self.words = frozenset(content_words(sentence))
        self.names = frozenset(filter(None, (m[1] or m[2] for m in _NAMES.finditer(sentence))))
        self.new = _heads(_INDEFINITE.findall(sentence))
        self.known = _heads(_DEFINITE.findall(sentence))
        self.denies = negations(sentence) > 0


def links(first: Mentions, second: Mentions) -> Floats:
    """Return float32 [LINKS]: what a sentence and one after it share, and in which direction."""
    shared = first.words & second.words
    union = first.words | second.words
    names = first.names & second.names
    jaccard = len(shared) / max(1, len(union))
    return np.array(
        [
            len(shared) / max(1, len(first.words)),
            len(shared) / max(1, len(second.words)),
            jaccard,
            float(bool(shared)),
            min(2, len(names)) / 2,
            float(bool(names)),
            float(bool(first.new & second.known)),
            float(bool(second.new & first.known)),
            float(bool(first.new & second.new)),
            float(bool(first.known & second.known)),
            float(jaccard > 0.5 and first.denies != second.denies),
            float(jaccard > 0.8),
        ],
        np.float32,
    )


def _heads(phrases: Sequence[str]) -> frozenset[str]:
    """Return the stems of the words of noun phrases: the head is one of them."""
    return frozenset(word for phrase in phrases for word in content_words(phrase))
