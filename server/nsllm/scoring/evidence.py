"""The windows of text in the passages that a claim can be compared with."""

from collections.abc import Callable, Sequence

import msgspec

from nsllm.documents.sentences import Sentence, is_prose, split
from nsllm.types import Chunk, Evidence


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One or two neighbouring sentences of the passage with this marker (counted from 1)."""

    marker: int
    chunk: Chunk
    start: int
    end: int

    @property
    def text(self) -> str:
        """The words of the window, as they stand in the passage."""
        return self.chunk.text[self.start : self.end]

    def as_evidence(self) -> Evidence:
        """Locate the window in its document, where the passage has one."""
        if not self.chunk.path:
            return Evidence(marker=self.marker, text=self.text)
        first = self.chunk.start_line + self.chunk.text.count("\n", 0, self.start)
        return Evidence(
            marker=self.marker,
            text=self.text,
            path=self.chunk.path,
            start_line=first,
            end_line=first + self.text.count("\n"),
        )


def windows(chunks: Sequence[Chunk]) -> list[Window]:
    """Return every sentence of every chunk, and every pair of neighbours."""
    found: list[Window] = []
    for marker, chunk in enumerate(chunks, start=1):
        parts = split(chunk.text, prose=is_prose(chunk.path))
        for width in (1, 2):
            found += [
                Window(marker=marker, chunk=chunk, start=first.start, end=last.end)
                for first, last in _runs(parts, width)
            ]
    return found


def blank(chunk: Chunk, is_generated: Callable[[str], bool]) -> Chunk:
    """Return the chunk with spaces for each sentence of which `is_generated` is true."""
    text = chunk.text
    for sentence in split(chunk.text, prose=is_prose(chunk.path)):
        words = chunk.text[sentence.start : sentence.end]
        if is_generated(words):
            spaces = "".join(c if c.isspace() else " " for c in words)
            text = text[: sentence.start] + spaces + text[sentence.end :]
    return chunk if text is chunk.text else msgspec.structs.replace(chunk, text=text)


def passage_chunk(text: str) -> Chunk:
    """Wrap a passage that comes without a document."""
    return Chunk(
        path="", start=0, end=len(text), start_line=1, end_line=1 + text.count("\n"), text=text
    )


def _runs(parts: list[Sentence], width: int) -> list[tuple[Sentence, Sentence]]:
    return [(parts[i], parts[i + width - 1]) for i in range(len(parts) - width + 1)]
