"""One state of a workspace's index: what is saved, with the open buffers above it."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nsllm.index.buffers import BufferView
from nsllm.index.reading import Reader
from nsllm.index.vectors import Hits, State
from nsllm.types import Chunk

Vectors = NDArray[np.float32]


class View:
    """Searches that agree with each other; use it in the thread that opened it."""

    def __init__(self, reader: Reader, state: State, buffers: BufferView) -> None:
        self._reader = reader
        self._state = state
        self._buffers = buffers
        self._shadowed = reader.ids_of(buffers.paths) if buffers.paths else set()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to find."""
        return not self._buffers.chunks and self._reader.count()[1] == 0

    def vector_search(self, query: Vectors, count: int) -> Hits:
        """Return up to `count` chunk ids with their cosine to the unit vector [d], best first."""
        saved = self._state.search(query, count + len(self._shadowed))
        return self._merged(saved, self._buffers.search(query, count), count)

    def lexical_search(self, words: Sequence[str], count: int) -> Hits:
        """Return up to `count` ids of chunks that hold any of `words`, with BM25, best first."""
        saved = self._reader.search_words(words, count + len(self._shadowed))
        return self._merged(saved, self._buffers.search_words(words, self._reader, count), count)

    def holding(self, text: str) -> Iterator[Chunk]:
        """Yield the chunks in which these very characters stand; every one is read."""
        yield from (chunk for chunk in self._buffers.chunks.values() if text in chunk.text)
        for number, chunk in self._reader.holding(text):
            if number not in self._shadowed:
                yield chunk

    def chunks(self, ids: Collection[int]) -> dict[int, Chunk]:
        """Return the chunks of `ids`."""
        found = {number: self._buffers.chunks[number] for number in ids if number < 0}
        return found | self._reader.chunks([number for number in ids if number >= 0])

    def vectors(self, ids: Collection[int]) -> dict[int, Vectors]:
        """Return the unit vectors, float32 [d], of those of `ids` that have one."""
        return self._state.lookup(list(ids)) | self._buffers.lookup(list(ids))

    def _merged(self, saved: Hits, buffered: Hits, count: int) -> Hits:
        kept = [hit for hit in saved if hit[0] not in self._shadowed]
        return sorted([*kept, *buffered], key=lambda hit: (-hit[1], hit[0]))[:count]
