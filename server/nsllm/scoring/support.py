"""What a grounding model says of a claim beside a text; `nsllm.models.grounder` runs one."""

from collections.abc import Callable, Sequence

import msgspec


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the model says of one claim beside one text.

    `logit` is the log odds that the text supports the claim. `tokens` are the claim's tokens as
    (start, end, probability that it is not supported), offsets in characters of the claim.
    """

    logit: float
    tokens: tuple[tuple[int, int, float], ...]


Read = Callable[[Sequence[tuple[str, str]]], list[Reading]]
"""Reads pairs of a claim and a text to find its support in."""
