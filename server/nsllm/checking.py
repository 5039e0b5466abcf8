"""A text from elsewhere, judged against what its claims find, or passages that come with it."""

from collections.abc import Callable, Sequence

import msgspec

from nsllm.documents.markup import plain
from nsllm.documents.sentences import is_prose
from nsllm.governance.pipeline import judge
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.names import unknown_in
from nsllm.runtime import ModelRuntime
from nsllm.scoring.claims import MARKER, claims, without_markers
from nsllm.scoring.differences import Mention
from nsllm.scoring.evidence import blank, passage_chunk
from nsllm.scoring.scorer import measure
from nsllm.stopping import checkpoint
from nsllm.types import Chunk, Judgement, Passage

_PASSAGES_PER_CLAIM = 3
"""Passages of other documents that a claim is compared with."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged; Application.check says what the fields mean."""

    text: str
    path: str | None
    is_generated: Callable[[str], bool]
    generated: bool

    @property
    def words(self) -> str:
        """The text without its markup, as long as the text."""
        return _words(self.text, self.path)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A text with its passages; Application.score says what the fields mean."""

    text: str
    passages: tuple[str, ...]
    question: str | None
    path: str | None
    numbered: bool
    perplexity: float | None


def check(
    given: Text,
    retrieve: Callable[[str, int], Sequence[Passage]],
    *,
    unknown_names: Callable[[str, str | None], tuple[Mention, ...]],
    models: ModelRuntime,
    rulebook: Rulebook,
) -> Judgement:
    """Judge a text.

    `retrieve` finds so many passages of other documents for a query, `unknown_names` the code names
    of a text that no document but its own has.
    """
    words = given.words
    chunks, among = _evidence(given, words, retrieve)
    measurement = measure(
        words,
        chunks,
        models.embedder().embed,
        classifiers=models.classifiers(),
        among=among,
    )
    subject = Subject(
        text=given.text,
        measurement=measurement,
        passages=None,
        target="document",
        generated=given.generated,
        path=given.path,
        chunks=chunks,
        unknown_names=unknown_names(words, given.path),
    )
    return judge(subject, rulebook, models.remarks())


def score(given: Sample, *, models: ModelRuntime, rulebook: Rulebook) -> Judgement:
    """Judge a text against the passages that come with it; one with a path as `check` does."""
    is_answer = given.path is None
    words = given.text if is_answer else _words(given.text, given.path)
    chunks = tuple(passage_chunk(passage) for passage in given.passages)
    measurement = measure(
        words,
        chunks,
        models.embedder().embed,
        question=given.question,
        perplexity=given.perplexity,
        classifiers=models.classifiers(),
    )
    # Whoever cites nothing at all was not shown the numbers, as far as one can tell.
    cites = given.numbered or MARKER.search(given.text) is not None
    subject = Subject(
        text=given.text,
        measurement=measurement,
        passages=len(chunks) if is_answer else None,
        mode="generate" if is_answer and chunks and cites else None,
        target="answer" if is_answer else "document",
        generated=is_answer,
        path=given.path,
        chunks=chunks,
        unknown_names=unknown_in(words, given.passages),
        sought_in="passages",
    )
    return judge(subject, rulebook, models.remarks())


def _words(text: str, path: str | None) -> str:
    return plain(text) if path is None or is_prose(path) else text


def _evidence(
    given: Text, words: str, retrieve: Callable[[str, int], Sequence[Passage]]
) -> tuple[tuple[Chunk, ...], list[list[int]]]:
    """Return what the claims find, without what is generated, and the numbers of each claim's."""
    numbers: dict[tuple[str, int], int] = {}
    chunks: list[Chunk] = []
    among: list[list[int]] = []
    for claim in claims(words):
        checkpoint()
        passages = retrieve(without_markers(claim.text), _PASSAGES_PER_CLAIM)
        for chunk in (passage.chunk for passage in passages):
            if (chunk.path, chunk.start) not in numbers:
                chunks.append(blank(chunk, given.is_generated))
                numbers[chunk.path, chunk.start] = len(chunks)
        among.append([numbers[passage.chunk.path, passage.chunk.start] for passage in passages])
    return tuple(chunks), among
