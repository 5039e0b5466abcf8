"""Passwords, keys and tokens that stand in a text."""

import re
from collections.abc import Iterator

from nsllm.governance.redaction import redact
from nsllm.governance.rules import Observation, Options, Rule, Subject

# What documentation writes where a secret would stand.
_PLACEHOLDER = re.compile(
    r"example|sample|dummy|placeholder|change[-_]?me|your[-_]?|redacted|x{4,}|\*{3,}|\.{3}|…"
    r"|0123|1234|^[$%<{\[(]|^(.)\1+$|^(?:secret|password|passw0rd|hunter2)\d*$",
    re.IGNORECASE,
)


def find_secrets(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find what the audit log would redact, but for the placeholders of documentation."""
    found = redact(subject.text)
    for kind, (start, end, _length) in zip(found.kinds, found.cuts, strict=True):
        if not _PLACEHOLDER.search(subject.text[start:end]):
            message = f"This looks like a secret: {kind.replace('-', ' ')}."
            yield Observation(start=start, end=end, message=message)


RULES = (
    Rule(
        id="secret",
        summary="A password, key or token, in a form that its provider documents.",
        find=find_secrets,
        options=Options(),
        advice="Take it out, and have it revoked if it was ever real.",
    ),
)
