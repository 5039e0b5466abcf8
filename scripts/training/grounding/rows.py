"""One line of the training set: a claim beside a window of evidence."""

import re

from draft import UNKNOWN, Draft

Row = dict[str, str | int]


def row(draft: Draft, window: str, label: int, kind: str) -> Row:
    """Return one line of the output."""
    return {
        "claim": draft.text,
        "marks": draft.marks,
        "window": window,
        "label": label,
        "kind": kind,
    }


def absent(claim: str, evidence: str) -> Draft:
    """Mark the words that the evidence lacks; of the others it is unknown whether they hold."""
    offered = {word[:5] for word in re.findall(r"\w+", evidence.lower())}
    draft = Draft.of(claim, UNKNOWN)
    for match in re.finditer(r"\w+", claim):
        if match[0].lower()[:5] not in offered and len(match[0]) > 3:
            draft = draft.mark(*match.span())
    return draft
