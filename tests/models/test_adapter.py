"""The importer of low-rank updates, against the same computation in numpy."""

from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from safetensors.numpy import save_file

from models.tiny import BERT, bert_states, write_bert
from nsllm.errors import ModelCorruptError
from nsllm.models.adapter import import_adapter
from nsllm.models.session import Session, open_session
from nsllm.types import ignore_progress

IDS = np.array([2, 5, 9, 30, 3, 7, 8, 3])
TYPES = np.array([0, 0, 0, 0, 0, 1, 1, 1])
HIDDEN = BERT["hidden_size"]
MATRIX = "encoder.layer.1.output.dense"


def write_adapter(
    path: Path,
    *,
    parts: int = 1,
    tokens: bool = False,
    peaks: int = 0,
    matrix: str = MATRIX,
    layers: int | None = None,
) -> dict[str, np.ndarray]:
    """Write an adapter; with `peaks`, so many for each input but that of the wide matrix."""
    rng = np.random.default_rng(3)
    updates = {
        f"{matrix}.down": rng.normal(0, 0.2, (4, BERT["intermediate_size"])),
        f"{matrix}.up": rng.normal(0, 0.2, (HIDDEN, 4)),
        "head.weight": rng.normal(0, 0.3, (1, parts * HIDDEN)),
        "head.bias": np.array([0.1]),
    }
    if tokens:
        updates |= {
            "tokens.weight": rng.normal(0, 0.3, (1, HIDDEN)),
            "tokens.bias": np.array([0.2]),
        }
    if peaks:
        inputs = ("attention.self", "attention.output.dense", "intermediate.dense")
        updates |= {
            f"encoder.layer.{layer}.{name}.peaks": np.r_[40.0, rng.uniform(1, 3, peaks - 1)]
            for layer in range(BERT["num_hidden_layers"])
            for name in inputs
        }
    if layers is not None:
        updates["layers"] = np.array([layers])
    save_file({name: array.astype(np.float16) for name, array in updates.items()}, path)
    return {name: array.astype(np.float16).astype(np.float64) for name, array in updates.items()}


def run_import(tmp_path: Path, *, exact: bool = False, bits: Literal[8, 16] = 16) -> Session:
    folder = tmp_path / "out"
    folder.mkdir()
    import_adapter(
        tmp_path / "adapter.safetensors",
        tmp_path / "bert",
        folder,
        ignore_progress,
        exact=exact,
        bits=bits,
    )
    return open_session(folder / "model.onnx", provider="cpu")


def feeds(padding: int = 0) -> dict[str, np.ndarray]:
    zeros = np.zeros(padding, np.int64)
    return {
        "input_ids": np.concatenate([IDS, zeros])[None],
        "token_type_ids": np.concatenate([TYPES, zeros])[None],
        "attention_mask": np.concatenate([np.ones(len(IDS), np.int64), zeros])[None],
    }


def states(weights: dict[str, np.ndarray], updates: dict[str, np.ndarray]) -> np.ndarray:
    change = updates[f"{MATRIX}.up"] @ updates[f"{MATRIX}.down"]
    merged = weights | {f"{MATRIX}.weight": weights[f"{MATRIX}.weight"] + change}
    return bert_states(merged, IDS, TYPES)


def probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def test_one_head_reads_the_mean_of_all_tokens(tmp_path: Path) -> None:
    weights = write_bert(tmp_path / "bert")
    updates = write_adapter(tmp_path / "adapter.safetensors")
    session = run_import(tmp_path, exact=True)
    assert session.outputs == ("probability",)
    logit = updates["head.weight"] @ states(weights, updates).mean(0) + updates["head.bias"]
    for padding in (0, 5):
        found = session.run(["probability"], feeds(padding))[0]
        np.testing.assert_allclose(found, probability(logit), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("exact", "bits", "peaks", "tolerance"),
    [
        (True, 16, 0, 1e-5),
        (False, 16, 0, 5e-3),
        (False, 8, 0, 5e-2),
        (False, 8, HIDDEN, 5e-2),
    ],
)
def test_a_wide_head_reads_the_first_segment(
    exact: bool, bits: Literal[8, 16], peaks: int, tolerance: float, tmp_path: Path
) -> None:
    """And a second head reads each token; padding changes neither."""
    weights = write_bert(tmp_path / "bert")
    updates = write_adapter(tmp_path / "adapter.safetensors", parts=3, tokens=True, peaks=peaks)
    session = run_import(tmp_path, exact=exact, bits=bits)
    hidden = states(weights, updates)
    first = hidden[TYPES == 0]
    pooled = np.concatenate([hidden[0], first.mean(0), first.max(0)])
    logit = updates["head.weight"] @ pooled + updates["head.bias"]
    cells = hidden @ updates["tokens.weight"][0] + updates["tokens.bias"]
    for padding in (0, 5):
        found, of_tokens = session.run(["probability", "token_probability"], feeds(padding))
        np.testing.assert_allclose(found, probability(logit), rtol=0, atol=tolerance)
        shown = of_tokens[0, : len(IDS)]
        np.testing.assert_allclose(shown, probability(cells), rtol=0, atol=tolerance)


def test_the_last_layers_can_be_left_out(tmp_path: Path) -> None:
    """The same as an import from a base that never had them."""
    first = MATRIX.replace("layer.1", "layer.0")
    found = []
    for name, layers, changes in (("cut", 1, {}), ("short", None, {"num_hidden_layers": 1})):
        folder = tmp_path / name
        write_bert(folder / "bert", **changes)
        write_adapter(folder / "adapter.safetensors", tokens=True, matrix=first, layers=layers)
        session = run_import(folder, exact=True)
        found.append(session.run(["probability", "token_probability"], feeds(3)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("layers", [0, 3])
def test_another_number_of_layers_than_there_are_is_refused(layers: int, tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", layers=layers)
    with pytest.raises(ModelCorruptError, match=f"it uses {layers} of 2 layers"):
        run_import(tmp_path)


def test_updates_of_a_layer_that_is_left_out_are_refused(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", layers=1)
    with pytest.raises(ModelCorruptError, match="no counterpart"):
        run_import(tmp_path)


def test_eight_bits_take_less_room(tmp_path: Path) -> None:
    sizes = []
    for bits in (8, 16):
        folder = tmp_path / str(bits)
        folder.mkdir()
        write_bert(folder / "bert")
        write_adapter(folder / "adapter.safetensors")
        run_import(folder, bits=bits)
        sizes.append((folder / "out" / "model.onnx").stat().st_size)
    assert sizes[0] < 0.8 * sizes[1]


def test_inputs_with_known_peaks_are_multiplied_by_rows(tmp_path: Path) -> None:
    """The three of a layer that share an input share its levelling; those without keep blocks."""
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", peaks=HIDDEN)
    run_import(tmp_path, bits=8)
    used = Counter(node.op_type for node in onnx.load(tmp_path / "out" / "model.onnx").graph.node)
    layers = BERT["num_hidden_layers"]
    assert used["MatMulIntegerToFloat"] == 5 * layers
    assert used["MatMulNBits"] == layers
    levelled = used["Mul"]
    write_adapter(tmp_path / "adapter.safetensors")
    (tmp_path / "out" / "model.onnx").unlink()
    (tmp_path / "out").rename(tmp_path / "first")
    run_import(tmp_path, bits=8)
    plain = Counter(node.op_type for node in onnx.load(tmp_path / "out" / "model.onnx").graph.node)
    assert levelled - plain["Mul"] == 3 * layers


def test_peaks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", peaks=HIDDEN - 1)
    with pytest.raises(ModelCorruptError, match=f"has {HIDDEN} inputs, not {HIDDEN - 1} peaks"):
        run_import(tmp_path, bits=8)


def test_a_head_of_another_width_is_refused(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", parts=2)
    with pytest.raises(ModelCorruptError, match="head takes 128"):
        run_import(tmp_path)


def test_an_update_of_nothing_is_refused(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    rows = {"encoder.layer.9.output.dense.up": np.zeros((64, 4), np.float16)}
    save_file(rows, tmp_path / "adapter.safetensors")
    with pytest.raises(ModelCorruptError, match="no counterpart"):
        run_import(tmp_path)
