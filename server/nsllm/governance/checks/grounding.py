"""Claims that the passages do not support."""

import re
from collections.abc import Iterator

from nsllm.documents.sentences import is_prose
from nsllm.governance.rules import LowScore, Observation, Options, Rule, Subject
from nsllm.scoring.borrowed import borrowed
from nsllm.scoring.words import content_words
from nsllm.types import ClaimGrounding, Severity

_LEAST_WORDS = 3
"""Of a claim that a source can be told to be about."""
_SHARED = 0.8
_SHARED_WITH_AMOUNT = 0.5
_SHARED_WITH_CODE = 0.7
"""Share of a claim's words in its evidence from which the evidence is about the same thing."""
_AMOUNTS = frozenset({"number", "date", "version", "unit"})
_LABEL_WORDS = 6
_REFERENCE = re.compile(r"#\d+|https?://[^\s<>()\"'`\]]+")
"""The number of an issue and an address: where to look, and not what is said."""


def find_unsupported(subject: Subject, _options: LowScore) -> Iterator[Observation]:
    """Measure how far each claim is supported: on its unsupported words, where they are known.

    A text that people wrote may say what is new: of it only claims are measured that a source is
    about, each as one.
    """
    for grounded in subject.measurement.claims:
        if not subject.generated and (not _has_rival(grounded) or _is_label(grounded.claim.text)):
            continue
        for start, end in _spans(grounded, apart=subject.generated):
            yield Observation(
                start=start,
                end=end,
                message=_unsupported(grounded),
                value=grounded.score,
                evidence=grounded.evidence,
            )


def find_unsourced(subject: Subject, _options: LowScore) -> Iterator[Observation]:
    """Measure the claims of a text by people that no source is about."""
    for grounded in () if subject.generated else subject.measurement.claims:
        if not _has_rival(grounded) and not _is_label(grounded.claim.text):
            yield Observation(
                start=grounded.claim.start,
                end=grounded.claim.end,
                message=f"Nothing was found that says so (grounding {grounded.score:.2f}).",
                value=grounded.score,
            )


def find_unknown_names(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find identifiers, flags and paths that the workspace has nowhere.

    What people borrow from other programs, or give as examples, is no invention.
    """
    is_borrowed = borrowed(subject.text)
    has = "The workspace has" if subject.sought_in == "workspace" else "The passages have"
    for name in subject.unknown_names:
        if not subject.generated and is_borrowed(name):
            continue
        message = f"{has} no {name.kind} {name.text}."
        yield Observation(start=name.start, end=name.end, message=message)


def _spans(grounded: ClaimGrounding, *, apart: bool) -> Iterator[tuple[int, int]]:
    """Yield the unsupported spans of a claim, or with `apart` false the one around them."""
    spans = grounded.unsupported or ((grounded.claim.start, grounded.claim.end),)
    if apart:
        yield from spans
    else:
        yield spans[0][0], spans[-1][1]


def _has_rival(grounded: ClaimGrounding) -> bool:
    """Tell whether the evidence is about what the claim is about."""
    words = frozenset(content_words(_REFERENCE.sub(" ", grounded.claim.text)))
    if grounded.evidence is None or len(words) < _LEAST_WORDS:
        return False
    shared = len(words & frozenset(content_words(grounded.evidence.text))) / len(words)
    # What the evidence lacks differs from nothing in it. A name that it has may be another's (one
    # that is nowhere is a finding of its own), and what it denies another thing.
    differs = grounded.contradicted and grounded.kind in _AMOUNTS
    # Code does what a text says of it, and seldom says so: only another amount of the same thing
    # tells against the text.
    if not is_prose(grounded.evidence.path or ""):
        return differs and shared >= _SHARED_WITH_CODE
    return shared >= (_SHARED_WITH_AMOUNT if differs else _SHARED)


def _is_label(text: str) -> bool:
    """Tell whether words only name or announce something, such as "Chunked requests" in a list."""
    bare = text.rstrip()
    if bare.endswith(":"):
        return True
    ended = bare.endswith((".", "!", "。"))
    return not ended and len(bare.split()) <= _LABEL_WORDS and not re.search(r"\d", bare)


def _unsupported(grounded: ClaimGrounding) -> str:
    problem = grounded.problem or "no passage says so"
    return f"Not supported: {problem} (grounding {grounded.score:.2f})."


RULES = (
    Rule(
        id="grounding.claim",
        summary="A claim that the sources do not support, or contradict.",
        find=find_unsupported,
        measured=True,
        options=LowScore(warn=0.5, reject=0.3),
        strict={"warn": 0.7, "reject": 0.5},
        permissive={"warn": 0.4, "reject": 0.1},
        advice="Say what the source says, add the source to the workspace, or drop the claim.",
    ),
    Rule(
        id="grounding.unsourced",
        summary="A claim that people wrote, and that nothing in the workspace is about.",
        find=find_unsourced,
        measured=True,
        options=LowScore(warn=0.5, reject=0.3, severity=Severity.INFO, applies_to=("document",)),
        strict={"severity": "warn"},
        permissive={"enabled": False},
        advice="Add its source to the workspace, or check it by hand.",
    ),
    Rule(
        id="grounding.unknown-identifier",
        summary="An identifier, flag or path that exists nowhere in the workspace.",
        find=find_unknown_names,
        measured=True,
        options=Options(severity=Severity.WARN),
        strict={"severity": "reject"},
        permissive={"enabled": False},
        advice="Write the name as the sources do, or drop it: it may be invented.",
    ),
)
