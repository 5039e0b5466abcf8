"""Convert between character offsets and the line and column of the protocol.

Lines end at LF, CRLF or CR and nowhere else (Language Server Protocol 3.17, "Text Documents"),
which is fewer places than `str.splitlines` knows.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Position = tuple[int, int]
"""Line and column, both from 0, the column in units of the encoding."""
Span = tuple[int, int]
"""Character offsets [start, end)."""

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
_END_OF_LINE = re.compile("\r\n|\r|\n")


def units(text: str, encoding: Encoding) -> int:
    """Return the length of a text in units of the encoding; a lone surrogate counts as one."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)


class Lines:
    """Where the lines of one text begin and end."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.text = text
        self._encoding = encoding
        self._starts = [0]
        self._ends: list[int] = []
        for match in _END_OF_LINE.finditer(text):
            self._ends.append(match.start())
            self._starts.append(match.end())
        self._ends.append(len(text))

    def __len__(self) -> int:
        return len(self._starts)

    def span(self, line: int) -> Span:
        """Return the offsets of a line without its ending."""
        return self._starts[line], self._ends[line]

    def line_at(self, offset: int) -> int:
        """Return the number, from 0, of the line that holds an offset."""
        return bisect_right(self._starts, offset) - 1

    def position(self, offset: int) -> Position:
        """Return the position of an offset; between CR and LF it is the end of the line."""
        offset = max(0, min(offset, len(self.text)))
        line = self.line_at(offset)
        start, end = self.span(line)
        return line, units(self.text[start : min(offset, end)], self._encoding)

    def offset(self, position: Position) -> int:
        """Return the offset of a position.

        Beyond the end of its line, a position means that end; within a character, its start.
        """
        line, column = position
        if line >= len(self._starts):
            return len(self.text)
        start, end = self.span(max(0, line))
        row = self.text[start:end]
        if self._encoding == "utf-32" or row.isascii():
            return start + max(0, min(column, len(row)))
        counted = 0
        for index, character in enumerate(row):
            counted += units(character, self._encoding)
            if counted > column:
                return start + index
        return end

    def range(self, span: Span) -> dict[str, Any]:
        """Return a span as an LSP range."""
        return {"start": _point(self.position(span[0])), "end": _point(self.position(span[1]))}

    def span_of(self, lsp_range: Mapping[str, Any]) -> Span:
        """Return an LSP range as a span; one that is turned round is turned back."""
        ends = [self.offset(_pair(lsp_range[key])) for key in ("start", "end")]
        return min(ends), max(ends)

    def lines_range(self, first: int, last: int) -> dict[str, Any]:
        """Return the LSP range of whole lines, counted from 1 and both included."""
        top = max(0, min(first - 1, len(self) - 1))
        bottom = max(top, min(last - 1, len(self) - 1))
        return self.range((self.span(top)[0], self.span(bottom)[1]))


def apply_changes(text: str, changes: Sequence[Mapping[str, Any]], encoding: Encoding) -> str:
    """Return the text after the content changes of one didChange notification, in order."""
    for change in changes:
        if change.get("range") is None:
            text = change["text"]
        else:
            start, end = Lines(text, encoding).span_of(change["range"])
            text = text[:start] + change["text"] + text[end:]
    return text


def without_surrogates(text: str) -> str:
    """Return the text with each lone surrogate replaced, offsets kept.

    Editors may hold half a character; neither tokenizers nor databases can.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text


def _point(position: Position) -> dict[str, int]:
    return {"line": position[0], "character": position[1]}


def _pair(point: Mapping[str, Any]) -> Position:
    return int(point["line"]), int(point["character"])
