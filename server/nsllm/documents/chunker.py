"""Split documents into chunks: pure, on structure, within the embedder's context.

Chunks are in order, do not overlap, and hold every character that is not white space.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from nsllm.documents.headings import Section, is_bare_heading, is_markdown, sections
from nsllm.types import Chunk, Document

MAX_TOKENS = 160
# What the tokenizer takes for one unknown word may be a megabyte of base64.
MAX_CHARS = 2000
# A definition shorter than this is joined with the next, as is a heading without text.
MIN_TOKENS = 24
# To be raised whenever this code would split the same document differently.
_VERSION = 1

_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR = " > "

Span = tuple[int, int]


class Chunker:
    """Splits with the embedder's own tokenizer, so that no chunk is cut off by its context.

    Chunkers of the same `recipe` split a document in the same way.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int = MAX_TOKENS) -> None:
        digest = hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16]
        self.recipe = f"{_VERSION}-{max_tokens}-{MAX_CHARS}-{MIN_TOKENS}-{digest}"
        self._tokenizer = tokenizer
        self._markdown = MarkdownSplitter.from_huggingface_tokenizer(tokenizer, max_tokens)
        self._text = TextSplitter.from_huggingface_tokenizer(tokenizer, max_tokens)

    def split(self, document: Document) -> list[Chunk]:
        """Return the chunks of a document in reading order."""
        text = document.text
        splitter = self._markdown if is_markdown(document.path) else self._text
        line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        chunks: list[Chunk] = []
        for section in self._joined(document):
            body = text[section.start : section.end]
            for offset, piece in splitter.chunk_indices(body):
                start = section.start + offset
                for first, last in _limit(text, start, start + len(piece)):
                    chunks.append(
                        Chunk(
                            path=document.path,
                            start=first,
                            end=last,
                            start_line=bisect_right(line_starts, first),
                            end_line=bisect_right(line_starts, last - 1),
                            text=text[first:last],
                            heading=_SEPARATOR.join(section.trail),
                        )
                    )
        return chunks

    def _joined(self, document: Document) -> Iterator[Section]:
        """Yield the sections, each that is too short to stand alone joined with the next."""
        held: Section | None = None
        markdown = is_markdown(document.path)
        for section in sections(document.path, document.text):
            joined = section if held is None else _join(held, section)
            part = section if markdown else joined
            body = document.text[part.start : part.end]
            short = is_bare_heading(body) if markdown else self._is_short(body)
            held = joined if short else None
            if not short:
                yield joined
        if held is not None:
            yield held

    def _is_short(self, text: str) -> bool:
        if len(text) > MAX_CHARS:
            return False
        return len(self._tokenizer.encode(text, add_special_tokens=False)) < MIN_TOKENS


def _join(first: Section, second: Section) -> Section:
    """Join neighbours under the trail that holds for both, or that of the one that leads."""
    common = [a for a, b in zip(first.trail, second.trail, strict=False) if a == b]
    nested = second.trail[: len(first.trail)] == first.trail
    trail = second.trail if nested else tuple(common)
    return Section(start=first.start, end=second.end, trail=trail)


def _limit(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield pieces of [start, end) of up to MAX_CHARS, trimmed, broken at white space if any."""
    while end - start > MAX_CHARS:
        middle = start + MAX_CHARS
        space = max(text.rfind(mark, start + 1, middle) for mark in (" ", "\n", "\t"))
        middle = space if space > start else middle
        yield from _trimmed(text, start, middle)
        start = middle
    yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    if start < end:
        yield start, end
