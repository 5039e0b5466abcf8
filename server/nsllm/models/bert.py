"""BERT and MPNet encoders (sentence-transformers folders) from safetensors to an ONNX embedder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
import safetensors
from onnx import TensorProto
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models import mpnet
from nsllm.models.graph import GraphBuilder
from nsllm.models.quantisation import Blocks, Dense, Floats, Rows, eight_bits, seven_bits
from nsllm.types import Progress, ProgressListener

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
LENGTH_FILE = "sentence_bert_config.json"
POOLING_FILE = "1_Pooling/config.json"

BLOCK = 32
"""Weights that share a scale where they are stored in eight bits."""

HALF_MAX = float(np.finfo(np.float16).max)

_T = TypeVar("_T")
_Size = Annotated[int, msgspec.Meta(ge=1)]


class BertShape(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of config.json."""

    model_type: str
    hidden_size: _Size
    num_hidden_layers: _Size
    num_attention_heads: _Size
    intermediate_size: _Size
    max_position_embeddings: _Size
    vocab_size: _Size
    type_vocab_size: _Size = 2
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    position_embedding_type: str = "absolute"


class _Length(msgspec.Struct, frozen=True):
    max_seq_length: _Size | None = None


class _Pooling(msgspec.Struct, frozen=True):
    pooling_mode_mean_tokens: bool = True
    pooling_mode_cls_token: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What the importer learnt about a model."""

    context_length: int
    dimensions: int
    parameters: int


def import_bert(
    source: Path, folder: Path, listener: ProgressListener, *, exact: bool = False
) -> Imported:
    """Write model.onnx and tokenizer.json into `folder`.

    Inputs `input_ids`, `attention_mask`, `token_type_ids`, int64 [batch, sequence]. Outputs
    `sentence_embedding`, unit rows float32 [batch, hidden], and `token_embeddings`, the last hidden
    state float32 [batch, sequence, hidden].

    Matrices are stored as float16 and multiplied in float32: eight bits index faster, but change
    the order of neighbours (docs/MODELS.md has the figures). `exact` stores float32, the reference
    that imports are compared with.

    Raises:
        ModelCorruptError: a file is missing, cut off, or contradicts another.
        ModelUnsupportedError: the architecture, or a variant of it, is not built here.
    """
    shape = read_shape(source)
    pooling = _read(source / POOLING_FILE, _Pooling, _Pooling())
    if not (pooling.pooling_mode_mean_tokens or pooling.pooling_mode_cls_token):
        raise _unsupported(source, "it pools neither the mean nor the first token")
    weights = read_weights(source)
    with GraphBuilder(folder, external=False) as graph:
        encoder = BertEncoder(shape, weights, graph, source=source, exact=exact)
        hidden = encoder.build(listener)
        graph.add("Identity", [hidden], "token_embeddings")
        size: list[int | str] = ["batch", "sequence", shape.hidden_size]
        graph.output("token_embeddings", TensorProto.FLOAT, size)
        pooled = _mean(graph, hidden) if pooling.pooling_mode_mean_tokens else _first(graph, hidden)
        graph.add("LpNormalization", [pooled], "sentence_embedding", axis=-1, p=2)
        graph.output("sentence_embedding", TensorProto.FLOAT, ["batch", shape.hidden_size])
        graph.save("bert")
    copy_tokenizer(source, folder, shape)
    length = _read(source / LENGTH_FILE, _Length, _Length()).max_seq_length
    return Imported(
        context_length=min(length or shape.max_position_embeddings, shape.max_position_embeddings),
        dimensions=shape.hidden_size,
        parameters=sum(array.size for array in weights.values()),
    )


def read_shape(source: Path) -> BertShape:
    """Read and check config.json."""
    shape = _read(source / CONFIG_FILE, BertShape, None)
    if shape.model_type not in {"bert", "mpnet"}:
        raise _unsupported(source, f"its architecture is {shape.model_type}, not bert or mpnet")
    if shape.hidden_act != "gelu":
        raise _unsupported(source, f"its activation is {shape.hidden_act}, not gelu")
    if shape.position_embedding_type != "absolute":
        raise _unsupported(source, f"its positions are {shape.position_embedding_type}")
    if shape.hidden_size % shape.num_attention_heads:
        raise _corrupt(source / CONFIG_FILE, "its heads do not divide its hidden size")
    if shape.model_type == "mpnet":
        positions = shape.max_position_embeddings - mpnet.FIRST_POSITION
        return msgspec.structs.replace(shape, max_position_embeddings=max(1, positions))
    return shape


def read_weights(source: Path) -> dict[str, Floats]:
    """Read model.safetensors as float32, by BERT's names without the prefix of some exports."""
    path = source / WEIGHTS_FILE
    try:
        tensors = load_file(path)
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _corrupt(path, str(error)) from error
    weights = {
        name.removeprefix("bert."): array.astype(np.float32, copy=False)
        for name, array in tensors.items()
        if np.issubdtype(array.dtype, np.floating)
    }
    is_mpnet = any(name.endswith(mpnet.DISTANCES) for name in weights)
    return mpnet.as_bert(weights) if is_mpnet else weights


