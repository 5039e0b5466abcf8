"""Find single readings that jump away and come straight back."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

#: A jump counts as a spike above this multiple of the median step.
DEFAULT_FACTOR = 8.0

#: Series shorter than this are returned untouched: their median means nothing.
MIN_LENGTH = 15


def find_spikes(values: Sequence[float], factor: float = DEFAULT_FACTOR) -> list[int]:
    """Return the indices of spikes, in rising order.

    A spike is one reading only. Two bad readings in a row are left alone,
    since a flood wave can look just like that.

    >>> find_spikes([1.0] * 10 + [50.0] + [1.0] * 10)
    [10]
    """
    if len(values) < MIN_LENGTH:
        return []
    steps = [abs(b - a) for a, b in pairwise(values)]
    limit = factor * max(median(steps), 1e-9)
    return [
        i
        for i in range(1, len(values) - 1)
        if steps[i - 1] > limit and steps[i] > limit and _returns(values, i, limit)
    ]


def _returns(values: Sequence[float], i: int, limit: float) -> bool:
    """Tell whether the series is back near its old level right after index i."""
    return abs(values[i + 1] - values[i - 1]) <= limit
