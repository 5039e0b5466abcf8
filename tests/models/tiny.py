"""Tiny random models as files, and their computation written out in numpy."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, quants
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

Kind = GGMLQuantizationType
HIDDEN, FEED, HEADS, KV_HEADS, LAYERS = 256, 512, 4, 2, 2
HEAD = HIDDEN // HEADS
EPSILON, THETA, CONTEXT = 1e-5, 10_000.0, 64

# Where a block of each K-quant holds its float16 factors.
_FACTORS = {Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}


def raw_matrix(rng: np.random.Generator, kind: Kind, rows: int, columns: int) -> np.ndarray:
    """Return random weights of about 0.05 as a GGUF file holds them."""
    if kind not in _FACTORS:
        weights = rng.normal(0, 0.05, (rows, columns)).astype(np.float32)
        return quants.quantize(weights, kind)
    size, width = GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows * columns // size, width), dtype=np.uint8)
    for start in _FACTORS[kind]:
        factors = rng.uniform(1e-5, 2e-4, len(raw)).astype(np.float16)
        raw[:, start : start + 2] = factors.view(np.uint8).reshape(-1, 2)
    return raw.reshape(rows, -1)


def byte_tokens() -> list[str]:
    """Return the 256 characters that stand for bytes in byte-level BPE."""
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def gpt2_vocabulary() -> tuple[list[str], list[str]]:
    """Return the tokens and merges of a small byte-level vocabulary."""
    merges = ["h e", "he l", "hel l", "hell o", "Ġ w", "i n", "1 2"]
    joined = [merge.replace(" ", "") for merge in merges]
    return [*byte_tokens(), *joined, "<|im_start|>", "<|im_end|>"], merges


def write_gguf(
    path: Path,
    kinds: Mapping[str, Kind] | Kind = Kind.F32,
    *,
    metadata: Mapping[str, Any] | None = None,
    tied: bool = True,
    rope_factors: bool = False,
    architecture: str = "llama",
) -> dict[str, np.ndarray]:
    """Write a random llama or qwen2 model; return its weights, dequantised by the gguf package.

    `kinds` maps parts of tensor names to quantisations, the first match counts, "" matches all.
    """
    rng = np.random.default_rng(7)
    tokens, merges = gpt2_vocabulary()
    values: dict[str, Any] = {
        f"{architecture}.block_count": LAYERS,
        f"{architecture}.context_length": CONTEXT,
        f"{architecture}.embedding_length": HIDDEN,
        f"{architecture}.feed_forward_length": FEED,
        f"{architecture}.attention.head_count": HEADS,
        f"{architecture}.attention.head_count_kv": KV_HEADS,
        f"{architecture}.attention.layer_norm_rms_epsilon": EPSILON,
        f"{architecture}.rope.freq_base": THETA,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * (len(tokens) - 2) + [3, 3],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": len(tokens) - 2,
        "tokenizer.ggml.eos_token_id": len(tokens) - 1,
        "tokenizer.chat_template": "{{ messages[0]['content'] }}",
        **(metadata or {}),
    }
    writer = GGUFWriter(path, architecture)
    for key, value in values.items():
        if value is not None:
            _add_value(writer, key, value)
    weights = {}
    vocabulary = len(tokens)
    biased = architecture == "qwen2"
    for name, shape in _shapes(vocabulary, tied=tied, biased=biased).items():
        if len(shape) == 1:
            data: np.ndarray = rng.normal(1, 0.1, shape).astype(np.float32)
            kind = Kind.F32
        else:
            kind = _kind_of(kinds, name)
            data = raw_matrix(rng, kind, *shape)
        writer.add_tensor(name, data, raw_dtype=kind)
        weights[name] = quants.dequantize(data, kind).reshape(shape)
    if rope_factors:
        weights["rope_freqs.weight"] = rng.uniform(1, 8, HEAD // 2).astype(np.float32)
        writer.add_tensor("rope_freqs.weight", weights["rope_freqs.weight"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def _kind_of(kinds: Mapping[str, Kind] | Kind, name: str) -> Kind:
    if isinstance(kinds, Kind):
        return kinds
    return next(kind for part, kind in kinds.items() if part in name)


def _add_value(writer: GGUFWriter, key: str, value: Any) -> None:
    adders = {bool: "add_bool", int: "add_uint32", float: "add_float32", str: "add_string"}
    if isinstance(value, list):
        writer.add_array(key, value)
    else:
        getattr(writer, adders[type(value)])(key, value)


def _shapes(vocabulary: int, *, tied: bool, biased: bool) -> dict[str, tuple[int, ...]]:
    keys = KV_HEADS * HEAD
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (vocabulary, HIDDEN)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_norm.weight": (HIDDEN,),
            f"blk.{layer}.attn_q.weight": (HIDDEN, HIDDEN),
            f"blk.{layer}.attn_k.weight": (keys, HIDDEN),
            f"blk.{layer}.attn_v.weight": (keys, HIDDEN),
            f"blk.{layer}.attn_output.weight": (HIDDEN, HIDDEN),
            f"blk.{layer}.ffn_norm.weight": (HIDDEN,),
            f"blk.{layer}.ffn_gate.weight": (FEED, HIDDEN),
            f"blk.{layer}.ffn_up.weight": (FEED, HIDDEN),
            f"blk.{layer}.ffn_down.weight": (HIDDEN, FEED),
        }
        if biased:
            for part, size in (("q", HIDDEN), ("k", keys), ("v", keys)):
                shapes[f"blk.{layer}.attn_{part}.bias"] = (size,)
    shapes["output_norm.weight"] = (HIDDEN,)
    return shapes if tied else shapes | {"output.weight": (vocabulary, HIDDEN)}


def llama_logits(
    weights: Mapping[str, np.ndarray], ids: np.ndarray, *, position_scale: float = 1.0
) -> np.ndarray:
    """Compute a llama model as its paper and llama.cpp do; float64 [tokens, vocabulary].

    One with biases is a qwen2 model.
    """
    table = {name: array.astype(np.float64) for name, array in weights.items()}
    frequencies = THETA ** (-np.arange(0, HEAD, 2) / HEAD) / position_scale
    frequencies /= table.get("rope_freqs.weight", np.ones(HEAD // 2))
    angles = np.outer(np.arange(len(ids)), frequencies)
    x = table["token_embd.weight"][ids]
    mask = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)
    for layer in range(LAYERS):

        def multiply(part: str, value: np.ndarray, layer: int = layer) -> np.ndarray:
            bias = table.get(f"blk.{layer}.{part}.bias", np.zeros(1))
            return value @ table[f"blk.{layer}.{part}.weight"].T + bias

        rotate = _rotate_halves if f"blk.{layer}.attn_q.bias" in table else _rotate
        h = _rms(x, table[f"blk.{layer}.attn_norm.weight"])
        queries = rotate(multiply("attn_q", h).reshape(len(ids), HEADS, HEAD), angles)
        keys = rotate(multiply("attn_k", h).reshape(len(ids), KV_HEADS, HEAD), angles)
        values = multiply("attn_v", h).reshape(len(ids), KV_HEADS, HEAD)
        heads = []
        for head in range(HEADS):
            shared = head // (HEADS // KV_HEADS)
            scores = queries[:, head] @ keys[:, shared].T / np.sqrt(HEAD) + mask
            heads.append(_softmax(scores) @ values[:, shared])
        x = x + multiply("attn_output", np.concatenate(heads, axis=-1))
        h = _rms(x, table[f"blk.{layer}.ffn_norm.weight"])
        gate = multiply("ffn_gate", h)
        x = x + multiply("ffn_down", gate / (1 + np.exp(-gate)) * multiply("ffn_up", h))
    last = _rms(x, table["output_norm.weight"])
    return last @ table.get("output.weight", table["token_embd.weight"]).T


def _rms(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def _rotate(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate neighbours (0,1), (2,3), …: the order in which GGUF files hold llama's heads."""
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    turned = pairs * np.exp(1j * angles)[:, None]
    return np.stack([turned.real, turned.imag], -1).reshape(x.shape)


