"""Imported llama models, compared with the same computation in numpy."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.tiny import CONTEXT, HEAD, KV_HEADS, LAYERS, Kind, llama_logits, write_gguf
from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models.fidelity import compare_generators, logits
from nsllm.models.gguf_file import GgufFile
from nsllm.models.gguf_import import import_gguf
from nsllm.models.graph import ACTIVATIONS_FLOAT, GraphBuilder
from nsllm.models.llama import LlamaGraph
from nsllm.models.llama_shape import MAX_CONTEXT, read_shape
from nsllm.models.session import open_session
from nsllm.types import ignore_progress

IDS = np.array([3, 70, 12, 200, 5, 5, 99, 260], np.int64)


def run_import(path: Path, folder: Path) -> np.ndarray:
    folder.mkdir()
    import_gguf(path, folder, threads=1, listener=ignore_progress)
    session = open_session(folder / "model.onnx", provider="cpu")
    return logits(session, read_shape(GgufFile(path)), IDS)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()))


@pytest.mark.parametrize("kind", [Kind.F32, Kind.F16, Kind.BF16], ids=lambda kind: kind.name)
@pytest.mark.parametrize("tied", [True, False])
def test_float_models_match_the_reference(kind: Kind, tied: bool, tmp_path: Path) -> None:
    weights = write_gguf(tmp_path / "m.gguf", kind, tied=tied)
    found = run_import(tmp_path / "m.gguf", tmp_path / "out")
    assert relative_error(found, llama_logits(weights, IDS)) < 1e-5


MIXES = {
    "Q4_0": {"token_embd": Kind.Q6_K, "": Kind.Q4_0},
    "Q4_1": {"token_embd": Kind.Q8_0, "": Kind.Q4_1},
    "Q5_1 everywhere": {"": Kind.Q5_1},
    "Q4_K embeddings": {"": Kind.Q4_K},
    "Q4_K_M": {"token_embd": Kind.Q6_K, "attn_v": Kind.Q6_K, "ffn_down": Kind.Q6_K, "": Kind.Q4_K},
    "Q5_K_M": {"attn_v": Kind.Q6_K, "ffn_down": Kind.Q6_K, "": Kind.Q5_K},
    "floats everywhere": {"": Kind.F16},
    "floats among blocks": {"attn_k": Kind.F16, "output": Kind.F32, "": Kind.Q8_0},
}


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("tied", [True, False])
def test_mixed_files_match_the_reference(
    architecture: str, mix: str, tied: bool, tmp_path: Path
) -> None:
    weights = write_gguf(tmp_path / "m.gguf", MIXES[mix], tied=tied, architecture=architecture)
    file = GgufFile(tmp_path / "m.gguf")
    with GraphBuilder(tmp_path, external=True, accuracy_level=ACTIVATIONS_FLOAT) as graph:
        LlamaGraph(file, graph).build(ignore_progress)
        graph.save("llama")
    session = open_session(tmp_path / "model.onnx", provider="cpu")
    found = logits(session, read_shape(file), IDS)
    assert relative_error(found, llama_logits(weights, IDS)) < 1e-5


def test_8_bit_inputs_change_little(tmp_path: Path) -> None:
    weights = write_gguf(tmp_path / "m.gguf", MIXES["Q4_1"])
    found = run_import(tmp_path / "m.gguf", tmp_path / "out")
    assert relative_error(found, llama_logits(weights, IDS)) < 0.03


def test_a_token_at_a_time_gives_the_same_as_all_at_once(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", Kind.F32)
    whole = run_import(tmp_path / "m.gguf", tmp_path / "out")
    session = open_session(tmp_path / "out" / "model.onnx", provider="cpu")
    cache: dict[str, np.ndarray] = {
        f"past_key_values.{layer}.{part}": np.zeros((1, KV_HEADS, 0, HEAD), np.float32)
        for layer in range(LAYERS)
        for part in ("key", "value")
    }
    for step, identity in enumerate(IDS):
        mask = np.ones((1, step + 1), np.int64)
        feeds = {"input_ids": np.array([[identity]]), "attention_mask": mask, **cache}
        results = dict(zip(session.outputs, session.run(None, feeds), strict=True))
        np.testing.assert_allclose(results["logits"][0, 0], whole[step], rtol=0, atol=1e-4)
        cache = {name: results[name.replace("past_key_values", "present")] for name in cache}


@pytest.mark.parametrize(
    ("metadata", "rope_factors", "scale"),
    [
        ({"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}, False, 4.0),
        ({"llama.rope.scaling.type": "none"}, False, 1.0),
        ({}, True, 1.0),
    ],
    ids=["linear", "none", "a factor for each frequency"],
)
def test_positions_are_scaled_as_the_file_says(
    metadata: dict[str, Any], rope_factors: bool, scale: float, tmp_path: Path
) -> None:
    weights = write_gguf(tmp_path / "m.gguf", metadata=metadata, rope_factors=rope_factors)
    found = run_import(tmp_path / "m.gguf", tmp_path / "out")
    assert relative_error(found, llama_logits(weights, IDS, position_scale=scale)) < 1e-5


def test_the_float32_reference_has_the_weights_of_the_file(tmp_path: Path) -> None:
    weights = write_gguf(tmp_path / "m.gguf", Kind.Q4_K)
    run_import(tmp_path / "m.gguf", tmp_path / "out")
    result = compare_generators(tmp_path / "m.gguf", tmp_path / "out", IDS.tolist())
    exact = llama_logits(weights, IDS)[:-1]
    losses = np.log(np.exp(exact).sum(-1)) - exact[np.arange(len(IDS) - 1), IDS[1:]]
    assert result.tokens == len(IDS) - 1
    assert result.reference_perplexity == pytest.approx(np.exp(losses.mean()), rel=1e-4)
    assert result.ratio == pytest.approx(1, abs=0.02)


def test_the_configuration_describes_the_model(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", Kind.Q8_0, metadata={"general.license": "mit"})
    out = tmp_path / "out"
    out.mkdir()
    imported = import_gguf(tmp_path / "m.gguf", out, threads=3, listener=ignore_progress)
    config = msgspec.json.decode((out / "genai_config.json").read_bytes())["model"]
    assert config["decoder"]["session_options"]["intra_op_num_threads"] == 3
    assert config["decoder"]["num_key_value_heads"] == KV_HEADS
    assert config["type"] == "llama"
    assert config["context_length"] == imported.context_length == CONTEXT
    assert config["eos_token_id"] == [264]
    assert imported.licence == "mit"
    assert (out / "chat_template.jinja").read_text() == "{{ messages[0]['content'] }}"


def test_a_long_context_is_cut_to_what_machines_hold(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", metadata={"llama.context_length": 131072})
    assert read_shape(GgufFile(tmp_path / "m.gguf")).context == MAX_CONTEXT


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"llama.expert_count": 8}, "mixture of experts"),
        ({"llama.rope.scaling.type": "yarn"}, "yarn"),
        ({"llama.rope.dimension_count": 32}, "rotates only a part"),
        ({"llama.attention.value_length": 32}, "differ in length"),
        ({"llama.attention.head_count_kv": [2, 1]}, "head_count_kv"),
        ({"tokenizer.ggml.model": "bert"}, "bert"),
        ({"tokenizer.ggml.pre": "unheard-of"}, "unheard-of"),
    ],
)
def test_variants_that_are_not_built_are_refused_by_name(
    metadata: dict[str, Any], named: str, tmp_path: Path
) -> None:
    write_gguf(tmp_path / "m.gguf", metadata=metadata)
    with pytest.raises(ModelUnsupportedError, match=named):
        run_import(tmp_path / "m.gguf", tmp_path / "out")


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", architecture="mamba")
    with pytest.raises(ModelUnsupportedError, match="mamba, and only llama and qwen2"):
        run_import(tmp_path / "m.gguf", tmp_path / "out")


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"llama.block_count": None}, "llama.block_count"),
        ({"llama.block_count": 3}, r"blk\.2\."),
        ({"llama.attention.head_count": 0}, "heads"),
        ({"llama.attention.head_count_kv": 3}, "cannot share"),
        ({"llama.embedding_length": 128}, "token_embd"),
        ({"llama.context_length": "long"}, "context_length"),
        ({"tokenizer.ggml.tokens": ["a", "b"]}, "2 tokens"),
        ({"tokenizer.ggml.merges": ["x yz"]}, "x yz"),
        ({"tokenizer.ggml.eos_token_id": 9999}, "eos token 9999"),
    ],
)
def test_contradictions_are_named(metadata: dict[str, Any], named: str, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", metadata=metadata)
    with pytest.raises(ModelCorruptError, match=named):
        run_import(tmp_path / "m.gguf", tmp_path / "out")
