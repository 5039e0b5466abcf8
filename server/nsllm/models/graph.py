"""Builds an ONNX graph node by node; large tensors go straight to a data file beside it."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nsllm.models.quantisation import Blocks, Dense, Floats, Rows

OPSET = 21
IR_VERSION = 10
MODEL_FILE = "model.onnx"

_CONTRIBUTED = frozenset(
    {
        "BiasGelu",
        "FusedMatMul",
        "GatherBlockQuantized",
        "GroupQueryAttention",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "MultiHeadAttention",
        "SkipLayerNormalization",
        "SkipSimplifiedLayerNormalization",
    }
)
Attribute = int | float | str

_INLINE_BYTES = 1024
_ALIGNMENT = 4096

ACTIVATIONS_FLOAT = 0
ACTIVATIONS_INT8 = 4
"""Values of MatMulNBits' `accuracy_level`: what the inputs are rounded to, block by block."""


class GraphBuilder:
    """Collects nodes and constants; `save` writes model.onnx.

    Constants are written as they come, so that a model larger than memory can be built. Without
    `external`, everything stays in model.onnx (2 GB at most).
    """

    def __init__(
        self, folder: Path, *, external: bool, accuracy_level: int = ACTIVATIONS_INT8
    ) -> None:
        self._path = folder / MODEL_FILE
        self._accuracy_level = accuracy_level
        self._data = (folder / f"{MODEL_FILE}.data").open("wb") if external else None
        self._constants: dict[str, onnx.TensorProto] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._sums: dict[tuple[str, int], str] = {}
        self._converted: dict[str, str] = {}
        self._rounded: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._data:
            self._data.close()

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        """Declare an input of the graph; `kind` is a TensorProto data type."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, kind: int, shape: Sequence[int | str]) -> None:
        """Declare that the value `name` leaves the graph."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant once; a second one of the same name is the first."""
        if name in self._constants:
            return name
        array = np.asarray(array, order="C")
        if self._data is None or array.nbytes < _INLINE_BYTES:
            self._constants[name] = numpy_helper.from_array(array, name)
            return name
        self._data.write(b"\0" * (-self._data.tell() % _ALIGNMENT))
        tensor = TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        place = {
            "location": Path(self._data.name).name,
            "offset": str(self._data.tell()),
            "length": str(array.nbytes),
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=value)
        self._data.write(array.data)
        self._constants[name] = tensor
        return name

    def integers(self, *values: int) -> str:
        """Add a constant int64 vector."""
        name = "_".join(["i64", *map(str, values)])
        return self.constant(name, np.array(values, np.int64))

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> str:
        """Add a node with one output, and return its name."""
        return self.add_many(op, inputs, [output], **attributes)[0]

    def add_many(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Attribute
    ) -> Sequence[str]:
        """Add a node with several outputs, '' for those that are not wanted."""
        domain = "com.microsoft" if op in _CONTRIBUTED else ""
        name = f"{op}_{next(filter(None, outputs))}"
        node = helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes)
        self._nodes.append(node)
        return outputs

    def floats(self, name: str, array: Dense) -> str:
        """Add a constant that is float32 in the graph, whichever precision it is stored in.

        ONNX Runtime converts it once, when the model is loaded.
        """
        if array.dtype == np.float32:
            return self.constant(name, array)
        if name not in self._converted:
            half = self.constant(name, array)
            self._converted[name] = self.add("Cast", [half], f"{name}.float", to=TensorProto.FLOAT)
        return self._converted[name]

    def matmul(self, x: str, weights: Blocks | Rows | Dense, output: str) -> str:
        """Multiply `x` [..., K] by the transpose of `weights` [N, K]."""
        if isinstance(weights, Rows):
            return self._row_matmul(x, weights, output)
        if isinstance(weights, Blocks):
            return self.block_matmul(x, weights, output, self.block_constants(output, weights))
        return self.add("MatMul", [x, self.floats(f"{output}.weight", weights.T)], output)

    def _row_matmul(self, x: str, weights: Rows, output: str) -> str:
        """Multiply `x`, rounded to eight bits, by a matrix in rows.

        About twice as fast as blocks, whose every block of inputs has a scale of its own.
        """
        inputs = [
            self._round(x, weights.steps),
            self.constant(f"{output}.codes", weights.codes.T),
            self.constant("one", np.array(1, np.float32)),
            self.constant(f"{output}.scales", weights.scales),
            self.constant("middle", np.array(128, np.uint8)),
        ]
        return self.add("MatMulIntegerToFloat", inputs, output)

    def _round(self, x: str, steps: Floats) -> str:
        """Round `x` to multiples of its columns' steps; matrices with the same input share that."""
        if x not in self._rounded:
            factors = self.constant(f"{x}.factors", 1 / steps)
            scaled = self.add("Mul", [x, factors], f"{x}.scaled")
            one = self.constant("one", np.array(1, np.float32))
            middle = self.constant("middle", np.array(128, np.uint8))
            self._rounded[x] = self.add("QuantizeLinear", [scaled, one, middle], f"{x}.rounded")
        return self._rounded[x]

    def block_constants(self, name: str, weights: Blocks) -> tuple[str, str]:
        """Add the codes [N, K/block, bytes] and the scales [N, K/block] of a matrix."""
        return (
            self.constant(f"{name}.codes", weights.packed()),
            self.constant(f"{name}.scales", weights.scales),
        )

    def block_matmul(self, x: str, weights: Blocks, output: str, constants: tuple[str, str]) -> str:
        """Multiply `x` by a matrix in blocks.

        MatMulNBits takes `scale * code` alone: its own zero points are either integers, which
        block minima are not, or slow. What a minimum adds is (sum of the block's inputs) * minimum,
        a second product with one column for each block.
        """
        rows, blocks = weights.scales.shape
        product = self.add(
            "MatMulNBits",
            [x, *constants],
            output if weights.minima is None else f"{output}.scaled",
            K=blocks * weights.block_size,
            N=rows,
            bits=weights.bits,
            block_size=weights.block_size,
            accuracy_level=self._accuracy_level,
        )
        if weights.minima is None:
            return product
        minima = self.constant(f"{output}.minima", weights.minima.T)
        rest = self.add("MatMul", [self._block_sums(x, weights), minima], f"{output}.shift")
        return self.add("Add", [product, rest], output)

    def _block_sums(self, x: str, weights: Blocks) -> str:
        """Sum `x` over each block; matrices with the same input share the sums."""
        key = (x, weights.block_size)
        if key not in self._sums:
            shape = self.integers(0, 0, weights.scales.shape[1], weights.block_size)
            name = f"{x}.sums{weights.block_size}"
            split = self.add("Reshape", [x, shape], f"{name}.split")
            axis = self.integers(3)
            self._sums[key] = self.add("ReduceSum", [split, axis], name, keepdims=0)
        return self._sums[key]

    def save(self, name: str) -> None:
        """Write model.onnx."""
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, list(self._constants.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="nsllm"
        )
        self._path.write_bytes(model.SerializeToString())
