"""A GGUF file's metadata and tensors, and errors that name whatever is wrong with it."""

from collections.abc import Collection
from math import prod
from pathlib import Path
from typing import TypeVar

import numpy as np
from gguf import GGMLQuantizationType

from nsllm.errors import ModelCorruptError, ModelUnsupportedError
from nsllm.models.gguf_header import DamagedError, TensorInfo, read_header
from nsllm.models.quantisation import Blocks, Bytes, Dense, Floats, read_matrix

_T = TypeVar("_T")


class GgufFile:
    """The metadata and tensors of one file.

    Raises:
        ModelCorruptError: the file is no GGUF file, is cut off or contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            header = read_header(path)
        except DamagedError as error:
            raise self.corrupt(str(error)) from error
        except (OSError, ValueError) as error:
            raise ModelCorruptError(
                f"{path} cannot be read: {error}.", hint="Check the path and its permissions."
            ) from error
        self._metadata = header.metadata
        self._tensors = header.tensors

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
        value = self._metadata.get(key)
        if value is None:
            return None
        if kind is float and type(value) is int:
            value = float(value)
        # A bool is an int to Python, but not to the format.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
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
        return sum(prod(tensor.shape) for tensor in self._tensors.values())

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, rows first."""
        return self._tensor(name).shape

    def vector(self, name: str, size: int) -> Floats:
        """Return a tensor float32 [size]."""
        info = self._check(name, (size,))
        if info.kind is not GGMLQuantizationType.F32:
            raise self.unsupported(f"its tensor {name} is {info.kind.name}, not F32")
        return self._read(info).view("<f4").astype(np.float32)

    def matrix(self, name: str, rows: int, columns: int) -> Blocks | Dense:
        """Return a tensor [rows, columns]."""
        info = self._check(name, (rows, columns))
        return read_matrix(self._read(info).reshape(rows, -1), info.kind)

    def _read(self, info: TensorInfo) -> Bytes:
        data: Bytes = np.memmap(self.path, np.uint8, "r", info.offset, (info.size_bytes,))
        return data

    def _tensor(self, name: str) -> TensorInfo:
        if name not in self._tensors:
            raise self.corrupt(f"it has no tensor {name}")
        return self._tensors[name]

    def _check(self, name: str, shape: tuple[int, ...]) -> TensorInfo:
        if self.shape(name) != shape:
            raise self.corrupt(f"its tensor {name} is {self.shape(name)}, not {shape}")
        return self._tensor(name)
