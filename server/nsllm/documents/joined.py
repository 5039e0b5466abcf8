"""Sentences in one line of text, as the encoders that mark single sentences read them."""

from collections.abc import Iterable

import msgspec


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Some parts in one line; `spans` are where they stand in `text`."""

    text: str
    spans: tuple[tuple[int, int], ...]


def joined(parts: Iterable[str], between: str) -> Joined:
    """Join parts, each on one line, with `between` from one to the next."""
    text, spans = "", []
    for number, part in enumerate(parts):
        text += between if number else ""
        start = len(text)
        text += " ".join(part.split())
        spans.append((start, len(text)))
    return Joined(text=text, spans=tuple(spans))
