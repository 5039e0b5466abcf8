"""The sizes of a llama or qwen2 model, and how they are told to ONNX Runtime GenAI."""

from typing import Annotated, Any

import msgspec

from nsllm.models.gguf_file import GgufFile
from nsllm.models.graph import MODEL_FILE

MAX_CONTEXT = 32_768
"""Tokens. The rotary tables grow with the context, and more does not fit users' machines."""

ARCHITECTURES = ("llama", "qwen2")
"""What is built here."""

_Size = Annotated[int, msgspec.Meta(ge=1)]


class LlamaShape(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a model."""

    architecture: str
    layers: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    hidden: _Size
    feed_forward: _Size
    heads: _Size
    kv_heads: _Size
    head_size: Annotated[int, msgspec.Meta(ge=2, multiple_of=2)]
    vocabulary: _Size
    context: _Size
    window: int
    """Tokens that attention looks back; -1 is all."""
    epsilon: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    theta: Annotated[float, msgspec.Meta(gt=0)]
    position_scale: Annotated[float, msgspec.Meta(gt=0)]

    @property
    def interleaved(self) -> bool:
        """Whether files hold queries and keys with each rotation's two halves side by side."""
        return self.architecture == "llama"

    @property
    def biased(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.architecture == "qwen2"


def read_shape(file: GgufFile) -> LlamaShape:
    """Read and check the sizes.

    Raises:
        ModelUnsupportedError: another architecture, or a variant of this one; names it.
        ModelCorruptError: a size is missing, out of range, or contradicts another.
    """
    name = file.get("general.architecture", str)
    if name not in ARCHITECTURES:
        known = " and ".join(ARCHITECTURES)
        raise file.unsupported(f"its architecture is {name}, and only {known} are built here")
    if file.find(f"{name}.expert_count", int):
        raise file.unsupported("it is a mixture of experts")
    heads = _single(file, f"{name}.attention.head_count")
    if heads is None:
        raise file.corrupt(f"it has no {name}.attention.head_count")
    hidden = file.get(f"{name}.embedding_length", int)
    head_size = file.find(f"{name}.attention.key_length", int) or hidden // max(heads, 1)
    if file.find(f"{name}.attention.value_length", int) not in {None, head_size}:
        raise file.unsupported("its keys and values differ in length")
    if file.find(f"{name}.rope.dimension_count", int) not in {None, head_size}:
        raise file.unsupported("it rotates only a part of each head")
    sizes = {
        "architecture": name,
        "layers": file.get(f"{name}.block_count", int),
        "hidden": hidden,
        "feed_forward": _single(file, f"{name}.feed_forward_length"),
        "heads": heads,
        "kv_heads": _single(file, f"{name}.attention.head_count_kv") or heads,
        "head_size": head_size,
        "vocabulary": file.shape("token_embd.weight")[0],
        "context": min(file.get(f"{name}.context_length", int), MAX_CONTEXT),
        "window": file.find(f"{name}.attention.sliding_window", int) or -1,
        "epsilon": file.get(f"{name}.attention.layer_norm_rms_epsilon", float),
        "theta": file.find(f"{name}.rope.freq_base", float) or 10_000.0,
        "position_scale": _position_scale(file, name),
    }
    try:
        shape = msgspec.convert(sizes, LlamaShape)
    except msgspec.ValidationError as error:
        raise file.corrupt(str(error)) from error
    if shape.heads % shape.kv_heads:
        raise file.corrupt(f"{shape.heads} heads cannot share {shape.kv_heads} keys")
    return shape


def _single(file: GgufFile, key: str) -> int | None:
    value = file.find(key, object)
    if isinstance(value, list):
        raise file.unsupported(f"its layers differ in {key}")
    return file.find(key, int)


def _position_scale(file: GgufFile, name: str) -> float:
    kind = file.find(f"{name}.rope.scaling.type", str) or "none"
    if kind == "none":
        return 1.0
    if kind != "linear":
        raise file.unsupported(f"its rotary positions are scaled by {kind}")
    return file.get(f"{name}.rope.scaling.factor", float)


def genai_config(shape: LlamaShape, tokens: dict[str, Any], threads: int) -> dict[str, Any]:
    """Describe the graph to ONNX Runtime GenAI; `tokens` are bos, eos and pad ids."""
    return {
        "model": {
            **tokens,
            "context_length": shape.context,
            "vocab_size": shape.vocabulary,
            "type": shape.architecture,
            "decoder": {
                "session_options": {
                    "log_id": "nsllm",
                    # Left out, decoding runs at half speed. It is this machine's core count.
                    "intra_op_num_threads": threads,
                    "provider_options": [],
                },
                "filename": MODEL_FILE,
                "head_size": shape.head_size,
                "hidden_size": shape.hidden,
                "num_attention_heads": shape.heads,
                "num_key_value_heads": shape.kv_heads,
                "num_hidden_layers": shape.layers,
                "inputs": {
                    "input_ids": "input_ids",
                    "attention_mask": "attention_mask",
                    "past_key_names": "past_key_values.%d.key",
                    "past_value_names": "past_key_values.%d.value",
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {
            "do_sample": False,
            "max_length": shape.context,
            "min_length": 0,
            "num_beams": 1,
            "num_return_sequences": 1,
            "past_present_share_buffer": True,
            "temperature": 1.0,
            "top_k": 50,
            "top_p": 1.0,
            "repetition_penalty": 1.0,
        },
    }
