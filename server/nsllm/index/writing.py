"""What is changed in the catalogue, within one transaction."""

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from nsllm.index.embedded_text import hash_text
from nsllm.index.reading import DocumentRow, Reader
from nsllm.types import Chunk

_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MIXED_CASE = re.compile(r"\b(?:[A-Za-z]*[a-z][A-Z]|[A-Z]{2,}[a-z])\w*")

# A quarter of a gigabyte of vectors that no chunk uses any more: enough to switch branches, or
# the embedder, and back without embedding anew.
UNUSED_VECTORS_KEPT = 160_000


class Writer(Reader):
    """Changes to the catalogue; each that touches chunks makes a new revision."""

    def put_document(self, path: str, row: DocumentRow, chunks: Sequence[Chunk]) -> None:
        """Add a document, or replace the one at its path, with its chunks."""
        self.remove_documents([path])
        cursor = self._connection.execute(
            "INSERT INTO documents"
            " (path, content_hash, mtime_ns, size_bytes, read_ns, recipe, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                path,
                row.content_hash,
                row.mtime_ns,
                row.size_bytes,
                row.read_ns,
                row.recipe,
                row.note,
            ),
        )
        self._connection.executemany(
            "INSERT INTO chunks"
            ' (document, start, "end", start_line, end_line, heading, text, words, text_hash)'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    cursor.lastrowid,
                    chunk.start,
                    chunk.end,
                    chunk.start_line,
                    chunk.end_line,
                    chunk.heading,
                    chunk.text,
                    extra_words(path, chunk.text),
                    hash_text(chunk.heading, chunk.text),
                )
                for chunk in chunks
            ],
        )
        self.bump()

    def touch_document(self, path: str, row: DocumentRow) -> None:
        """Note that a file was read again and holds the same text."""
        self._connection.execute(
            "UPDATE documents SET mtime_ns = ?, size_bytes = ?, read_ns = ?, note = ?"
            " WHERE path = ?",
            (row.mtime_ns, row.size_bytes, row.read_ns, row.note, path),
        )

    def remove_documents(self, paths: Sequence[str]) -> None:
        """Remove documents with their chunks; their vectors stay, for what is only moved."""
        for path in paths:
            # Chunk by chunk, so that the trigger takes each out of the word index.
            removed = self._connection.execute(
                "DELETE FROM chunks WHERE document = (SELECT id FROM documents WHERE path = ?)",
                (path,),
            ).rowcount
            self._connection.execute("DELETE FROM documents WHERE path = ?", (path,))
            if removed:
                self.bump()

    def add_vectors(
        self, embedder: str, hashes: Sequence[str], vectors: NDArray[np.float32]
    ) -> None:
        """Keep the vectors float32 [n, d] of texts."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
            [
                (embedder, text_hash, vector.tobytes())
                for text_hash, vector in zip(hashes, vectors, strict=True)
            ],
        )
        self.bump()

    def drop_unused_vectors(
        self, embedder: str, *, all_own: bool = False, kept: int = UNUSED_VECTORS_KEPT
    ) -> None:
        """Delete the vectors that no chunk of `embedder` uses, if they are more than `kept`.

        Those of other embedders count as unused. With `all_own`, its own that no chunk uses go in
        any case.
        """
        own = "embedder = ?1 AND text_hash NOT IN (SELECT text_hash FROM chunks)"
        if all_own:
            self._connection.execute(f"DELETE FROM embeddings WHERE {own}", (embedder,))  # noqa: S608
        unused = f"embedder != ?1 OR ({own})"
        query = f"SELECT count(*) FROM embeddings WHERE {unused}"  # noqa: S608 - constants
        if self._connection.execute(query, (embedder,)).fetchone()[0] > kept:
            self._connection.execute(f"DELETE FROM embeddings WHERE {unused}", (embedder,))  # noqa: S608

    def set_state(self, name: str, value: str | int) -> None:
        """Keep `value` under `name`."""
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def bump(self) -> None:
        """Make readers look again."""
        self._connection.execute("UPDATE state SET value = value + 1 WHERE name = 'revision'")


def extra_words(path: str, text: str) -> str:
    """Return words to find a chunk by besides its text: of its path, and of camelCase names."""
    names: Collection[str] = dict.fromkeys(_MIXED_CASE.findall(text))
    stem = PurePosixPath(path).with_suffix("").as_posix()
    return " ".join(part for name in (stem, *names) for part in _HUMP.findall(name))
