"""How close an imported model is to the float32 run of the same weights."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from nsllm.models.bert import import_bert
from nsllm.models.gguf_file import GgufFile
from nsllm.models.graph import ACTIVATIONS_FLOAT, MODEL_FILE, GraphBuilder
from nsllm.models.llama import LlamaGraph
from nsllm.models.llama_shape import LlamaShape, read_shape
from nsllm.models.session import Session, open_session
from nsllm.types import ignore_progress

WINDOW_TOKENS = 512
_BATCH = 8

Vectors = NDArray[np.float32]


class GeneratorFidelity(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs of one language model over the same tokens."""

    tokens: int
    reference_perplexity: float
    perplexity: float
    agreement: float
    """Share of the tokens for which both put the same token first."""

    @property
    def ratio(self) -> float:
        """How much more surprised the import is; 1 is the same."""
        return self.perplexity / self.reference_perplexity


class EmbedderFidelity(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs of one embedder over the same texts."""

    texts: int
    queries: int
    lowest_cosine: float
    median_cosine: float
    same_order: int
    """Queries for which both put the same ten texts into the same order."""
    same_set: int
    """Queries for which both find the same ten texts."""


def compare_generators(gguf: Path, imported: Path, ids: Sequence[int]) -> GeneratorFidelity:
    """Compare the model in the folder `imported` with `gguf` dequantised to float32.

    The reference is written beside `imported`, as the folder `float32`: four bytes for each weight.
    """
    file = GgufFile(gguf)
    reference = imported.parent / "float32"
    reference.mkdir(exist_ok=True)
    with GraphBuilder(reference, external=True, accuracy_level=ACTIVATIONS_FLOAT) as graph:
        LlamaGraph(file, graph, exact=True).build(ignore_progress)
        graph.save("llama")
    shape = read_shape(file)
    exact = surprise(open_session(reference / MODEL_FILE, provider="cpu"), shape, ids)
    found = surprise(open_session(imported / MODEL_FILE, provider="cpu"), shape, ids)
    return GeneratorFidelity(
        tokens=len(exact[0]),
        reference_perplexity=float(np.exp(exact[0].mean())),
        perplexity=float(np.exp(found[0].mean())),
        agreement=float((exact[1] == found[1]).mean()),
    )


def surprise(
    session: Session, shape: LlamaShape, ids: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return -log p of each token but a window's first, and the likeliest token in its place."""
    losses, best = [], []
    for start in range(0, len(ids), WINDOW_TOKENS):
        window = np.array(ids[start : start + WINDOW_TOKENS], np.int64)
        scores = logits(session, shape, window)[:-1].astype(np.float64)
        top = scores.max(-1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(scores - top).sum(-1))
        losses.append(total - scores[np.arange(len(window) - 1), window[1:]])
        best.append(scores.argmax(-1))
    return np.concatenate(losses), np.concatenate(best)


def logits(session: Session, shape: LlamaShape, ids: NDArray[np.int64]) -> Vectors:
    """Run a language model over one sequence from its start: float32 [tokens, vocabulary]."""
    empty = np.zeros((1, shape.kv_heads, 0, shape.head_size), np.float32)
    feeds: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
        f"past_key_values.{layer}.{part}": empty
        for layer in range(shape.layers)
        for part in ("key", "value")
    }
    feeds["input_ids"] = ids[None]
    feeds["attention_mask"] = np.ones((1, len(ids)), np.int64)
    [result] = session.run(["logits"], feeds)
    return np.asarray(result[0], np.float32)


def compare_embedders(
    source: Path, imported: Path, texts: Sequence[str], queries: Sequence[str]
) -> EmbedderFidelity:
    """Compare the model in the folder `imported` with a float32 run of the weights in `source`.

    The reference is written beside `imported`, as the folder `float32`.
    """
    reference = imported.parent / "float32"
    reference.mkdir(exist_ok=True)
    import_bert(source, reference, ignore_progress, exact=True)
    exact = embed(reference, [*texts, *queries])
    found = embed(imported, [*texts, *queries])
    cosines = (exact * found).sum(-1)
    count = len(texts)
    orders = [_top_ten(vectors[count:] @ vectors[:count].T) for vectors in (exact, found)]
    pairs = list(zip(*orders, strict=True))
    return EmbedderFidelity(
        texts=count,
        queries=len(queries),
        lowest_cosine=float(cosines.min()),
        median_cosine=float(np.median(cosines)),
        same_order=sum(list(a) == list(b) for a, b in pairs),
        same_set=sum(set(a) == set(b) for a, b in pairs),
    )


def embed(folder: Path, texts: Sequence[str]) -> Vectors:
    """Return the unit vectors of the model in `folder`, float32 [texts, dimensions]."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    session = open_session(folder / MODEL_FILE, provider="cpu")
    rows = []
    for start in range(0, len(texts), _BATCH):
        batch = tokenizer.encode_batch(list(texts[start : start + _BATCH]))
        ids = np.array([row.ids for row in batch], np.int64)
        feeds = {
            "input_ids": ids,
            "attention_mask": np.array([row.attention_mask for row in batch], np.int64),
            "token_type_ids": np.zeros_like(ids),
        }
        rows.append(session.run(["sentence_embedding"], feeds)[0])
    return np.concatenate(rows)


def _top_ten(similarities: Vectors) -> NDArray[np.int64]:
    return np.argsort(-similarities, axis=-1, kind="stable")[:, :10]
