"""Low-rank updates of an embedder's base, merged into an ONNX cross-encoder."""

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import safetensors
from onnx import TensorProto
from safetensors.numpy import load_file

from nsllm.errors import ModelCorruptError
from nsllm.models.bert import (
    BertEncoder,
    BertShape,
    Imported,
    copy_tokenizer,
    read_shape,
    read_weights,
)
from nsllm.models.graph import GraphBuilder
from nsllm.models.quantisation import Floats
from nsllm.types import ProgressListener

CONTEXT_TOKENS = 128
"""The length that a model was trained with where models.toml does not say another."""


def import_adapter(
    adapter: Path,
    base: Path,
    folder: Path,
    listener: ProgressListener,
    *,
    exact: bool = False,
    context_tokens: int = CONTEXT_TOKENS,
    bits: Literal[8, 16] = 16,
) -> Imported:
    """Write model.onnx and tokenizer.json of a cross-encoder into `folder`.

    `adapter` is a safetensors file with `<matrix>.down` [rank, in] and `<matrix>.up` [out, rank]
    for each matrix that it updates (W + up @ down; LoRA, Hu et al. 2021), and `head.bias` [1].
    `head.weight` is [1, hidden], on the mean of all tokens, or [1, 3 * hidden]: on the first token,
    and on mean and maximum of the first segment. `tokens.weight` [1, hidden] and `tokens.bias` [1]
    are a second head on each token, where there is one. `<input>.peaks` [in], the largest numbers
    that a matrix was seen to be fed, let eight bits be rounded by rows, not by blocks. `layers` [1]
    says how many of the base's layers are used, where not all of them are. `base` is the folder of
    the model that it was trained on.

    Inputs `input_ids`, `attention_mask`, `token_type_ids`, int64 [batch, sequence]: both texts as
    one sequence. Outputs `probability`, float32 [batch], and, with the second head,
    `token_probability`, float32 [batch, sequence]. Matrices are stored in float16 or in
    eight `bits`; `exact` keeps float32.

    Raises:
        ModelCorruptError: a file is damaged, or the adapter does not fit the base.
    """
    updates = _read(adapter)
    shape, weights = _cut(read_shape(base), read_weights(base), updates, adapter)
    head, bias = _merge(weights, updates, adapter)
    with GraphBuilder(folder, external=False) as graph:
        peaks = {name: array for name, array in updates.items() if name.endswith(".peaks")}
        encoder = BertEncoder(
            shape, weights, graph, source=base, exact=exact, bits=bits, peaks=peaks
        )
        hidden = encoder.build(listener)
        if head.shape[1] == shape.hidden_size:
            pooled = _mean(graph, hidden)
        elif head.shape[1] == 3 * shape.hidden_size:
            pooled = _first_segment(graph, hidden)
        else:
            raise _corrupt(adapter, f"its head takes {head.shape[1]} numbers")
        row = _linear(graph, pooled, "head", head, bias)
        graph.add("Sigmoid", [row], "probability")
        graph.output("probability", TensorProto.FLOAT, ["batch"])
        if "tokens.weight" in updates:
            cells = _linear(
                graph, hidden, "tokens", updates["tokens.weight"], updates["tokens.bias"]
            )
            graph.add("Sigmoid", [cells], "token_probability")
            graph.output("token_probability", TensorProto.FLOAT, ["batch", "sequence"])
        graph.save(folder.name)
    copy_tokenizer(base, folder, shape)
    return Imported(
        context_length=context_tokens,
        dimensions=1,
        parameters=sum(array.size for array in (*weights.values(), *_heads(updates))),
    )


def _heads(updates: dict[str, Floats]) -> list[Floats]:
    return [array for name, array in updates.items() if name.startswith(("head.", "tokens."))]


def _linear(graph: GraphBuilder, x: str, name: str, weight: Floats, bias: Floats) -> str:
    """Multiply by the one row of a head, and drop the last axis."""
    scored = graph.add("MatMul", [x, graph.constant(f"{name}.weight", weight.T)], f"{name}.scored")
    shifted = graph.add("Add", [scored, graph.constant(f"{name}.bias", bias)], f"{name}.logits")
    return graph.add("Squeeze", [shifted, graph.integers(-1)], f"{name}.logit")


