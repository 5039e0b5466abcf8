"""Reads GGUF files, and turns whatever is wrong with one into an error that names it.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, ReaderTensor
from numpy.typing import DTypeLike, NDArray

from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models.quantisation import Blocks, Dense, Floats, read_matrix

_T = TypeVar("_T")

# What the reader raises for a file that is cut off or whose header is damaged.
_DAMAGE = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class _BoundedReader(GGUFReader):  # type: ignore[misc] # gguf's own annotations are skipped
    """Refuses to read past the end, so that a damaged length cannot keep it busy for hours."""

    def _get(
        self,
        offset: int,
        dtype: DTypeLike,
        count: int = 1,
        override_order: Literal["I", "S", "<"] | None = None,
    ) -> NDArray[Any]:
        if int(offset) + np.dtype(dtype).itemsize * int(count) > len(self.data):
            raise ValueError("the file ends before its data does")
        piece: NDArray[Any] = super()._get(int(offset), dtype, count, override_order)
        return piece


class GgufFile:
    """The metadata and tensors of one file.

    Raises:
        ModelCorruptError: the file is no GGUF file, is cut off or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Zero dimensions and the like make numpy warn before the reader fails.
            with np.errstate(all="ignore"):
                self._reader = _BoundedReader(path)
        except _DAMAGE as error:
            raise self.corrupt(str(error)) from error
        except OSError as error:
            raise ModelCorruptError(
                f"{path} cannot be read: {error.strerror or error}.",
                hint="Check the path and its permissions.",
            ) from error
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    def corrupt(self, reason: str) -> ModelCorruptError:
        """Return the error for a file that is damaged in the way that `reason` says."""
        return ModelCorruptError(
            f"{self.path.name} is not a sound GGUF file: {reason}.",
            hint="It may have been cut off on its way: fetch it again and compare its size.",
        )

    def unsupported(self, reason: str) -> ModelUnsupportedError:
        """Return the error for a sound file that asks for what is not built here."""
        return ModelUnsupportedError(
            f"{self.path.name} cannot be imported: {reason}.",
            hint="docs/MODELS.md lists the architectures, tokenizers and quantisations.",
        )

    def find(self, key: str, kind: type[_T]) -> _T | None:
        """Return a metadata value, None where there is none."""
        field = self._reader.get_field(key)
        if field is None:
            return None
        try:
            value = field.contents()
        except _DAMAGE as error:
            raise self.corrupt(f"its {key} cannot be read") from error
        if kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, kind):
            raise self.corrupt(f"its {key} is a {type(value).__name__}, not a {kind.__name__}")
        return value

    def get(self, key: str, kind: type[_T]) -> _T:
        """Return a metadata value that must be there."""
        value = self.find(key, kind)
        if value is None:
            raise self.corrupt(f"it has no {key}")
        return value

    @property
    def tensor_names(self) -> Collection[str]:
        """The names of all tensors."""
        return self._tensors.keys()

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(int(tensor.n_elements) for tensor in self._tensors.values())

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, rows first."""
        return tuple(int(size) for size in reversed(self._tensor(name).shape))

    def vector(self, name: str, size: int) -> Floats:
        """Return a tensor float32 [size]."""
        values = self._check(name, (size,)).data.astype(np.float32)
        return np.asarray(values).reshape(size)

    def matrix(self, name: str, rows: int, columns: int) -> Blocks | Dense:
        """Return a tensor [rows, columns]."""
        tensor = self._check(name, (rows, columns))
        return read_matrix(tensor.data, tensor.tensor_type)

    def raw(self, name: str) -> tuple[NDArray[Any], GGMLQuantizationType]:
        """Return a tensor as the file holds it, with its type."""
        tensor = self._tensor(name)
        return tensor.data, tensor.tensor_type

    def _tensor(self, name: str) -> ReaderTensor:
        if name not in self._tensors:
            raise self.corrupt(f"it has no tensor {name}")
        return self._tensors[name]

    def _check(self, name: str, shape: tuple[int, ...]) -> ReaderTensor:
        if self.shape(name) != shape:
            raise self.corrupt(f"its tensor {name} is {self.shape(name)}, not {shape}")
        return self._tensor(name)
