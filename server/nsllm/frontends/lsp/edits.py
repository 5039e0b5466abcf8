"""What an edit does to spans of a text."""

from nsllm.frontends.lsp.positions import Span


class Edit:
    """The difference of two texts: what lies between their common beginning and end."""

    def __init__(self, old: str, new: str) -> None:
        self.start = _common(old, new)
        tail = _common(old[self.start :][::-1], new[self.start :][::-1])
        self.end = len(old) - tail
        self._shift = len(new) - len(old)
        self._empty = old == new

    def touches(self, span: Span) -> bool:
        """Tell whether the edit changed a character within a span, or inserted one there."""
        return not (self._empty or span[1] <= self.start or self.end <= span[0])

    def carry(self, span: Span) -> Span | None:
        """Return where a span of the old text is in the new one; None if nothing of it is left.

        What was inserted at an edge of the span is not part of it; within it, it is.
        """
        start, end = span
        if self._empty or end <= self.start:
            return span
        if self.end <= start:
            return start + self._shift, end + self._shift
        if self.start <= start and end <= self.end:
            return None
        if self.start < start:
            return self.end + self._shift, end + self._shift
        if end < self.end:
            return start, self.start
        return start, end + self._shift


def _common(one: str, other: str) -> int:
    """Return the length of the longest common beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
