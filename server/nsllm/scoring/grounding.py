"""How far passages support each claim of a text.

A claim is read beside several windows of the passages (`nsllm.scoring.windows`) by a small
cross-encoder (`nsllm.models.grounder`); the window that supports it best is its evidence. What is
written differently (`nsllm.scoring.differences`) and the share of its words that the evidence has
weigh with it in a logistic model, fitted and calibrated by scripts/training/grounding/calibrate.py.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.scoring.claims import without_markers
from nsllm.scoring.differences import Difference, differences
from nsllm.scoring.evidence import Place, places
from nsllm.scoring.features import Measured, Source, Span, is_quoted, measure, offered_words
from nsllm.scoring.support import Read, Reading
from nsllm.scoring.weights import FEATURES, WORD_FEATURES, weights
from nsllm.scoring.windows import Window, choose, groups
from nsllm.stopping import checkpoint
from nsllm.types import Chunk, Claim, ClaimGrounding

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

_SUPPORTED = 0.5
"""From here on the best window counts as support."""

_SURE = 0.75
"""Above this no word of a claim is called unsupported."""

_ENOUGH = 0.85
"""From here on the nearest window is support enough: what another one says takes none of it away.

Read as well, one that is likelier by the network alone would count instead, whatever differs in
it."""

_FIRST = re.compile(r"[-\w`'\"(]")
_WORDS = re.compile(r"[-\w`'\"(].*[\w`'\")%]|\w", re.DOTALL)
"""What is left of a span without the punctuation around it."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A claim beside what supports it best."""

    text: str
    measured: Measured
    fitted: bool = True
    """Whether the weights were fitted on the model that read; of another its own word counts."""

    @property
    def verbatim(self) -> bool:
        """Whether the window quotes the claim word by word."""
        return is_quoted(self.text, self.measured.window)

    @property
    def score(self) -> float:
        """The probability that the passages support the claim; a verbatim quote is certain."""
        if self.verbatim:
            return 1.0
        if not self.fitted:
            return _sigmoid(float(self.measured.features[FEATURES.index("logit")]))
        fitted = weights()
        return _sigmoid(float(self.measured.features @ fitted.pair + fitted.bias))

    @property
    def shown(self) -> Window:
        """The evidence: the support, or, where there is none, what comes nearest.

        Of windows that all contradict a claim, the one that does so least need not speak of it.
        """
        return self.measured.window if self.score >= _SUPPORTED else self.measured.nearest

    def named(self) -> Sequence[Difference]:
        """Return what differs from the evidence, the most telling first."""
        if self.shown is self.measured.window:
            return self.measured.differences
        return differences(self.text, self.shown.text)

    def unsupported(self) -> list[Span]:
        """Return the spans of what the evidence does not support, joined; none where it does."""
        if self.score > _SURE:
            return []
        table = self.measured.word_features
        if self.fitted:
            chances = table @ weights().word + weights().word_bias
        else:
            read = table[:, WORD_FEATURES.index("token")]
            chances = np.maximum(read, table[:, WORD_FEATURES.index("absent")] - 0.5)
        # What differs is named as a whole: all of `cache_size`, not its second part.
        named = [(d.start, d.end) for d in self.measured.differences if d.kind != "negation"]
        return _joined(
            self.text,
            [
                (start, end)
                for (start, end), chance in zip(self.measured.words, chances, strict=True)
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
    among: Sequence[Collection[int]] | None = None,
) -> list[ClaimGrounding]:
    """Score each claim against the chunks, or those that `among` numbers for it from 1.

    Where the weights are not `fitted` on the model that reads, what it says is the score.
    """
    if not claims:
        return []
    texts = [without_markers(claim.text) for claim in claims]
    compared = compare(texts, chunks, embed, read, fitted=fitted, among=among)
    return [_judge(claim, best) for claim, best in zip(claims, compared, strict=True)]


def compare(
    texts: Sequence[str],
    chunks: Sequence[Chunk],
    embed: Embed,
    read: Read,
    *,
    fitted: bool = True,
    enough: float = _ENOUGH,
    among: Sequence[Collection[int]] | None = None,
) -> list[Compared | None]:
    """Compare each text with the chunks, or `among` them its own; None where they hold no sentence.

    The nearest window is read first, and the others where its score is below `enough`.
    """
    sources = _sources_of(texts, places(chunks), embed, among)
    held = [i for i, some in enumerate(sources) if some]
    nearest = [
        [msgspec.structs.replace(source, windows=source.windows[:1]) for source in sources[i][:1]]
        for i in held
    ]
    read = _keeping(read)
    first = _best([texts[i] for i in held], nearest, read, fitted=fitted)
    found = dict(zip(held, first, strict=True))
    rest = [i for i, one in found.items() if one.score < enough]
    again = _best([texts[i] for i in rest], [sources[i] for i in rest], read, fitted=fitted)
    found |= zip(rest, again, strict=True)
    return [found.get(i) for i in range(len(texts))]


def _sources_of(
    texts: Sequence[str],
    sentences: Sequence[Place],
    embed: Embed,
    among: Sequence[Collection[int]] | None,
) -> list[list[Source]]:
    """Return what each text is compared with; nothing where its chunks hold no sentence.

    Texts are taken one by one: of a long document, all of them beside all sentences fill the
    memory.
    """
    if not sentences:
        return [[] for _ in texts]
    vectors = embed([*texts, *(place.text for place in sentences)])
    asked, offered = vectors[: len(texts)], vectors[len(texts) :]
    words = [offered_words(f"{p.chunk.heading} {p.text}") for p in sentences]
    rows: dict[int, list[int]] = {}
    for row, place in enumerate(sentences):
        rows.setdefault(place.marker, []).append(row)
    found = []
    for number, text in enumerate(texts):
        markers = rows.keys() if among is None else sorted({*among[number]} & rows.keys())
        own = [row for marker in markers for row in rows[marker]]
        inside, has = [sentences[row] for row in own], [words[row] for row in own]
        near = (offered if among is None else offered[own]) @ asked[number]
        found.append(_sources(text, near, inside, has) if own else [])
    return found


def _best(
    texts: Sequence[str], sources: Sequence[Sequence[Source]], read: Read, *, fitted: bool
) -> list[Compared]:
    """Read all windows of all sources at once; return each text beside its best source."""
    pairs = [
        (text, window.text)
        for text, some in zip(texts, sources, strict=True)
        for source in some
        for window in source.windows
    ]
    readings = dict(zip(pairs, read(pairs), strict=True))
    found = []
    for text, some in zip(texts, sources, strict=True):
        checkpoint()
        compared = [
            Compared(
                text=text,
                fitted=fitted,
                measured=measure(text, source, [readings[text, w.text] for w in source.windows]),
            )
            for source in some
        ]
        found.append(max(compared, key=lambda one: one.score))
    return found


def _keeping(read: Read) -> Read:
    """Return `read`, each pair read once."""
    known: dict[tuple[str, str], Reading] = {}

    def read_once(pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if new:
            known.update(zip(new, read(new), strict=True))
        return [known[pair] for pair in pairs]

    return read_once


def _sources(
    text: str,
    similarity: NDArray[np.float32],
    sentences: Sequence[Place],
    words: Sequence[frozenset[str]],
) -> list[Source]:
    checkpoint()
    found = []
    for group in groups(text, similarity, sentences, words):
        near, inside = similarity[group], [sentences[i] for i in group]
        offered = [words[i] for i in group]
        found.append(
            Source(
                windows=tuple(_quoting(text, choose(text, near, inside, offered))),
                similarity=float(near.max()),
                words=frozenset[str]().union(*offered),
                text="\n".join(dict.fromkeys(place.chunk.text for place in inside)),
            )
        )
    return found


def _quoting(text: str, windows: list[Window]) -> list[Window]:
    """Return the first window that quotes the text alone, since a quote is certain; else all."""
    quotes = [window for window in windows if is_quoted(text, window)]
    return quotes[:1] or windows


def _judge(claim: Claim, compared: Compared | None) -> ClaimGrounding:
    if compared is None:
        return ClaimGrounding(claim=claim, score=0.0, evidence=None)
    evidence = compared.shown.nearest.as_evidence(compared.shown.last)
    score = compared.score
    if compared.verbatim:
        return ClaimGrounding(claim=claim, score=score, evidence=evidence)
    first = next(iter(compared.named()), None)
    return ClaimGrounding(
        claim=claim,
        score=score,
        evidence=evidence,
        problem=first.message if first else None,
        kind=first.kind if first else None,
        contradicted=first.contradicts if first else False,
        unsupported=tuple(_placed(claim, compared)),
    )


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Join neighbouring spans."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return list(_trimmed(text, joined))


def _trimmed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    for start, end in spans:
        first = _FIRST.search(text, start, end)
        # What does not end behind the first such character ends behind none.
        match = _WORDS.match(text, first.start(), end) if first else None
        if match:
            yield match.span()


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


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(value, -40, 40))))
