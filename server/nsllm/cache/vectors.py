"""Vectors of texts by what they say and who embeds them, so that each text is embedded once."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nsllm.cache.store import CacheStore

Vectors = NDArray[np.float32]


class TextEmbedder(Protocol):
    """What the cache needs of an embedder."""

    @property
    def identity(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class KeptVectors:
    """Embeds what the cache does not have; with `writes` false it keeps nothing new."""

    def __init__(self, embedder: TextEmbedder, store: CacheStore, *, writes: bool = True) -> None:
        self._embedder = embedder
        self._store = store
        self._writes = writes

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows float32 [len(texts), d], as the embedder does."""
        if not self._store.is_on or not texts:
            return self._embedder.embed(texts)
        keys = {text: embedding_key(self._embedder.identity, text) for text in texts}
        kept = self._store.get("embedding", list(keys.values()))
        new = [text for text, key in keys.items() if key not in kept]
        if new:
            made = self._embedder.embed(new).astype("<f4")
            fresh = {keys[text]: row.tobytes() for text, row in zip(new, made, strict=True)}
            if self._writes:
                self._store.put("embedding", fresh)
            kept |= fresh
        rows = [np.frombuffer(kept[keys[text]], "<f4") for text in texts]
        return np.stack(rows).astype(np.float32)


def embedding_key(identity: str, text: str) -> str:
    """Return the key of a text's vector under one embedder, in hexadecimal."""
    # A lone surrogate is as good as any other character here: only equality counts.
    body = f"embedding\0{identity}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(body).hexdigest()
