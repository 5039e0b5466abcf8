"""Quantiles of what was measured."""

from collections.abc import Sequence

import msgspec


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Median and 95th percentile of durations, in milliseconds."""

    p50_ms: float
    p95_ms: float


def quantiles(durations_ms: Sequence[float]) -> Quantiles:
    """Return the quantiles by the nearest rank (Hyndman and Fan 1996, definition 1).

    Raises:
        ValueError: nothing was measured.
    """
    if not durations_ms:
        raise ValueError("nothing was measured")
    ranked = sorted(durations_ms)

    def at(share_percent: int) -> float:
        rank = -(-share_percent * len(ranked) // 100)
        return round(ranked[max(rank, 1) - 1], 3)

    return Quantiles(p50_ms=at(50), p95_ms=at(95))
