"""Read JSON Lines, naming the line that is wrong."""

import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from nsllm.errors import UsageError

_T = TypeVar("_T")


def decode_lines(path: Path | None, kind: type[_T]) -> Iterator[_T]:
    """Yield one record for each line that is not blank; `-` reads standard input.

    Raises:
        UsageError: the file cannot be read, or a line does not fit; names the line.
    """
    if path is None:
        return
    decoder = msgspec.json.Decoder(kind)
    for number, read in enumerate(_lines(path), start=1):
        line = read.removeprefix(BOM_UTF8) if number == 1 else read
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: {_reason(error)}.",
                hint=f"Each line is one JSON object with {_fields(kind)}.",
            ) from error


def _lines(path: Path) -> Iterator[bytes]:
    if str(path) == "-":
        yield from sys.stdin.buffer
        return
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Check the name and its permissions."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    return str(error)


def _fields(kind: type) -> str:
    fields = msgspec.structs.fields(kind)
    return ", ".join(f"`{f.name}`" if f.required else f"`{f.name}` (optional)" for f in fields)
