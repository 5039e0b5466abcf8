"""Passwords, keys and tokens that stand in a text."""

import base64
import json
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

_BADGE_LENGTH = 300
_BADGE = re.compile(r"https?://[^\s<>()\"'`]+\.svg\?(?:[\w-]+=[\w-]*&)*[\w-]+=$")
"""The address of a badge up to its token, which is made to be shown."""
_ISSUED = frozenset({"aud", "exp", "iat", "iss", "jti", "nbf", "sub"})
"""Claims of a web token that RFC 7519 registers."""


def find_secrets(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find what the audit log would redact, but for the placeholders of documentation."""
    found = redact(subject.text)
    for kind, (start, end, _length) in zip(found.kinds, found.cuts, strict=True):
        is_public = _BADGE.search(subject.text, max(0, start - _BADGE_LENGTH), start)
        if not is_public and not _is_example(kind, subject.text[start:end]):
            message = f"This looks like a secret: {kind.replace('-', ' ')}."
            yield Observation(start=start, end=end, message=message)


def _is_example(kind: str, value: str) -> bool:
    """Tell whether a value stands where a secret would; a token that lets nobody in does."""
    return bool(_PLACEHOLDER.search(value)) or (kind == "web-token" and not _is_issued(value))


def _is_issued(token: str) -> bool:
    """Tell whether a JSON web token says of whom or when it is, as one in use does (RFC 7519)."""
    body = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return True
    return not isinstance(claims, dict) or not _ISSUED.isdisjoint(claims)


RULES = (
    Rule(
        id="secret",
        summary="A password, key or token, in a form that its provider documents.",
        find=find_secrets,
        options=Options(),
        advice="Take it out, and have it revoked if it was ever real.",
    ),
)
