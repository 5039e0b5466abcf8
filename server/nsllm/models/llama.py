"""The llama architecture (Llama, Mistral, SmolLM) from GGUF to ONNX Runtime GenAI, and qwen2.

Qwen2 (Qwen 2 and 2.5) is llama with biases on queries, keys and values, and with each rotation's
halves apart.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto

from nsllm.models.gguf_file import GgufFile
from nsllm.models.graph import ACTIVATIONS_INT8, GraphBuilder
from nsllm.models.llama_shape import LlamaShape, read_shape
from nsllm.models.quantisation import Blocks, Dense, Floats, concatenate
from nsllm.types import Progress, ProgressListener

Weights = Blocks | Dense


class LlamaGraph:
    """Builds the graph of one file, layer by layer.

    `exact` dequantises every matrix to float32: the reference that imports are compared with.
    """

    def __init__(self, file: GgufFile, graph: GraphBuilder, *, exact: bool = False) -> None:
        self._file = file
        self._graph = graph
        self._exact = exact
        self._used: set[str] = set()
        self.shape = read_shape(file)

    def build(self, listener: ProgressListener) -> None:
        """Add everything from token ids to logits."""
        shape, graph = self.shape, self._graph
        graph.input("input_ids", TensorProto.INT64, ["batch", "sequence"])
        graph.input("attention_mask", TensorProto.INT64, ["batch", "total"])
        self._add_positions()
        embeddings, names = self._read_embeddings()
        residual = self._embed(embeddings, names)
        x = graph.add(
            "SimplifiedLayerNormalization",
            [residual, self._vector("blk.0.attn_norm.weight")],
            "hidden.0",
            axis=-1,
            epsilon=shape.epsilon,
            stash_type=1,
        )
        for layer in range(shape.layers):
            listener(Progress(task="import", done=layer, total=shape.layers, unit="steps"))
            x, residual = self._add_layer(layer, x, residual)
        self._add_logits(x, embeddings, names)
        cache: list[int | str] = ["batch", shape.kv_heads, "total", shape.head_size]
        for layer in range(shape.layers):
            for part in ("key", "value"):
                graph.output(f"present.{layer}.{part}", TensorProto.FLOAT, cache)
        unknown = sorted(set(self._file.tensor_names) - self._used)
        if unknown:
            raise self._file.unsupported(f"nothing here uses its tensor {unknown[0]}")
        listener(Progress(task="import", done=shape.layers, total=shape.layers, unit="steps"))

    def _add_positions(self) -> None:
        """Add the lengths that attention wants, and the rotary tables [context, head/2]."""
        shape, graph = self.shape, self._graph
        counted = graph.add(
            "ReduceSum", ["attention_mask", graph.integers(1)], "mask.sum", keepdims=1
        )
        last = graph.add("Sub", [counted, graph.integers(1)], "mask.last")
        graph.add("Cast", [last], "sequence_lengths", to=TensorProto.INT32)
        length = graph.add("Shape", ["attention_mask"], "mask.length", start=1, end=2)
        scalar = graph.add("Squeeze", [length], "mask.total")
        graph.add("Cast", [scalar], "total_length", to=TensorProto.INT32)
        exponents = np.arange(0, shape.head_size, 2) / shape.head_size
        frequencies = shape.theta**-exponents / shape.position_scale
        if "rope_freqs.weight" in self._file.tensor_names:
            # Llama 3.1 and later stretch each frequency by a factor of its own.
            self._used.add("rope_freqs.weight")
            frequencies /= self._file.vector("rope_freqs.weight", len(frequencies))
        angles = np.outer(np.arange(shape.context), frequencies)
        graph.constant("rotary.cosines", np.cos(angles).astype(np.float32))
        graph.constant("rotary.sines", np.sin(angles).astype(np.float32))

    def _read_embeddings(self) -> tuple[Weights, tuple[str, ...]]:
        """Add the token table once; the last product shares it where the file ties the two."""
        table = self._matrix("token_embd.weight", self.shape.vocabulary, self.shape.hidden)
        if isinstance(table, Blocks):
            return table, self._graph.block_constants("embeddings", table)
        return table, (self._graph.constant("embeddings", table),)

    def _embed(self, table: Weights, names: tuple[str, ...]) -> str:
        graph = self._graph
        if not isinstance(table, Blocks):
            rows = graph.add("Gather", [names[0], "input_ids"], "embedded.rows", axis=0)
            return graph.add("Cast", [rows], "embedded", to=TensorProto.FLOAT)
        scales = graph.add("Unsqueeze", [names[1], graph.integers(2)], "embeddings.scales.column")
        blocks = graph.add(
            "GatherBlockQuantized",
            [names[0], "input_ids", scales],
            "embedded.scaled",
            bits=table.bits,
            block_size=table.block_size,
            gather_axis=0,
            quantize_axis=2,
        )
        if table.minima is not None:
            minima = graph.constant("embeddings.minima", table.minima)
            chosen = graph.add("Gather", [minima, "input_ids"], "embedded.minima", axis=0)
            column = graph.add("Unsqueeze", [chosen, graph.integers(3)], "embedded.column")
            blocks = graph.add("Add", [blocks, column], "embedded.blocks")
        width = graph.integers(0, 0, self.shape.hidden)
        return graph.add("Reshape", [blocks, width], "embedded")

    def _add_layer(self, layer: int, x: str, residual: str) -> tuple[str, str]:
        shape, graph = self.shape, self._graph
        attended = self._attend(layer, x)
        x, residual = self._add_norm(
            f"blk.{layer}.ffn_norm.weight", attended, residual, f"feed.{layer}"
        )
        gate = self._project(layer, "ffn_gate", x, shape.feed_forward, shape.hidden)
        up = self._project(layer, "ffn_up", x, shape.feed_forward, shape.hidden)
        sigmoid = graph.add("Sigmoid", [gate], f"sigmoid.{layer}")
        silu = graph.add("Mul", [gate, sigmoid], f"silu.{layer}")
        gated = graph.add("Mul", [silu, up], f"gated.{layer}")
        down = self._project(layer, "ffn_down", gated, shape.hidden, shape.feed_forward)
        final = layer == shape.layers - 1
        norm = "output_norm.weight" if final else f"blk.{layer + 1}.attn_norm.weight"
        return self._add_norm(norm, down, residual, f"hidden.{layer + 1}")

    def _attend(self, layer: int, x: str) -> str:
        shape, graph = self.shape, self._graph
        cache: list[int | str] = ["batch", shape.kv_heads, "past", shape.head_size]
        past = [
            graph.input(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, cache)
            for part in ("key", "value")
        ]
        attended = graph.add_many(
            "GroupQueryAttention",
            [
                *self._queries_keys_values(layer, x),
                *past,
                "sequence_lengths",
                "total_length",
                "rotary.cosines",
                "rotary.sines",
            ],
            [f"attention.{layer}", f"present.{layer}.key", f"present.{layer}.value"],
            num_heads=shape.heads,
            kv_num_heads=shape.kv_heads,
            scale=shape.head_size**-0.5,
            do_rotary=1,
            rotary_interleaved=int(shape.interleaved),
            local_window_size=shape.window,
        )[0]
        width = shape.heads * shape.head_size
        return self._project(layer, "attn_output", attended, shape.hidden, width)

    def _queries_keys_values(self, layer: int, x: str) -> list[str]:
        """Multiply once where the three matrices share a layout: mixed files have others."""
        shape, graph = self.shape, self._graph
        rows = {
            "attn_q": shape.heads * shape.head_size,
            "attn_k": shape.kv_heads * shape.head_size,
            "attn_v": shape.kv_heads * shape.head_size,
        }
        parts = {
            name: self._matrix(f"blk.{layer}.{name}.weight", size, shape.hidden)
            for name, size in rows.items()
        }
        blocks = [part for part in parts.values() if isinstance(part, Blocks)]
        biases = {key: self._bias(f"blk.{layer}.{key}.bias", size) for key, size in rows.items()}
        name = f"blk.{layer}.attn_qkv"
        if not blocks:
            packed = np.concatenate([np.asarray(part) for part in parts.values()])
            return [self._shift(graph.matmul(x, packed, name), [*biases.values()]), "", ""]
        if len(blocks) == len(parts) and len({block.layout for block in blocks}) == 1:
            product = graph.matmul(x, concatenate(blocks), name)
            return [self._shift(product, [*biases.values()]), "", ""]
        return [
            self._shift(graph.matmul(x, part, f"blk.{layer}.{key}"), [biases[key]])
            for key, part in parts.items()
        ]

    def _bias(self, name: str, size: int) -> Floats:
        """Return float32 [size], or [0] where there are none."""
        if not self.shape.biased:
            return np.zeros(0, np.float32)
        self._used.add(name)
        return self._file.vector(name, size)

    def _shift(self, product: str, biases: list[Floats]) -> str:
        """Add what belongs to the columns of a product, where there is any."""
        added = np.concatenate(biases)
        if not added.size:
            return product
        bias = self._graph.constant(f"{product}.bias", added)
        return self._graph.add("Add", [product, bias], f"{product}.shifted")

    def _add_norm(self, weight: str, x: str, residual: str, name: str) -> tuple[str, str]:
        """Add to the residual stream; return its normalised form and itself."""
        outputs = self._graph.add_many(
            "SkipSimplifiedLayerNormalization",
            [residual, x, self._vector(weight)],
            [name, "", "", f"{name}.residual"],
            epsilon=self.shape.epsilon,
        )
        return outputs[0], outputs[3]

    def _add_logits(self, x: str, embeddings: Weights, names: tuple[str, ...]) -> None:
        shape, graph = self.shape, self._graph
        if "output.weight" in self._file.tensor_names:
            graph.matmul(x, self._matrix("output.weight", shape.vocabulary, shape.hidden), "logits")
        elif isinstance(embeddings, Blocks):
            graph.block_matmul(x, embeddings, "logits", (names[0], names[1]))
        else:
            table = graph.floats(names[0], embeddings)
            graph.add("FusedMatMul", [x, table], "logits", transB=1)
        graph.output("logits", TensorProto.FLOAT, ["batch", "sequence", shape.vocabulary])

    def _project(self, layer: int, name: str, x: str, rows: int, columns: int) -> str:
        weights = self._matrix(f"blk.{layer}.{name}.weight", rows, columns)
        return self._graph.matmul(x, weights, f"blk.{layer}.{name}")

    def _vector(self, name: str) -> str:
        self._used.add(name)
        return self._graph.constant(name, self._file.vector(name, self.shape.hidden))

    def _matrix(self, name: str, rows: int, columns: int) -> Weights:
        self._used.add(name)
        weights = self._file.matrix(name, rows, columns)
        if self._exact and isinstance(weights, Blocks):
            return weights.dequantised()
        return weights


def build_llama(file: GgufFile, folder: Path, listener: ProgressListener) -> LlamaShape:
    """Write model.onnx and its data file into `folder`."""
    with GraphBuilder(folder, external=True, accuracy_level=ACTIVATIONS_INT8) as graph:
        model = LlamaGraph(file, graph)
        model.build(listener)
        graph.save("llama")
    return model.shape
