"""Open documents that are not saved: kept in memory, above what the catalogue says of them."""

import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.index.embedded_text import hash_text
from nsllm.index.reading import Reader
from nsllm.index.vectors import best
from nsllm.index.writing import extra_words
from nsllm.types import Chunk

Vectors = NDArray[np.float32]
Hits = list[tuple[int, float]]

# The constants of FTS5's bm25(), so that its scores and these can be compared.
_K1 = 1.2
_B = 0.75
_MIN_IDF = 1e-6


class Buffer(msgspec.Struct, frozen=True, kw_only=True):
    """One open document: its chunks, their ids (negative), vectors [n, d] and stemmed words."""

    chunks: tuple[Chunk, ...]
    ids: tuple[int, ...]
    vectors: Vectors
    words: tuple[Counter[str], ...]
    hashes: tuple[str, ...]
    """The key of each chunk's embedded text."""


class Buffers:
    """All open documents of one process; a view taken of them does not change."""

    def __init__(self) -> None:
        self._open: dict[str, Buffer] = {}
        self._next = -1
        self._turns: dict[str, int] = {}
        self._guard = threading.Lock()
        self._stemmer = Stemmer()

    def turn(self, path: str) -> int:
        """Return a number that makes every earlier change of `path` out of date."""
        with self._guard:
            self._turns[path] = self._turns.get(path, 0) + 1
            return self._turns[path]

    def put(self, path: str, chunks: Sequence[Chunk], vectors: Vectors, *, turn: int) -> None:
        """Add or replace the buffer of `path`, unless a later turn was taken meanwhile."""
        texts = [f"{extra_words(path, c.text)}\n{c.heading}\n{c.text}" for c in chunks]
        words = self._stemmer.count(texts)
        hashes = tuple(hash_text(chunk.heading, chunk.text) for chunk in chunks)
        with self._guard:
            if turn != self._turns[path]:
                return
            first, self._next = self._next, self._next - len(chunks)
            buffer = Buffer(
                chunks=tuple(chunks),
                ids=tuple(range(first, first - len(chunks), -1)),
                vectors=vectors,
                words=tuple(words),
                hashes=hashes,
            )
            self._open = {**self._open, path: buffer}

    def drop(self, path: str) -> None:
        """Forget the buffer of `path`, and what is still being made of it."""
        self.turn(path)
        with self._guard:
            self._open = {key: value for key, value in self._open.items() if key != path}

    def known_vectors(self, path: str) -> dict[str, Vectors]:
        """Return the vectors of the buffer of `path` by the hash of their text."""
        buffer = self._open.get(path)
        return dict(zip(buffer.hashes, buffer.vectors, strict=True)) if buffer else {}

    def view(self) -> "BufferView":
        """Return what is open now."""
        return BufferView(self._open, self._stemmer)


class BufferView:
    """The buffers at one moment."""

    def __init__(self, buffers: dict[str, Buffer], stemmer: "Stemmer") -> None:
        self._buffers = buffers
        self._stemmer = stemmer
        self.chunks = {
            number: chunk
            for buffer in buffers.values()
            for number, chunk in zip(buffer.ids, buffer.chunks, strict=True)
        }

    @property
    def paths(self) -> list[str]:
        """The documents that are open, whose saved state does not count."""
        return list(self._buffers)

    def search(self, query: Vectors, count: int) -> Hits:
        """Return ids and cosines, best first."""
        filled = [buffer for buffer in self._buffers.values() if buffer.ids]
        if not filled:
            return []
        ids = np.array([number for buffer in filled for number in buffer.ids], np.int64)
        return best(ids, np.concatenate([buffer.vectors for buffer in filled]) @ query, count)

    def lookup(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the vectors of those of `ids` that are here."""
        wanted = set(ids)
        return {
            number: vector
            for buffer in self._buffers.values()
            for number, vector in zip(buffer.ids, buffer.vectors, strict=True)
            if number in wanted
        }

    def search_words(self, words: Sequence[str], reader: Reader, count: int) -> Hits:
        """Return ids and BM25, best first, with the word counts of the whole catalogue.

        Lengths are compared with the mean of the buffers, which are cut as all chunks are.
        """
        if not words or not self.chunks:
            return []
        stems = list(self._stemmer.count([" ".join(words)])[0])
        held = [pair for b in self._buffers.values() for pair in zip(b.ids, b.words, strict=True)]
        here = Counter(stem for _, counts in held for stem in stems if counts[stem])
        there = reader.chunks_with(stems)
        total = max(reader.count()[1], len(held))
        mean = sum(counts.total() for _, counts in held) / len(held) or 1.0
        scored: Hits = []
        for number, counts in held:
            norm = _K1 * (1 - _B + _B * counts.total() / mean)
            score = 0.0
            for stem in stems:
                if counts[stem]:
                    # Not the sum: what is open was mostly saved before.
                    seen = max(here[stem], there[stem])
                    idf = max(_MIN_IDF, math.log((total - seen + 0.5) / (seen + 0.5)))
                    score += idf * counts[stem] * (_K1 + 1) / (counts[stem] + norm)
            if score:
                scored.append((number, score))
        return sorted(scored, key=lambda hit: (-hit[1], hit[0]))[:count]


class Stemmer:
    """Splits and stems as the catalogue's word index does, because it is one itself."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.executescript(
            "CREATE VIRTUAL TABLE scratch USING fts5 (text, tokenize = 'porter unicode61');"
            "CREATE VIRTUAL TABLE words USING fts5vocab ('scratch', 'instance');"
        )

    def count(self, texts: Sequence[str]) -> list[Counter[str]]:
        """Return the stemmed words of each text, counted."""
        counts: list[Counter[str]] = [Counter() for _ in texts]
        with self._guard:
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(
                    "INSERT INTO scratch (rowid, text) VALUES (?, ?)", list(enumerate(texts))
                )
                for doc, term in self._connection.execute("SELECT doc, term FROM words"):
                    counts[doc][term] += 1
            finally:
                self._connection.execute("ROLLBACK")
        return counts
