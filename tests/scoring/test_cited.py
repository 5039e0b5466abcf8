"""Support by the cited passages alone."""

from collections.abc import Sequence

from nsllm.scoring.cited import with_cited
from nsllm.scoring.evidence import passage_chunk
from nsllm.types import Chunk, Claim, ClaimGrounding, Evidence

CHUNKS = [passage_chunk(text) for text in ("Cats purr.", "Dogs bark.", "Cows moo.")]


def ground(claims: Sequence[Claim], chunks: Sequence[Chunk]) -> list[ClaimGrounding]:
    """Support a claim by the first chunk that holds its words, fully; otherwise by 0.1."""
    found = []
    for claim in claims:
        words = claim.text.partition(" [")[0]
        best = next((n for n, chunk in enumerate(chunks, 1) if words in chunk.text), None)
        evidence = Evidence(marker=best or 1, text="")
        found.append(ClaimGrounding(claim=claim, score=1.0 if best else 0.1, evidence=evidence))
    return found


def cited(text: str, *markers: int) -> float | None:
    claim = Claim(start=0, end=len(text), text=text, markers=markers)
    [one] = with_cited(ground([claim], CHUNKS), CHUNKS, ground)
    return one.cited


def test_the_cited_passages_count_and_no_others() -> None:
    assert cited("Dogs bark. [2]", 2) == 1.0
    assert cited("Dogs bark. [3]", 3) == 0.1
    assert cited("Dogs bark. [3][2]", 3, 2) == 1.0


def test_claims_that_cite_nothing_that_is_there_have_no_such_score() -> None:
    assert cited("Dogs bark.") is None
    assert cited("Dogs bark. [9]", 9) is None
