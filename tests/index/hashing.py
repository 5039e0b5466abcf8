"""An embedder by feature hashing: quick, deterministic, and the same in any batch."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from nsllm.documents.chunker import Chunker

DIMENSION = 64
WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Words to signed buckets, summed and normalised; counts the texts that it embeds."""

    def __init__(self, identity: str = "hashing-1") -> None:
        self.identity = identity
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts.extend(texts)
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector = np.full(DIMENSION, 1e-3, np.float32)
        for word in WORD.findall(text.lower()):
            digest = hashlib.blake2b(f"{self.identity} {word}".encode(), digest_size=4).digest()
            number = int.from_bytes(digest, "big")
            vector[number % DIMENSION] += 1 if number & (1 << 20) else -1
        return vector / np.linalg.norm(vector)


def make_chunker(max_tokens: int = 60) -> Chunker:
    """A chunker that needs no model: one token a word or sign."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return Chunker(tokenizer, max_tokens=max_tokens)
