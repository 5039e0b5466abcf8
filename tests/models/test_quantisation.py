"""Every quantisation, compared with the gguf package's own dequantisation."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, quants
from onnx import TensorProto

from models.tiny import Kind, raw_matrix
from nsllm.errors import ModelUnsupportedError
from nsllm.models.graph import ACTIVATIONS_FLOAT, ACTIVATIONS_INT8, GraphBuilder
from nsllm.models.quantisation import Blocks, concatenate, read_matrix, seven_bits
from nsllm.models.session import open_session

QUANTISED = [
    Kind.Q4_0,
    Kind.Q4_1,
    Kind.Q5_0,
    Kind.Q5_1,
    Kind.Q8_0,
    Kind.Q4_K,
    Kind.Q5_K,
    Kind.Q6_K,
]
ALL = [Kind.F32, Kind.F16, Kind.BF16, *QUANTISED]
ROWS, COLUMNS = 48, 512


def named(kind: Kind) -> str:
    return kind.name


def product(folder: Path, matrix: object, x: np.ndarray, level: int) -> np.ndarray:
    """Multiply in ONNX Runtime, with the matrix as an import stores it."""
    with GraphBuilder(folder, external=True, accuracy_level=level) as graph:
        graph.input("x", TensorProto.FLOAT, ["batch", "sequence", COLUMNS])
        graph.matmul("x", matrix, "y")
        graph.output("y", TensorProto.FLOAT, ["batch", "sequence", ROWS])
        graph.save("product")
    return open_session(folder / "model.onnx", provider="cpu").run(["y"], {"x": x})[0]


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_weights_are_exact(kind: Kind) -> None:
    raw = raw_matrix(np.random.default_rng(1), kind, ROWS, COLUMNS)
    matrix = read_matrix(raw.view(np.uint8), kind)
    found = matrix.dequantised() if isinstance(matrix, Blocks) else matrix
    expected = quants.dequantize(raw, kind)
    # One rounding of float32 where a minimum was moved to the middle of the codes' range.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2**-24 * np.abs(expected).max() * 4)


@pytest.mark.parametrize("kind", QUANTISED, ids=named)
def test_extreme_blocks_are_exact(kind: Kind) -> None:
    """All bits set and all bits clear: every code, scale and minimum at its limits."""
    width = GGML_QUANT_SIZES[kind][1]
    for byte in (0x00, 0x3B, 0xBB):  # 0x3B3B and 0xBBBB are finite float16 factors
        raw = np.full((2, width), byte, np.uint8)
        matrix = read_matrix(raw, kind)
        assert isinstance(matrix, Blocks)
        expected = quants.dequantize(raw, kind)
        tolerance = 2**-22 * max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(matrix.dequantised(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_products_with_float_inputs_are_exact(kind: Kind, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    raw = raw_matrix(rng, kind, ROWS, COLUMNS)
    x = rng.standard_normal((1, 5, COLUMNS)).astype(np.float32)
    expected = x.astype(np.float64) @ quants.dequantize(raw, kind).astype(np.float64).T
    found = product(tmp_path, read_matrix(raw.view(np.uint8), kind), x, ACTIVATIONS_FLOAT)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("kind", QUANTISED, ids=named)
def test_products_with_8_bit_inputs_are_close(kind: Kind, tmp_path: Path) -> None:
    """The error left is the inputs' rounding: 1/254 of a block's largest, in each of 512 terms."""
    rng = np.random.default_rng(3)
    raw = raw_matrix(rng, kind, ROWS, COLUMNS)
    x = rng.standard_normal((1, 5, COLUMNS)).astype(np.float32)
    expected = x.astype(np.float64) @ quants.dequantize(raw, kind).astype(np.float64).T
    found = product(tmp_path, read_matrix(raw.view(np.uint8), kind), x, ACTIVATIONS_INT8)
    error = np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
    assert error < 0.015


@pytest.mark.parametrize("kind", [Kind.Q4_0, Kind.Q4_K], ids=named)
def test_stacked_matrices_keep_their_rows(kind: Kind) -> None:
    rng = np.random.default_rng(4)
    parts = [read_matrix(raw_matrix(rng, kind, rows, COLUMNS), kind) for rows in (8, 4)]
    whole = concatenate(parts)
    assert np.array_equal(whole.dequantised(), np.concatenate([p.dequantised() for p in parts]))


@pytest.mark.parametrize("kind", [Kind.Q2_K, Kind.Q3_K, Kind.IQ4_XS], ids=named)
def test_other_quantisations_are_refused_by_name(kind: Kind) -> None:
    raw = np.zeros((2, GGML_QUANT_SIZES[kind][1]), np.uint8)
    with pytest.raises(ModelUnsupportedError, match=kind.name):
        read_matrix(raw, kind)


def test_an_input_far_above_the_rest_gets_a_step_of_its_own(tmp_path: Path) -> None:
    """Rounded with one scale for them all, it would leave two bits to the others."""
    rng = np.random.default_rng(5)
    weights = rng.normal(0, 0.05, (ROWS, COLUMNS)).astype(np.float32)
    x = rng.normal(0, 1, (1, 64, COLUMNS)).astype(np.float32)
    x[..., 7] *= 20
    expected = x @ weights.T
    errors = []
    own = np.abs(x).max((0, 1))
    for peaks in (own, np.full(COLUMNS, own.max())):
        folder = tmp_path / str(len(errors))
        folder.mkdir()
        found = product(folder, seven_bits(weights, peaks), x, ACTIVATIONS_INT8)
        errors.append(np.sqrt(np.mean((found - expected) ** 2)) / expected.std())
    assert errors[0] < 0.05
    assert errors[1] > 2 * errors[0]


def test_what_is_multiplied_together_has_no_bearing_on_a_product(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    weights = rng.normal(0, 0.05, (ROWS, COLUMNS)).astype(np.float32)
    x = rng.normal(0, 1, (4, 16, COLUMNS)).astype(np.float32)
    x[2:] *= 30
    rows = seven_bits(weights, np.full(COLUMNS, 4, np.float32))
    together = product(tmp_path, rows, x, ACTIVATIONS_INT8)
    alone = product(tmp_path, rows, x[:1], ACTIVATIONS_INT8)
    np.testing.assert_allclose(together[:1], alone, rtol=1e-5, atol=1e-6)


def test_seven_bits_round_each_row_by_its_largest_weight() -> None:
    weights = np.array([[0.5, -1.0], [0.0, 0.0], [20.0, 1.0]], np.float32)
    rows = seven_bits(weights, np.ones(2, np.float32))
    np.testing.assert_array_equal(np.abs(rows.codes).max(axis=1), [63, 0, 63])
    np.testing.assert_allclose(rows.dequantised(), weights, rtol=0, atol=20 / 126)
