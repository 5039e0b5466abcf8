"""Find the passages for a question: by meaning and by word, fused by reciprocal rank."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nsllm.index.reading import query_words
from nsllm.index.vectors import Hits
from nsllm.index.workspace import WorkspaceIndex
from nsllm.settings import Retrieval
from nsllm.types import Chunk, Passage

# Cormack et al. 2009 take 60, for the deep rankings of whole collections. On the development
# questions a steep 5 finds more: the first few ranks of either search tell nearly everything.
RANK_CONSTANT = 5
# Passages closer than this in meaning say the same.
DUPLICATE_COSINE = 0.97

STOP_WORDS = frozenset(
    "a about am an and any are as at be been but by can could did do does for from had has have "
    "how i if in into is it its me my no not of on or our should so than that the their them then "
    "there these they this those to us was we were what when where which who whom whose why will "
    "with would you your".split()
)

Vectors = NDArray[np.float32]


class QueryEmbedder(Protocol):
    """What a search needs of an embedder."""

    def embed_query(self, text: str) -> Vectors: ...


class Retriever:
    """Searches one workspace."""

    def __init__(self, index: WorkspaceIndex, embedder: QueryEmbedder, settings: Retrieval) -> None:
        self._index = index
        self._embedder = embedder
        self._settings = settings

    def find(self, text: str, top_k: int | None = None) -> list[Passage]:
        """Return up to `top_k` passages, best first; blocks, so call it on a thread.

        Raises:
            WorkspaceError: the index is empty.
        """
        passages: list[Passage] = []
        kept: list[Vectors] = []
        for passage, vector in self._ranked(text):
            if _is_repeated(passage.chunk, vector, passages, kept):
                continue
            passages.append(passage)
            kept.append(vector)
            if len(passages) == (top_k or self._settings.top_k):
                break
        return passages

    def find_others(self, text: str, count: int, is_own: Callable[[str], bool]) -> list[Passage]:
        """Return up to `count` passages of the documents that are not `is_own`, best first.

        Only equal texts are left out: what says nearly the same is what contradicts.

        Raises:
            WorkspaceError: the index is empty.
        """
        passages: list[Passage] = []
        for passage, _ in self._ranked(text):
            if is_own(passage.chunk.path) or _is_there(passage.chunk, passages):
                continue
            passages.append(passage)
            if len(passages) == count:
                break
        return passages

    def _ranked(self, text: str) -> Iterator[tuple[Passage, Vectors]]:
        """Yield every candidate with its vector, best first."""
        self._index.require_documents()
        query = self._embedder.embed_query(text)
        count = self._settings.candidates
        with self._index.view() as view:
            by_meaning = view.vector_search(query, count)
            by_word = view.lexical_search(content_words(text), count)
            ranked = fuse(by_meaning, by_word, lexical_weight=self._settings.lexical_weight)
            vectors = view.vectors(list(ranked))
            chunks = view.chunks(list(ranked))
        # A chunk found by word alone is given its cosine too, which also breaks ties.
        cosines = {number: float(vector @ query) for number, vector in vectors.items()}
        for number in sorted(ranked, key=lambda n: (-ranked[n], -cosines.get(n, -1.0), n)):
            if number in chunks and number in vectors:
                passage = Passage(
                    chunk=chunks[number],
                    score=ranked[number],
                    similarity=max(-1.0, min(1.0, cosines[number])),
                )
                yield passage, vectors[number]


def content_words(text: str) -> list[str]:
    """Return the words to search for: all but stop words, unless there are no others."""
    words = query_words(text)
    return [word for word in words if word not in STOP_WORDS] or words


def fuse(by_meaning: Hits, by_word: Hits, *, lexical_weight: float) -> dict[int, float]:
    """Return each id's weighted reciprocal rank, in [0, 1]; 1 is first in both searches."""
    fused: dict[int, float] = {}
    for weight, hits in ((1.0 - lexical_weight, by_meaning), (lexical_weight, by_word)):
        for rank, (number, _) in enumerate(hits):
            fused[number] = fused.get(number, 0.0) + weight * reciprocal(rank)
    return {number: min(1.0, score) for number, score in fused.items()}


def reciprocal(rank: int) -> float:
    """Return what a place in a ranking counts, in (0, 1]; the first is 0."""
    return RANK_CONSTANT / (RANK_CONSTANT + rank)


def _is_repeated(
    chunk: Chunk, vector: Vectors, passages: Sequence[Passage], kept: Sequence[Vectors]
) -> bool:
    """Tell whether the reader has this passage already, here or in another document."""
    if _is_there(chunk, passages):
        return True
    return bool(kept) and bool((np.stack(kept) @ vector > DUPLICATE_COSINE).any())


def _is_there(chunk: Chunk, passages: Sequence[Passage]) -> bool:
    """Tell whether one of the passages has this very text."""
    return any(passage.chunk.text == chunk.text for passage in passages)
