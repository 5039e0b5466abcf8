"""What is asked of the catalogue, within one transaction."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.types import Chunk

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

# Longer texts are passages rather than questions; their first words stand for them.
MAX_QUERY_WORDS = 64
WORD = re.compile(r"\w+")
_FETCHED_ROWS = 4096

_CHUNK = """
SELECT c.id, d.path, c.start, c."end", c.start_line, c.end_line, c.text, c.heading
FROM chunks AS c JOIN documents AS d ON d.id = c.document
"""

_SOME_CHUNKS = _CHUNK + "WHERE c.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
_HOLDING = _CHUNK + "WHERE instr(c.text, ?) ORDER BY d.path, c.start"
_ALL_CHUNKS = _CHUNK + "ORDER BY d.path, c.start"
_VECTORS = """
SELECT c.id, e.vector FROM chunks AS c
JOIN embeddings AS e ON e.embedder = :embedder AND e.text_hash = c.text_hash
ORDER BY c.id
"""
_SOME_VECTORS = """
SELECT c.id, e.vector FROM json_each(:ids) AS chosen JOIN chunks AS c ON c.id = chosen.value
JOIN embeddings AS e ON e.embedder = :embedder AND e.text_hash = c.text_hash
ORDER BY c.id
"""


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an indexed file; `read_ns` is when, `recipe` is how it was chunked."""

    content_hash: str
    mtime_ns: int
    size_bytes: int
    read_ns: int
    recipe: str
    note: str | None


class Reader:
    """Queries over one state of the catalogue."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @cached_property
    def revision(self) -> int:
        """A number that grows with each change of chunks or snapshot."""
        return int(str(self.state("revision")))

    def state(self, name: str) -> object:
        """Return the value kept under `name`, or None."""
        row = self._connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def documents(self) -> dict[str, DocumentRow]:
        """Return all documents by path."""
        rows = self._connection.execute(
            "SELECT path, content_hash, mtime_ns, size_bytes, read_ns, recipe, note FROM documents"
        )
        return {
            path: DocumentRow(
                content_hash=content_hash,
                mtime_ns=mtime_ns,
                size_bytes=size_bytes,
                read_ns=read_ns,
                recipe=recipe,
                note=note,
            )
            for path, content_hash, mtime_ns, size_bytes, read_ns, recipe, note in rows
        }

    def count(self) -> tuple[int, int]:
        """Return how many documents and chunks there are."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks)"
        ).fetchone()
        return row[0], row[1]

    def chunk_ids(self) -> Ids:
        """Return the ids of all chunks, ascending."""
        rows = self._connection.execute("SELECT id FROM chunks ORDER BY id")
        return np.fromiter((row[0] for row in rows), np.int64)

    def chunks(self, ids: Collection[int]) -> dict[int, Chunk]:
        """Return the chunks that exist among `ids`."""
        rows = self._connection.execute(_SOME_CHUNKS, (_list(ids),))
        return {row[0]: _chunk(row) for row in rows}

    def holding(self, text: str) -> Iterator[tuple[int, Chunk]]:
        """Yield id and chunk of all in which these very characters stand; every one is read."""
        rows = self._connection.execute(_HOLDING, (text,))
        return ((row[0], _chunk(row)) for row in rows)

    def all_chunks(self) -> Iterator[Chunk]:
        """Yield every chunk, by path and position."""
        rows = self._connection.execute(_ALL_CHUNKS)
        return (_chunk(row) for row in rows)

    def ids_of(self, paths: Collection[str]) -> set[int]:
        """Return the ids of the chunks of these documents."""
        rows = self._connection.execute(
            "SELECT c.id FROM chunks AS c JOIN documents AS d ON d.id = c.document"
            " WHERE d.path IN (SELECT value FROM json_each(?))",
            (json.dumps(list(paths)),),
        )
        return {row[0] for row in rows}

    def vectors(self, embedder: str, ids: Ids | None = None) -> tuple[Ids, Vectors]:
        """Return ids int64 [n], ascending, and unit rows float32 [n, d]; all chunks by default.

        A chunk that this embedder has not seen yet is left out.
        """
        rows = self._connection.execute(
            _VECTORS if ids is None else _SOME_VECTORS,
            {"embedder": embedder, "ids": None if ids is None else _list(ids.tolist())},
        )
        names: list[int] = []
        parts: list[Vectors] = []
        while fetched := rows.fetchmany(_FETCHED_ROWS):
            names.extend(row[0] for row in fetched)
            flat = np.frombuffer(b"".join(row[1] for row in fetched), np.float32)
            parts.append(flat.reshape(len(fetched), -1))
        matrix = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
        return np.array(names, np.int64), matrix

    def embedded(self, embedder: str, hashes: Collection[str]) -> set[str]:
        """Return which of these texts have a vector."""
        rows = self._connection.execute(
            "SELECT text_hash FROM embeddings"
            " WHERE embedder = ? AND text_hash IN (SELECT value FROM json_each(?))",
            (embedder, json.dumps(list(hashes))),
        )
        return {row[0] for row in rows}

    def stored_vectors(self, embedder: str, hashes: Collection[str]) -> dict[str, Vectors]:
        """Return the vectors, float32 [d], of those of these texts that have one."""
        rows = self._connection.execute(
            "SELECT text_hash, vector FROM embeddings"
            " WHERE embedder = ? AND text_hash IN (SELECT value FROM json_each(?))",
            (embedder, json.dumps(list(hashes))),
        )
        return {row[0]: np.frombuffer(row[1], np.float32) for row in rows}

    def unembedded(self, embedder: str) -> list[tuple[str, str, str]]:
        """Return hash, heading and text of each text that this embedder has not seen."""
        rows = self._connection.execute(
            "SELECT text_hash, heading, text FROM chunks WHERE NOT EXISTS (SELECT 1 FROM embeddings"
            " AS e WHERE e.embedder = ? AND e.text_hash = chunks.text_hash) GROUP BY text_hash",
            (embedder,),
        )
        return rows.fetchall()

    def search_words(self, words: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """Return the ids and BM25 of the best chunks that hold any word; higher is better.

        Words of the path and the headings count like those of the text: of several weightings
        none found more.
        """
        if not words:
            return []
        query = " OR ".join(f'"{word}"' for word in words[:MAX_QUERY_WORDS])
        rows = self._connection.execute(
            "SELECT rowid, -bm25(chunk_words) AS score FROM chunk_words WHERE chunk_words MATCH ?"
            " ORDER BY score DESC, rowid LIMIT ?",
            (query, limit),
        )
        return [(row[0], row[1]) for row in rows]

    def chunks_with(self, stems: Collection[str]) -> Counter[str]:
        """Return in how many chunks each of these stemmed words occurs."""
        rows = self._connection.execute(
            "SELECT term, doc FROM word_counts WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(stems)),),
        )
        return Counter(dict(rows.fetchall()))


def query_words(text: str) -> list[str]:
    """Return the distinct words of `text`, lower case, in order; none can be query syntax."""
    return list(dict.fromkeys(WORD.findall(text.lower())))


def _list(ids: Collection[int]) -> str:
    return json.dumps([int(number) for number in ids])


def _chunk(row: Sequence[object]) -> Chunk:
    _, path, start, end, start_line, end_line, text, heading = row
    return msgspec.convert(
        {
            "path": path,
            "start": start,
            "end": end,
            "start_line": start_line,
            "end_line": end_line,
            "text": text,
            "heading": heading,
        },
        Chunk,
    )
