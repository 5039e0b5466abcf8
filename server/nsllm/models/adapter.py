"""The reader: low-rank updates of a BERT embedder's base, merged into an ONNX cross-encoder."""

from pathlib import Path

import numpy as np
import safetensors
from onnx import TensorProto
from safetensors.numpy import load_file

from nsllm.errors import ModelCorruptError
from nsllm.models.bert import BertEncoder, Imported, copy_tokenizer, read_shape, read_weights
from nsllm.models.graph import GraphBuilder
from nsllm.models.quantisation import Floats
from nsllm.types import ProgressListener

CONTEXT_TOKENS = 128
"""The length that it was trained with (scripts/training/reader.py)."""


def import_adapter(
    adapter: Path, base: Path, folder: Path, listener: ProgressListener, *, exact: bool = False
) -> Imported:
    """Write model.onnx and tokenizer.json of the reader into `folder`.

    `adapter` is a safetensors file with `<matrix>.down` [rank, in] and `<matrix>.up` [out, rank]
    for each matrix that it updates (W + up @ down; LoRA, Hu et al. 2021), `head.weight`
    [1, hidden] and `head.bias` [1]. `base` is the folder of the model that it was trained on.

    Inputs `input_ids`, `attention_mask`, `token_type_ids`, int64 [batch, sequence]: question and
    sentence as one sequence. Output `probability`, float32 [batch]. `exact` keeps float32.

    Raises:
        ModelCorruptError: a file is damaged, or the adapter does not fit the base.
    """
    shape = read_shape(base)
    weights = read_weights(base)
    updates = _read(adapter)
    head, bias = _merge(weights, updates, adapter)
    with GraphBuilder(folder, external=False) as graph:
        hidden = BertEncoder(shape, weights, graph, source=base, exact=exact).build(listener)
        mask = graph.add("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
        column = graph.add("Unsqueeze", [mask, graph.integers(2)], "mask.column")
        masked = graph.add("Mul", [hidden, column], "masked")
        total = graph.add("ReduceSum", [masked, graph.integers(1)], "total", keepdims=0)
        count = graph.add("ReduceSum", [mask, graph.integers(1)], "count", keepdims=1)
        mean = graph.add("Div", [total, count], "mean")
        scored = graph.add("MatMul", [mean, graph.constant("head.weight", head.T)], "scored")
        shifted = graph.add("Add", [scored, graph.constant("head.bias", bias)], "logits")
        row = graph.add("Squeeze", [shifted, graph.integers(1)], "logit")
        graph.add("Sigmoid", [row], "probability")
        graph.output("probability", TensorProto.FLOAT, ["batch"])
        graph.save("reader")
    copy_tokenizer(base, folder, shape)
    return Imported(
        context_length=CONTEXT_TOKENS,
        dimensions=1,
        parameters=sum(array.size for array in weights.values()) + head.size + bias.size,
    )


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
