"""What the source says instead of a claim: its one sentence that is closest in words."""

from functools import lru_cache
from pathlib import Path

import msgspec

from nsllm.documents.sentences import is_prose, split
from nsllm.frontends.lsp.regions import normal_form
from nsllm.types import Evidence, Finding

_ON_WORDS = frozenset({"grounding.claim"})
"""Rules that may point at some words of the claim that they are about."""


def claim_span(text: str, finding: Finding) -> tuple[int, int]:
    """Return the span of what a finding is about: of the whole claim where it is on its words."""
    if finding.rule in _ON_WORDS:
        for start, end in _sentence_spans(text):
            if start <= finding.start and finding.end <= end:
                return start, end
    return finding.start, finding.end


@lru_cache(maxsize=8)
def _sentence_spans(text: str) -> list[tuple[int, int]]:
    return [(sentence.start, sentence.end) for sentence in split(text)]


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a source on one line, and where it stands; lines count from 1."""

    text: str
    path: str | None
    start_line: int
    end_line: int


def quote(finding: Finding, claim: str) -> Quote | None:
    """Return the sentence of the evidence that shares the largest part of the claim's words.

    Evidence may be two neighbouring sentences, or one under its heading.
    """
    evidence = finding.evidence
    if evidence is None or not evidence.text.strip():
        return None
    start, end = _closest(evidence, claim)
    first = (evidence.start_line or 1) + evidence.text.count("\n", 0, start)
    return Quote(
        text=" ".join(evidence.text[start:end].split()),
        path=evidence.path if evidence.start_line else None,
        start_line=first,
        end_line=first + evidence.text.count("\n", start, end),
    )


def place_of(quoted: Quote, root: Path | None) -> Path | None:
    """Return the file that a quote is from; None where it is from no file."""
    return root / quoted.path if root and quoted.path else None


def _closest(evidence: Evidence, claim: str) -> tuple[int, int]:
    wanted = set(normal_form(claim).split())
    spans = [
        (s.start, s.end)
        for s in split(evidence.text, prose=is_prose(evidence.path or ""))
        if s.kind != "heading"
    ]
    return max(
        spans or [(0, len(evidence.text))],
        key=lambda span: _likeness(wanted, set(normal_form(evidence.text[slice(*span)]).split())),
    )


def _likeness(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