def _rotate_halves(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate each number of the first half with its counterpart in the second: qwen2's order."""
    half = x.shape[-1] // 2
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)[:, None]
    return np.concatenate([turned.real, turned.imag], -1)


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


BERT = {
    "model_type": "bert",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 32,
    "vocab_size": 40,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}


def write_bert(folder: Path, **changes: Any) -> dict[str, np.ndarray]:
    """Write the folder of a random BERT model; return its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    hidden, wide = BERT["hidden_size"], BERT["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (BERT["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (BERT["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (BERT["type_vocab_size"], hidden),
    }
    dense = {"attention.self.query": (hidden, hidden), "attention.self.key": (hidden, hidden)}
    dense |= {"attention.self.value": (hidden, hidden), "attention.output.dense": (hidden, hidden)}
    dense |= {"intermediate.dense": (wide, hidden), "output.dense": (hidden, wide)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(BERT["num_hidden_layers"]):
        for name, shape in dense.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
        norms += [f"encoder.layer.{layer}.{n}.LayerNorm" for n in ("attention.output", "output")]
    for norm in norms:
        shapes |= {f"{norm}.weight": (hidden,), f"{norm}.bias": (hidden,)}
    weights = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**BERT, **changes}), "utf-8")
    _word_tokenizer().save(str(folder / "tokenizer.json"))
    return weights


def _word_tokenizer() -> Tokenizer:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(30))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


def write_mpnet(folder: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Write the folder of a random MPNet model.

    Return its weights by BERT's names, without what has no name there, and what each of 32 buckets
    of distances adds to each head's likenesses, [32, heads].
    """
    weights = write_bert(folder, model_type="mpnet", max_position_embeddings=34)
    del weights["embeddings.token_type_embeddings.weight"]
    rng = np.random.default_rng(13)
    bias = rng.normal(0, 2, (32, BERT["num_attention_heads"])).astype(np.float32)
    table = {"encoder.relative_attention_bias.weight": bias}
    for name, array in weights.items():
        renamed = name.replace("attention.output.LayerNorm", "attention.LayerNorm")
        renamed = renamed.replace("attention.output.dense", "attention.attn.o")
        for part in ("query", "key", "value"):
            renamed = renamed.replace(f"attention.self.{part}", f"attention.attn.{part[0]}")
        table[renamed] = array
    places = "embeddings.position_embeddings.weight"
    table[places] = np.concatenate(
        [np.full((2, BERT["hidden_size"]), 9, np.float32), table[places]]
    )
    save_file(table, folder / "model.safetensors")
    return weights, bias


