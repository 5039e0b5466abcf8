"""The embedder: texts to unit vectors, and words to contextual vectors."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.embedding.batching import batches, padded
from nsllm.embedding.tokenizer import FILE_NAME as TOKENIZER_FILE
from nsllm.embedding.tokenizer import Tokenizer
from nsllm.errors import ModelCorruptError

Vectors = NDArray[np.float32]

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
QUERIES_KEPT = 256


class Session(Protocol):
    """What the embedder needs of a model session."""

    def run(
        self, output_names: list[str] | None, feeds: dict[str, NDArray[np.int64]]
    ) -> list[Vectors]: ...


class _File(msgspec.Struct, frozen=True):
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    """What the embedder reads of an installed model's manifest."""

    id: str
    context_length: int
    dimensions: int
    files: dict[str, _File]


class TokenVectors(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one text: strings, character offsets [start, end), vectors float32 [t, d]."""

    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    vectors: Vectors


class Embedder:
    """Embeds with the model in `folder`, which is opened at the first use.

    Threads may share one embedder: a query does not wait for a long job of another thread.
    """

    def __init__(self, folder: Path, *, threads: int = 0, provider: str = "cpu") -> None:
        self.folder = folder
        self._threads = threads
        self._provider = provider
        self._opening = threading.Lock()
        self._session: Session | None = None
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._remembering = threading.Lock()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, read at the first use."""
        return Tokenizer(self.folder)

    @cached_property
    def identity(self) -> str:
        """Name the exact model and tokenizer: vectors of two identities must not be mixed."""
        names = (MODEL_FILE, TOKENIZER_FILE)
        parts = [
            self._manifest.files[name].sha256 for name in names if name in self._manifest.files
        ]
        digest = hashlib.sha256(f"{self.context_tokens} {parts}".encode()).hexdigest()[:16]
        return f"{self._manifest.id}-{digest}"

    @property
    def context_tokens(self) -> int:
        """The longest text that is embedded whole, its two special tokens included."""
        return self._manifest.context_length

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._manifest.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows float32 [len(texts), d]; text beyond the context is cut off."""
        result = np.zeros((len(texts), self.dimension), np.float32)
        rows = [self._cut(encoding.ids) for encoding in self.tokenizer.encode(texts)]
        for batch in batches([len(row) for row in rows]):
            result[batch] = self._run("sentence_embedding", [rows[i] for i in batch])
        return result

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector float32 [d] of one text; recent ones are remembered."""
        with self._remembering:
            known = self._queries.get(text)
            if known is not None:
                self._queries.move_to_end(text)
                return known
        [row] = self.tokenizer.encode([text])
        vector: Vectors = self._run("sentence_embedding", [self._cut(row.ids)])[0].copy()
        vector.flags.writeable = False
        with self._remembering:
            self._queries[text] = vector
            if len(self._queries) > QUERIES_KEPT:
                self._queries.popitem(last=False)
        return vector

    def token_embeddings(self, text: str) -> TokenVectors:
        """Return the last hidden state of each token of `text`, special tokens left out."""
        [encoding] = self.tokenizer.encode([text])
        ids = self._cut(encoding.ids)
        states = self._run("token_embeddings", [ids])[0]
        kept = slice(1, len(ids) - 1)
        return TokenVectors(
            tokens=tuple(encoding.tokens[kept]),
            offsets=tuple(encoding.offsets[kept]),
            vectors=states[kept],
        )

    @cached_property
    def _manifest(self) -> _Manifest:
        path = self.folder / MANIFEST_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Manifest)
        except (OSError, msgspec.MsgspecError) as error:
            raise ModelCorruptError(
                f"{path} cannot be read: {error}.",
                hint=f"Fetch the model again: nsllm models pull {self.folder.name}",
            ) from error

    def _cut(self, ids: Sequence[int]) -> list[int]:
        """Cut to the context, and keep the closing special token."""
        limit = self.context_tokens
        return list(ids) if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]

    def _run(self, output: str, rows: Sequence[Sequence[int]]) -> Vectors:
        return self._open().run([output], padded(rows))[0]

    def _open(self) -> Session:
        with self._opening:
            if self._session is None:
                from nsllm.models.session import open_session

                self._session = open_session(
                    self.folder / MODEL_FILE, threads=self._threads, provider=self._provider
                )
            return self._session
