"""Replace secrets in a text by their kind, so that the audit log does not become a store of them.

What is found are forms that providers document (prefix, alphabet, length), key blocks, passwords
in addresses, and values assigned to names like `password`; a secret of no known form is not found.
"""

import re
from collections.abc import Sequence

import msgspec

_NAMES = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key)"

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "private-key",
            (
                r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
                r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
            ),
        ),
        ("aws-key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
        ("gitlab-token", r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}"),
        ("slack-token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("slack-webhook", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
        ("stripe-key", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("google-key", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("model-key", r"\bsk-(?:[A-Za-z]+-)*[A-Za-z0-9_-]{20,}"),
        ("hub-token", r"\bhf_[A-Za-z0-9]{30,}"),
        ("npm-token", r"\bnpm_[A-Za-z0-9]{36}"),
        ("pypi-token", r"\bpypi-[A-Za-z0-9_-]{50,}"),
        ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
        ("web-token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
        ("bearer-token", r"(?i:\bbearer[ \t]+)(?P<secret>[A-Za-z0-9._~+/-]{20,}=*)"),
        ("storage-key", r"\b(?:Account|SharedAccess)Key=(?P<secret>[A-Za-z0-9+/]{40,}=*)"),
        ("password", r"\b[a-z][a-z0-9+.-]*://[^\s:/@]*:(?P<secret>[^\s:/@]+)@"),
        (
            # A quoted value, or one with a digit: "the token: used by clients" is prose.
            "password",
            (
                rf"(?i)\b[\w.-]{{0,40}}{_NAMES}[\"'`]?[ \t]*(?::=|=>|[:=])[ \t]*"
                r"(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\n]{6,}?)(?P=quote)"
                r"|(?P<secret>(?=[^\s\"'`]*\d)[^\s\"'`<>{}()\[\],;]{8,}))"
            ),
        ),
    )
)


class Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """A text without its secrets, and where they stood."""

    text: str
    kinds: tuple[str, ...] = ()
    """What was replaced, in the order of the text."""
    cuts: tuple[tuple[int, int, int], ...] = ()
    """Each replaced span of the original, and the length of what stands for it."""

    def carry(self, offset: int) -> int:
        """Return where an offset of the original lies now; within a secret: at its start."""
        shift = 0
        for start, end, length in self.cuts:
            if offset <= start:
                break
            if offset < end:
                return start + shift
            shift += length - (end - start)
        return offset + shift


def redact(text: str) -> Redacted:
    """Replace each secret by `[redacted KIND]`."""
    parts: list[str] = []
    kinds: list[str] = []
    cuts: list[tuple[int, int, int]] = []
    position = 0
    for start, end, kind in _spans(text):
        mark = f"[redacted {kind}]"
        parts += (text[position:start], mark)
        kinds.append(kind)
        cuts.append((start, end, len(mark)))
        position = end
    return Redacted(text="".join([*parts, text[position:]]), kinds=tuple(kinds), cuts=tuple(cuts))


def _spans(text: str) -> Sequence[tuple[int, int, str]]:
    """Return the spans of secrets in order; of two that overlap, the one that starts first."""
    found: list[tuple[int, int, int, str]] = []
    for order, (kind, pattern) in enumerate(_PATTERNS):
        for match in pattern.finditer(text):
            groups = match.groupdict()
            name = next((n for n in ("secret", "quoted") if groups.get(n) is not None), 0)
            found.append((*match.span(name), order, kind))
    spans: list[tuple[int, int, str]] = []
    for start, end, _, kind in sorted(found, key=lambda f: (f[0], -f[1], f[2])):
        if not spans or start >= spans[-1][1]:
            spans.append((start, end, kind))
    return spans