def bert_states(
    weights: Mapping[str, np.ndarray],
    ids: np.ndarray,
    types: np.ndarray | int = 0,
    *,
    bias: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Compute the last hidden state of one text without padding; float64 [tokens, hidden].

    `bias` [heads, tokens, tokens] is added to the likenesses.
    """
    from math import erf

    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + BERT["layer_norm_eps"])
        return scaled * w[f"{name}.LayerNorm.weight"] + w[f"{name}.LayerNorm.bias"]

    def dense(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    kinds = w.get("embeddings.token_type_embeddings.weight", np.zeros((2, BERT["hidden_size"])))
    x = norm(x + kinds[types], "embeddings")
    added = np.broadcast_to(bias, (BERT["num_attention_heads"], len(ids), len(ids)))
    for layer in range(BERT["num_hidden_layers"]):
        p = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{p}.attention.self.{part}") for part in ("query", "key", "value"))
        size = BERT["hidden_size"] // BERT["num_attention_heads"]
        heads = []
        for head, own in enumerate(added):
            part = slice(head * size, (head + 1) * size)
            heads.append(_softmax(q[:, part] @ k[:, part].T / np.sqrt(size) + own) @ v[:, part])
        attended = dense(np.concatenate(heads, -1), f"{p}.attention.output.dense")
        x = norm(x + attended, f"{p}.attention.output")
        raised = dense(x, f"{p}.intermediate.dense")
        active = raised * 0.5 * (1 + np.vectorize(erf)(raised / np.sqrt(2)))
        x = norm(x + dense(active, f"{p}.output.dense"), f"{p}.output")
    return x