def _mean(graph: GraphBuilder, hidden: str) -> str:
    """Return the mean of all tokens but padding: [batch, hidden]."""
    mask = graph.add("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    return _masked_mean(graph, hidden, mask, "all")


def _first_segment(graph: GraphBuilder, hidden: str) -> str:
    """Return first token, and mean and maximum of the first segment: [batch, 3 * hidden]."""
    second = graph.add("Sub", ["attention_mask", "token_type_ids"], "segment")
    mask = graph.add("Cast", [second], "segment.float", to=TensorProto.FLOAT)
    mean = _masked_mean(graph, hidden, mask, "segment")
    column = graph.add("Unsqueeze", [second, graph.integers(2)], "segment.whole_column")
    inside = graph.add("Cast", [column], "segment.inside", to=TensorProto.BOOL)
    least = graph.constant("least", np.array(-1e4, np.float32))
    rest = graph.add("Where", [inside, hidden, least], "segment.rest")
    most = graph.add("ReduceMax", [rest, graph.integers(1)], "segment.most", keepdims=0)
    zero = graph.constant("i64_first", np.array(0, np.int64))
    first = graph.add("Gather", [hidden, zero], "first", axis=1)
    return graph.add("Concat", [first, mean, most], "pooled", axis=1)


def _masked_mean(graph: GraphBuilder, hidden: str, mask: str, name: str) -> str:
    column = graph.add("Unsqueeze", [mask, graph.integers(2)], f"{name}.column")
    masked = graph.add("Mul", [hidden, column], f"{name}.masked")
    total = graph.add("ReduceSum", [masked, graph.integers(1)], f"{name}.total", keepdims=0)
    count = graph.add("ReduceSum", [mask, graph.integers(1)], f"{name}.count", keepdims=1)
    return graph.add("Div", [total, count], f"{name}.mean")


def _cut(
    shape: BertShape, weights: dict[str, Floats], updates: dict[str, Floats], path: Path
) -> tuple[BertShape, dict[str, Floats]]:
    """Leave out the layers of the base that are not used."""
    if "layers" not in updates:
        return shape, weights
    layers = int(updates["layers"][0])
    if not 1 <= layers <= shape.num_hidden_layers:
        raise _corrupt(path, f"it uses {layers} of {shape.num_hidden_layers} layers")
    unused = tuple(f"encoder.layer.{i}." for i in range(layers, shape.num_hidden_layers))
    kept = {name: array for name, array in weights.items() if not name.startswith(unused)}
    return msgspec.structs.replace(shape, num_hidden_layers=layers), kept


def _read(path: Path) -> dict[str, Floats]:
    try:
        tensors = load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise _corrupt(path, str(error)) from error
    return {name: array.astype(np.float32) for name, array in tensors.items()}


def _merge(
    weights: dict[str, Floats], updates: dict[str, Floats], path: Path
) -> tuple[Floats, Floats]:
    """Add every update to its matrix in `weights`; return weight and bias of the head."""
    for name in [name for name in updates if name.endswith(".up")]:
        matrix = name.removesuffix(".up")
        key = f"{matrix}.weight"
        up, down = updates[name], updates.get(f"{matrix}.down")
        if down is None or key not in weights:
            raise _corrupt(path, f"{matrix} has no counterpart")
        change = up @ down
        if change.shape != weights[key].shape:
            raise _corrupt(path, f"{matrix} is {change.shape}, its base {weights[key].shape}")
        weights[key] = weights[key] + change
    try:
        return updates["head.weight"], updates["head.bias"]
    except KeyError as error:
        raise _corrupt(path, f"it has no {error.args[0]}") from error


def _corrupt(path: Path, reason: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"{path.name} is not usable: {reason}.",
        hint="Install NS-LLM again: the file is part of it.",
    )
