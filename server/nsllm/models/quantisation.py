"""GGUF's quantised blocks, re-packed for ONNX Runtime without changing a weight; and our own.

Layouts: ggml-quants.h and gguf-py/gguf/quants.py of llama.cpp.
"""

from typing import Any, Literal

import msgspec
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants
from numpy.typing import NDArray

from nsllm.errors import ModelUnsupportedError

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Dense = NDArray[np.float32] | NDArray[np.float16]


_LEVEL = 1.5
"""How far above the median of the peaks an input may be before its column gets a wider step."""

_HEADROOM = 1.1
"""How far above its peak an input may be before it is cut off."""


class Blocks(msgspec.Struct, frozen=True, kw_only=True):
    """A matrix [N, K] in blocks along K: weight = scale * (code - 2**(bits-1)) + minimum.

    `codes` uint8 [N, K/block, block], `scales` and `minima` float32 [N, K/block].
    """

    codes: Bytes
    scales: Floats
    minima: Floats | None
    bits: Literal[4, 8]

    @property
    def block_size(self) -> int:
        """Weights in one block."""
        return int(self.codes.shape[2])

    @property
    def layout(self) -> tuple[int, int, bool]:
        """What two matrices must share to be one: bits, block size, whether there are minima."""
        return self.bits, self.block_size, self.minima is not None

    def packed(self) -> Bytes:
        """Return the codes as ONNX Runtime wants them: two of 4 bits to a byte, low one first."""
        if self.bits == 8:
            return self.codes
        return self.codes[..., 0::2] | (self.codes[..., 1::2] << np.uint8(4))

    def dequantised(self) -> Floats:
        """Return the weights float32 [N, K]."""
        centre = np.float32(1 << (self.bits - 1))
        weights = (self.codes.astype(np.float32) - centre) * self.scales[..., None]
        if self.minima is not None:
            weights += self.minima[..., None]
        return weights.reshape(len(weights), -1)


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A matrix [N, K] with one scale for each row, and how its inputs are rounded to eight bits.

    `codes` int8 [N, K], `scales` float32 [N], `steps` float32 [K]: weight = scale * code / step of
    its column, and an input is rounded to a multiple of its column's step, 128 to either side.
    """

    codes: NDArray[np.int8]
    scales: Floats
    steps: Floats

    def dequantised(self) -> Floats:
        """Return the weights float32 [N, K]."""
        return self.codes.astype(np.float32) * self.scales[:, None] / self.steps


class _Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks [n, block] with weight = scale * code + minimum; codes are in [0, 2**bits)."""

    codes: NDArray[Any]
    scales: Floats
    zero_point: int
    minima: Floats | None = None
    bits: Literal[4, 8]


