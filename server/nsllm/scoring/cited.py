"""How far the passages that a claim cites support it, whatever the other passages say."""

from collections.abc import Callable, Sequence

import msgspec

from nsllm.types import Chunk, Claim, ClaimGrounding

Ground = Callable[[Sequence[Claim], Sequence[Chunk]], Sequence[ClaimGrounding]]
"""Scores claims against chunks, in the order of the claims."""


def with_cited(
    grounded: Sequence[ClaimGrounding], chunks: Sequence[Chunk], ground: Ground
) -> tuple[ClaimGrounding, ...]:
    """Add to each claim with markers of `chunks` the score of the passages that it cites.

    Where the best evidence is cited already nothing is computed again.
    """
    return tuple(_add(one, chunks, ground) for one in grounded)


def _add(one: ClaimGrounding, chunks: Sequence[Chunk], ground: Ground) -> ClaimGrounding:
    markers = [marker for marker in one.claim.markers if 1 <= marker <= len(chunks)]
    if not markers:
        return one
    if one.evidence is not None and one.evidence.marker in markers:
        return msgspec.structs.replace(one, cited=one.score)
    [alone] = ground([one.claim], [chunks[marker - 1] for marker in markers])
    # Fewer passages cannot support more: what is left is the scorer's noise.
    return msgspec.structs.replace(one, cited=min(alone.score, one.score))
