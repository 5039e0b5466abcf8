"""Citation markers that lead nowhere, and claims of an answer that cite nothing."""

from collections.abc import Iterator

from nsllm.governance.rules import LowScore, Observation, Options, Rule, Subject
from nsllm.scoring.claims import MARKER, without_markers
from nsllm.types import Severity


def find_unknown(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find markers that point to no passage; those within a quotation are the document's own."""
    if subject.passages is None or subject.mode == "extract":
        return
    for match in MARKER.finditer(subject.text):
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


def find_unsupporting(subject: Subject, options: LowScore) -> Iterator[Observation]:
    """Measure how far the cited passages support each claim that a passage does support.

    What no passage supports is the finding of another rule. A document's markers do not number the
    passages that it is compared with.
    """
    if subject.passages is None:
        return
    for grounded in subject.measurement.claims:
        claim, evidence = grounded.claim, grounded.evidence
        if grounded.cited is None or grounded.score < max(options.warn, grounded.cited):
            continue
        listed = " and ".join(f"[{marker}]" for marker in dict.fromkeys(claim.markers))
        better = f"; [{evidence.marker}] does" if evidence else ""
        yield Observation(
            start=claim.start,
            end=claim.end,
            message=f"{listed} hardly supports this{better} (grounding {grounded.cited:.2f}).",
            value=grounded.cited,
            evidence=evidence,
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
        id="citation.unsupported",
        summary="A claim that a source supports, but not the one that it cites.",
        find=find_unsupporting,
        measured=True,
        options=LowScore(warn=0.5, reject=0.0, severity=Severity.WARN),
        strict={"warn": 0.6, "reject": 0.3, "severity": "reject"},
        permissive={"warn": 0.3},
        advice="Cite the source that says so.",
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