def read_matrix(data: Bytes, kind: GGMLQuantizationType) -> Blocks | Dense:
    """Return the bytes of a matrix [N, ...] as blocks, or as floats where it is not quantised.

    BF16 becomes float32: ONNX Runtime computes in neither half precision on a CPU.

    Raises:
        ModelUnsupportedError: the quantisation has no exact counterpart here; names it.
    """
    rows = len(data)
    if kind is GGMLQuantizationType.F32:
        return data.view("<f4").astype(np.float32)
    if kind is GGMLQuantizationType.F16:
        return data.view("<f2").astype(np.float16)
    if kind is GGMLQuantizationType.BF16:
        return (data.view("<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    decode = _DECODERS.get(kind)
    if decode is None:
        names = ", ".join(["F32", "F16", "BF16", *(known.name for known in _DECODERS)])
        raise ModelUnsupportedError(
            f"The file uses the quantisation {kind.name}, which cannot be imported.",
            hint=f"Choose a file with one of {names}; most models come in Q4_K_M or Q8_0.",
        )
    raw = np.ascontiguousarray(data).reshape(-1, GGML_QUANT_SIZES[kind][1])
    return _centre(decode(raw), rows)


def eight_bits(weights: Floats, block_size: int) -> Blocks:
    """Round a matrix [N, K] to eight bits; the largest of each block of K decides its scale."""
    parts = weights.reshape(len(weights), -1, block_size)
    scales = np.abs(parts).max(axis=2) / np.float32(127)
    divisors = np.where(scales > 0, scales, np.float32(1))[..., None]
    codes = np.rint(parts / divisors) + 128
    return Blocks(codes=codes.astype(np.uint8), scales=scales, minima=None, bits=8)


def seven_bits(weights: Floats, peaks: Floats) -> Rows:
    """Round a matrix [N, K] to seven bits; the largest of each row decides its scale.

    `peaks` float32 [K] are the largest inputs that were seen. A few columns of an encoder's inputs
    are far above the rest, which would be rounded away beside them: these get a wider step, and
    their weights are raised for it (SmoothQuant, Xiao et al. 2022). The steps are fixed, so that
    what is read together has no bearing on a result. Seven bits, since CPUs without VNNI add two
    products in sixteen.
    """
    level = np.maximum(_LEVEL * np.median(peaks), np.float32(1e-6))
    steps = (np.maximum(peaks, level) * _HEADROOM / 127).astype(np.float32)
    raised = weights * steps
    scales = np.abs(raised).max(axis=1) / np.float32(63)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, None]
    return Rows(codes=np.rint(raised / divisors).astype(np.int8), scales=scales, steps=steps)


def concatenate(parts: list[Blocks]) -> Blocks:
    """Stack matrices of one layout along N."""
    minima = [part.minima for part in parts if part.minima is not None]
    return Blocks(
        codes=np.concatenate([part.codes for part in parts]),
        scales=np.concatenate([part.scales for part in parts]),
        minima=np.concatenate(minima) if minima else None,
        bits=parts[0].bits,
    )


def _centre(part: _Decoded, rows: int) -> Blocks:
    """Move the codes so that the middle of their range is zero, which ONNX Runtime assumes.

    With minima the codes are centred too, although any zero point would be exact: inputs are
    rounded to 8 bits, and the error that this leaves grows with the size of the codes.
    """
    middle = 1 << (part.bits - 1)
    zero = part.zero_point
    minima = part.minima
    if minima is not None:
        middles = minima.astype(np.float64) + part.scales.astype(np.float64) * zero
        minima = middles.astype(np.float32)
    codes = (part.codes.astype(np.int16) - zero + middle).astype(np.uint8)
    size = codes.shape[-1]
    return Blocks(
        codes=codes.reshape(rows, -1, size),
        scales=np.ascontiguousarray(part.scales, np.float32).reshape(rows, -1),
        minima=None if minima is None else minima.reshape(rows, -1),
        bits=part.bits,
    )


def _half(raw: Bytes, start: int) -> Floats:
    """Read a float16 at byte `start` of each block as float32 [n]."""
    column = np.ascontiguousarray(raw[:, start : start + 2])
    return column.view("<f2")[:, 0].astype(np.float32)


def _nibbles(raw: Bytes) -> Bytes:
    """Return low nibbles, then high ones, along the last axis."""
    return np.concatenate([raw & 15, raw >> 4], axis=-1)


def _fifth_bits(raw: Bytes) -> Bytes:
    """Spread 32 bits over 32 codes as their bit 4."""
    return np.unpackbits(raw, axis=-1, bitorder="little") << np.uint8(4)


def _q4_0(raw: Bytes) -> _Decoded:
    return _Decoded(codes=_nibbles(raw[:, 2:]), scales=_half(raw, 0), zero_point=8, bits=4)


def _q4_1(raw: Bytes) -> _Decoded:
    return _Decoded(
        codes=_nibbles(raw[:, 4:]),
        scales=_half(raw, 0),
        minima=_half(raw, 2),
        zero_point=8,
        bits=4,
    )


def _q5_0(raw: Bytes) -> _Decoded:
    codes = _nibbles(raw[:, 6:]) | _fifth_bits(raw[:, 2:6])
    return _Decoded(codes=codes, scales=_half(raw, 0), zero_point=16, bits=8)


def _q5_1(raw: Bytes) -> _Decoded:
    codes = _nibbles(raw[:, 8:]) | _fifth_bits(raw[:, 4:8])
    return _Decoded(codes=codes, scales=_half(raw, 0), minima=_half(raw, 2), zero_point=16, bits=8)


def _q8_0(raw: Bytes) -> _Decoded:
    codes = np.ascontiguousarray(raw[:, 2:]).view(np.int8)
    return _Decoded(codes=codes, scales=_half(raw, 0), zero_point=0, bits=8)


def _k_scales(raw: Bytes) -> tuple[Floats, Floats]:
    """Fold the 6-bit scales and minima of 8 sub-blocks into floats [n, 8]; both are exact."""
    scales, minima = quants.Q4_K.get_scale_min(np.ascontiguousarray(raw[:, 4:16]))
    return (
        _half(raw, 0)[:, None] * scales.astype(np.float32),
        -_half(raw, 2)[:, None] * minima.astype(np.float32),
    )


def _q4_k(raw: Bytes) -> _Decoded:
    scales, minima = _k_scales(raw)
    codes = _nibbles(raw[:, 16:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return _Decoded(codes=codes, scales=scales, minima=minima, zero_point=8, bits=4)


def _q5_k(raw: Bytes) -> _Decoded:
    scales, minima = _k_scales(raw)
    low = _nibbles(raw[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    shifts = np.arange(8, dtype=np.uint8)[:, None]
    high = (raw[:, None, 16:48] >> shifts) & 1
    return _Decoded(codes=low | (high << 4), scales=scales, minima=minima, zero_point=16, bits=8)


def _q6_k(raw: Bytes) -> _Decoded:
    low = _nibbles(raw[:, :128].reshape(-1, 2, 64)).reshape(-1, 256)
    shifts = np.array([0, 2, 4, 6], np.uint8)[:, None]
    high = (raw[:, 128:192].reshape(-1, 2, 1, 32) >> shifts) & 3
    codes = low | (high.reshape(-1, 256) << 4)
    sub_scales = np.ascontiguousarray(raw[:, 192:208]).view(np.int8).astype(np.float32)
    scales = _half(raw, 208)[:, None] * sub_scales
    return _Decoded(codes=codes.reshape(-1, 16, 16), scales=scales, zero_point=32, bits=8)


_DECODERS = {
    GGMLQuantizationType.Q4_0: _q4_0,
    GGMLQuantizationType.Q4_1: _q4_1,
    GGMLQuantizationType.Q5_0: _q5_0,
    GGMLQuantizationType.Q5_1: _q5_1,
    GGMLQuantizationType.Q8_0: _q8_0,
    GGMLQuantizationType.Q4_K: _q4_k,
    GGMLQuantizationType.Q5_K: _q5_k,
    GGMLQuantizationType.Q6_K: _q6_k,
}