class BertEncoder:
    """Adds the layers of a BERT model to a graph."""

    def __init__(
        self,
        shape: BertShape,
        weights: Mapping[str, Floats],
        graph: GraphBuilder,
        *,
        source: Path,
        exact: bool = False,
        bits: Literal[8, 16] = 16,
        peaks: Mapping[str, Floats] | None = None,
    ) -> None:
        self._shape = shape
        self._weights = weights
        self._graph = graph
        self._source = source
        self._exact = exact
        self._bits = bits
        self._peaks = peaks or {}
        self._distances: str | None = None

    def build(self, listener: ProgressListener) -> str:
        """Declare the inputs, add all layers; return the last hidden state."""
        graph, layers = self._graph, self._shape.num_hidden_layers
        for name in ("input_ids", "attention_mask", "token_type_ids"):
            graph.input(name, TensorProto.INT64, ["batch", "sequence"])
        graph.add("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
        x = self._embed()
        self._distances = self._distance_bias()
        for layer in range(layers):
            listener(Progress(task="import", done=layer, total=layers, unit="steps"))
            x = self._add_layer(f"encoder.layer.{layer}", x)
        listener(Progress(task="import", done=layers, total=layers, unit="steps"))
        return x

    def _embed(self) -> str:
        shape, graph = self._shape, self._graph
        hidden = shape.hidden_size
        words = self._words()
        kinds = shape.type_vocab_size
        types = self._constant("embeddings.token_type_embeddings.weight", kinds, hidden)
        typed = graph.add("Gather", [types, "token_type_ids"], "embedded.types", axis=0)
        rows = shape.max_position_embeddings
        table = self._constant("embeddings.position_embeddings.weight", rows, hidden)
        length = graph.add("Shape", ["input_ids"], "sequence.length", start=1, end=2)
        zero = graph.integers(0)
        positions = graph.add("Slice", [table, zero, length, zero], "embedded.positions")
        both = graph.add("Add", [typed, positions], "embedded.places")
        return graph.add(
            "SkipLayerNormalization",
            [
                words,
                both,
                self._constant("embeddings.LayerNorm.weight", hidden),
                self._constant("embeddings.LayerNorm.bias", hidden),
            ],
            "embedded",
            epsilon=shape.layer_norm_eps,
        )

    def _distance_bias(self) -> str | None:
        """Return what MPNet adds to likenesses, [1, heads, sequence, sequence]; BERT adds none."""
        if mpnet.DISTANCES not in self._weights:
            return None
        graph, shape = self._graph, self._shape
        buckets = len(self._weights[mpnet.DISTANCES])
        table = self._constant(mpnet.DISTANCES, buckets, shape.num_attention_heads)
        distances = mpnet.distance_buckets(shape.max_position_embeddings, buckets)
        every = graph.constant("distances.buckets", distances.astype(np.uint8))
        zeros, axes = graph.integers(0, 0), graph.integers(0, 1)
        both = graph.add("Concat", ["sequence.length"] * 2, "distances.size", axis=0)
        inside = graph.add("Slice", [every, zeros, both, axes], "distances.inside")
        chosen = graph.add("Cast", [inside], "distances.chosen", to=TensorProto.INT32)
        rows = graph.add("Gather", [table, chosen], "distances.rows", axis=0)
        moved = graph.add("Einsum", [rows], "distances.heads", equation="qkh->hqk")
        return graph.add("Unsqueeze", [moved, graph.integers(0)], "distances.bias")

    def _words(self) -> str:
        graph, shape = self._graph, self._shape
        name = "embeddings.word_embeddings.weight"
        weights = self._matrix(name, shape.vocab_size, shape.hidden_size)
        if isinstance(weights, Blocks):
            # One block a row: codes and scale are gathered each by itself.
            codes = graph.constant(f"{name}.codes", weights.codes.reshape(shape.vocab_size, -1))
            scales = graph.constant(f"{name}.scales", weights.scales)
            gathered = graph.add("Gather", [codes, "input_ids"], "embedded.codes", axis=0)
            numbers = graph.add("Cast", [gathered], "embedded.numbers", to=TensorProto.FLOAT)
            middle = graph.constant("embedded.middle", np.array(128, np.float32))
            centred = graph.add("Sub", [numbers, middle], "embedded.centred")
            scale = graph.add("Gather", [scales, "input_ids"], "embedded.scale", axis=0)
            return graph.add("Mul", [centred, scale], "embedded.words")
        table = graph.constant(name, weights)
        rows = graph.add("Gather", [table, "input_ids"], "embedded.rows", axis=0)
        return graph.add("Cast", [rows], "embedded.words", to=TensorProto.FLOAT)

    def _add_layer(self, name: str, x: str) -> str:
        shape, graph = self._shape, self._graph
        hidden, wide = shape.hidden_size, shape.intermediate_size
        own = f"{name}.attention.self"
        projected = [
            self._product(f"{name}.attention.self.{part}", x, hidden, hidden, shared=own)
            for part in ("query", "key", "value")
        ]
        biases = np.concatenate(
            [
                self._get(f"{name}.attention.self.{part}.bias", hidden)
                for part in ("query", "key", "value")
            ]
        )
        inputs = [*projected, graph.constant(f"{name}.attention.bias", biases), "mask"]
        attended = graph.add(
            "MultiHeadAttention",
            [*inputs, self._distances] if self._distances else inputs,
            f"{name}.attended",
            num_heads=shape.num_attention_heads,
        )
        x = self._add_and_norm(f"{name}.attention.output", attended, x, hidden)
        raised = self._product(f"{name}.intermediate.dense", x, wide, hidden)
        bias = self._constant(f"{name}.intermediate.dense.bias", wide)
        active = graph.add("BiasGelu", [raised, bias], f"{name}.active")
        return self._add_and_norm(f"{name}.output", active, x, wide)

    def _add_and_norm(self, name: str, x: str, residual: str, width: int) -> str:
        hidden = self._shape.hidden_size
        return self._graph.add(
            "SkipLayerNormalization",
            [
                self._product(f"{name}.dense", x, hidden, width),
                residual,
                self._constant(f"{name}.LayerNorm.weight", hidden),
                self._constant(f"{name}.LayerNorm.bias", hidden),
                self._constant(f"{name}.dense.bias", hidden),
            ],
            f"{name}.normalised",
            epsilon=self._shape.layer_norm_eps,
        )

    def _product(self, name: str, x: str, rows: int, columns: int, *, shared: str = "") -> str:
        """Multiply `x`; `shared` names the input of several matrices."""
        weights: Blocks | Rows | Dense = self._matrix(f"{name}.weight", rows, columns)
        peaks = self._peaks.get(f"{shared or name}.peaks")
        if isinstance(weights, Blocks) and peaks is not None:
            if peaks.shape != (columns,):
                raise _corrupt(self._source, f"{name} has {columns} inputs, not {len(peaks)} peaks")
            weights = seven_bits(self._get(f"{name}.weight", rows, columns), peaks)
        return self._graph.matmul(x, weights, name)

    def _matrix(self, name: str, rows: int, columns: int) -> Blocks | Dense:
        weights = self._get(name, rows, columns)
        if self._bits == 8 and not self._exact:
            return eight_bits(weights, columns if name.startswith("embeddings.") else BLOCK)
        if self._exact or np.abs(weights).max() > HALF_MAX:
            return weights
        return weights.astype(np.float16)

    def _constant(self, name: str, *shape: int) -> str:
        return self._graph.constant(name, self._get(name, *shape))

    def _get(self, name: str, *shape: int) -> Floats:
        path = self._source / WEIGHTS_FILE
        if name not in self._weights:
            raise _corrupt(path, f"it has no tensor {name}")
        array = self._weights[name]
        if array.shape != shape:
            raise _corrupt(path, f"its tensor {name} is {array.shape}, not {shape}")
        return array


def _mean(graph: GraphBuilder, hidden: str) -> str:
    """Sum over the mask: its length cancels out in the normalisation that follows."""
    mask = graph.add("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    column = graph.add("Unsqueeze", [mask, graph.integers(2)], "mask.column")
    masked = graph.add("Mul", [hidden, column], "masked")
    return graph.add("ReduceSum", [masked, graph.integers(1)], "pooled", keepdims=0)


def _first(graph: GraphBuilder, hidden: str) -> str:
    zero = graph.constant("first", np.array(0, np.int64))
    return graph.add("Gather", [hidden, zero], "pooled", axis=1)


def copy_tokenizer(source: Path, folder: Path, shape: BertShape) -> None:
    """Copy tokenizer.json without its truncation and padding: callers decide about both."""
    path = source / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    # The library raises bare Exception for whatever it cannot parse.
    except Exception as error:
        raise _corrupt(path, str(error)) from error
    if tokenizer.get_vocab_size() > shape.vocab_size:
        raise _corrupt(path, f"it has more than the model's {shape.vocab_size} tokens")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8", newline="")


def _read(path: Path, kind: type[_T], default: _T | None) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        if default is None:
            raise _corrupt(path, "it is missing") from error
        return default
    except (OSError, msgspec.DecodeError) as error:
        raise _corrupt(path, str(error)) from error


def _corrupt(path: Path, reason: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"{path.name} is not usable: {reason}.",
        hint="A folder needs config.json, model.safetensors and tokenizer.json: fetch it again.",
    )


def _unsupported(source: Path, reason: str) -> ModelUnsupportedError:
    return ModelUnsupportedError(
        f"{source.name} cannot be imported: {reason}.",
        hint="docs/MODELS.md lists what can.",
    )
