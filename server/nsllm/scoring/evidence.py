"""The sentences of the passages that a claim can be compared with."""

from collections.abc import Callable, Sequence

import msgspec

from nsllm.documents.sentences import is_prose, split
from nsllm.types import Chunk, Evidence


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of the passage with this marker (counted from 1)."""

    marker: int
    chunk: Chunk
    start: int
    end: int
    index: int
    """Where it stands among the sentences of its passage."""

    @property
    def text(self) -> str:
        """The words of the sentence, as they stand in the passage."""
        return self.chunk.text[self.start : self.end]

    def as_evidence(self, last: "Place | None" = None) -> Evidence:
        """Locate the sentence, or all up to `last`, in the document where the passage has one."""
        text = self.chunk.text[self.start : (last or self).end]
        if not self.chunk.path:
            return Evidence(marker=self.marker, text=text)
        first = self.chunk.start_line + self.chunk.text.count("\n", 0, self.start)
        return Evidence(
            marker=self.marker,
            text=text,
            path=self.chunk.path,
            start_line=first,
            end_line=first + text.count("\n"),
        )


def places(chunks: Sequence[Chunk]) -> list[Place]:
    """Return every sentence of every chunk, in order."""
    return [
        Place(marker=marker, chunk=chunk, start=part.start, end=part.end, index=index)
        for marker, chunk in enumerate(chunks, start=1)
        for index, part in enumerate(split(chunk.text, prose=is_prose(chunk.path)))
    ]


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
