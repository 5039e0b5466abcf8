"""Reads the header of a GGUF file: metadata, and where each tensor lies.

The gguf package has a reader, but one that makes an object of every number and trusts every length:
a damaged file can cost it all memory. This one checks each length against the file first.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from math import prod
from pathlib import Path
from typing import Any

import msgspec
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

VERSIONS = (2, 3)
MAX_DIMENSIONS = 4
MAX_ITEMS = 1 << 23
"""Metadata entries, tensors, or items of an array; the largest vocabularies have 2**18."""

_MAGIC = b"GGUF"
_ALIGNMENT = 32
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",  # uint8
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}


class DamagedError(Exception):
    """The bytes are no sound header; says why."""


class TensorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tensor lies in the file."""

    shape: tuple[int, ...]
    """Rows first, as numpy counts; the file counts the other way."""
    kind: GGMLQuantizationType
    offset: int
    size_bytes: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself."""

    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]


def read_header(path: Path) -> Header:
    """Read the header, and check that the tensors are within the file.

    Raises:
        DamagedError: it is no GGUF file, is cut off, or contradicts itself.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != _MAGIC:
            raise DamagedError("it does not begin with GGUF")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            return _Cursor(body).header()


class _Cursor:
    """A place in the file that moves on with each value that is read."""

    def __init__(self, body: mmap.mmap) -> None:
        self._body = body
        self._at = len(_MAGIC)

    def header(self) -> Header:
        version = self._scalar("I")
        if version not in VERSIONS:
            raise DamagedError(f"its version is {version}, not one of {VERSIONS}")
        tensors, entries = self._count(), self._count()
        metadata: dict[str, Any] = {}
        for _ in range(entries):
            key = self._text()
            metadata[key] = self._value(self._scalar("I"))
        infos = [self._tensor() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise DamagedError(f"its alignment is {alignment}")
        start = self._at + -self._at % alignment
        return Header(metadata=metadata, tensors=self._place(infos, start))

    def _place(self, infos: list[tuple[str, TensorInfo]], start: int) -> dict[str, TensorInfo]:
        placed: dict[str, TensorInfo] = {}
        for name, info in infos:
            offset = start + info.offset
            if offset + info.size_bytes > len(self._body):
                raise DamagedError(f"it ends before its tensor {name} does")
            if name in placed:
                raise DamagedError(f"it has two tensors {name}")
            placed[name] = msgspec.structs.replace(info, offset=offset)
        return placed

    def _tensor(self) -> tuple[str, TensorInfo]:
        name = self._text()
        dimensions = self._scalar("I")
        if not 1 <= dimensions <= MAX_DIMENSIONS:
            raise DamagedError(f"its tensor {name} has {dimensions} dimensions")
        shape = tuple(reversed([self._scalar("Q") for _ in range(dimensions)]))
        number, offset = self._scalar("I"), self._scalar("Q")
        try:
            kind = GGMLQuantizationType(number)
        except ValueError as error:
            raise DamagedError(f"its tensor {name} is of the unknown type {number}") from error
        block, width = GGML_QUANT_SIZES[kind]
        if prod(shape) < 1 or shape[-1] % block:
            raise DamagedError(f"its tensor {name} is of the shape {shape}")
        size = prod(shape) // block * width
        return name, TensorInfo(shape=shape, kind=kind, offset=offset, size_bytes=size)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._text()
        if kind != _ARRAY:
            return self._scalar(self._code(kind))
        item, count = self._scalar("I"), self._count()
        if item == _STRING:
            return [self._text() for _ in range(count)]
        if item == _ARRAY:
            raise DamagedError("it has arrays of arrays")
        code = f"<{count}{self._code(item)}"
        return list(struct.unpack(code, self._take(struct.calcsize(code))))

    @staticmethod
    def _code(kind: int) -> str:
        if kind not in _SCALARS:
            raise DamagedError(f"it has a value of the unknown type {kind}")
        return _SCALARS[kind]

    def _scalar(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self._take(struct.calcsize(f"<{code}")))[0]

    def _count(self) -> int:
        count: int = self._scalar("Q")
        if count > MAX_ITEMS:
            raise DamagedError(f"it counts {count} items")
        return count

    def _text(self) -> str:
        body = self._take(self._scalar("Q"))
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedError("a text in it is not UTF-8") from error

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._body):
            raise DamagedError("it ends within its header")
        piece = self._body[self._at : end]
        self._at = end
        return piece
