"""Citation markers that lead nowhere, and claims of an answer that cite nothing."""

import re
from collections.abc import Iterator

from nsllm.governance.rules import Observation, Options, Rule, Subject
from nsllm.scoring.claims import without_markers
from nsllm.types import Severity

_MARKER = re.compile(r"\[(\d{1,3})\](?!\()")


def find_unknown(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find markers that point to no passage."""
    if subject.passages is None:
        return
    for match in _MARKER.finditer(subject.text):
        if not 1 <= int(match[1]) <= subject.passages:
            message = f"There is no source [{match[1]}]; there are {subject.passages}."
            yield Observation(start=match.start(), end=match.end(), message=message)


def find_missing(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find claims that cite no source, in texts that were written with numbered sources."""
    if subject.mode is None:
        return
    for grounded in subject.measurement.claims:
        claim = grounded.claim
        if not claim.markers and without_markers(claim.text):
            yield Observation(
                start=claim.start,
                end=claim.end,
                message="This claim cites no source.",
                evidence=grounded.evidence,
            )


RULES = (
    Rule(
        id="citation.unknown",
        summary="A citation marker that leads to no source.",
        find=find_unknown,
        options=Options(),
        advice="Cite a source that is there, or take the marker out.",
    ),
    Rule(
        id="citation.missing",
        summary="A claim of an answer that cites no source.",
        find=find_missing,
        measured=True,
        options=Options(severity=Severity.WARN, applies_to=("answer",)),
        strict={"severity": "reject"},
        permissive={"enabled": False},
        advice="Cite the source of the claim.",
    ),
)
