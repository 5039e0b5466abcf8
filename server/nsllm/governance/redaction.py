"""Replace secrets in a text by their kind, so that the audit log does not become a store of them.

What is found are forms that providers document (prefix, alphabet, length), key blocks, passwords
in addresses, and values assigned to names like `password`; a secret of no known form is not found.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from nsllm.types import Finding

_NAMES = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "api-key", "apikey",
    "access_key", "access-key", "accesskey", "auth_key", "auth-key", "authkey",
)  # fmt: skip
_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)"
)
# A quoted value, or one with a digit: "the token: used by clients" is prose. What has an upper
# bound here has it so that a text full of such beginnings is read once, not once from each.
_ASSIGNED = (
    rf"(?i:{'|'.join(_NAMES)})[\"'`]?[ \t]*(?::=|=>|[:=])[ \t]*"
    r"(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\n]{6,}?)(?P=quote)"
    r"|(?P<secret>(?=[^\s\"'`]{0,1000}\d)[^\s\"'`<>{}()\[\],;]{8,}))"
)


class _Form(msgspec.Struct, frozen=True):
    """How one kind of secret looks; `hints`, in lower case, of which a text must hold one."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_FORMS = tuple(
    _Form(kind, hints, re.compile(pattern))
    for kind, hints, pattern in (
        ("private-key", ("-----begin",), _PRIVATE_KEY),
        ("aws-key", ("akia", "asia"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
        ("github-token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{40,}"),
        ("gitlab-token", ("gl",), r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}"),
        ("slack-token", ("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        (
            "slack-webhook",
            ("hooks.slack",),
            r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
        ),
        ("stripe-key", ("k_live_", "k_test_"), r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("google-key", ("aiza",), r"\bAIza[0-9A-Za-z_-]{35}"),
        ("model-key", ("sk-",), r"\bsk-[A-Za-z0-9_-]{20,}"),
        ("hub-token", ("hf_",), r"\bhf_[A-Za-z0-9]{30,}"),
        ("npm-token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}"),
        ("pypi-token", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{50,}"),
        ("sendgrid-key", ("sg.",), r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
        (
            "web-token",
            ("eyj",),
            r"\beyJ[A-Za-z0-9_-]{8,1024}\.eyJ[A-Za-z0-9_-]{8,16384}\.[A-Za-z0-9_-]*",
        ),
        ("bearer-token", ("bearer",), r"(?i:\bbearer[ \t]+)(?P<secret>[A-Za-z0-9._~+/-]{20,}=*)"),
        (
            "storage-key",
            ("accountkey=", "sharedaccesskey="),
            r"\b(?:Account|SharedAccess)Key=(?P<secret>[A-Za-z0-9+/]{40,}=*)",
        ),
        ("password", ("://",), r"(?<=://)[^\s:/@]*:(?P<secret>[^\s:/@]+)@"),
        ("password", _NAMES, _ASSIGNED),
    )
)


_LEAST = 6
"""Characters of a secret that is replaced wherever it stands: shorter ones are words as well."""
_PARTS = (re.compile(r"\w+(?:[./-]\w+)*"), re.compile(r"\w+(?:\.\w+)*"))
"""What of a secret may be taken for the name of something, and be repeated as one."""


class Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """A text without its secrets, and where they stood."""

    text: str
    kinds: tuple[str, ...] = ()
    """What was replaced, in the order of the text."""
    cuts: tuple[tuple[int, int, int], ...] = ()
    """Each replaced span of the original, and the length of what stands for it."""
    secrets: Mapping[str, str] = {}
    """What was replaced, and parts of it, with the kind: to be replaced in what is said of the
    text, where nothing around them tells what they are."""

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

    def between(self, start: int, end: int) -> str:
        """Return what these offsets of the original enclose."""
        return self.text[self.carry(start) : self.carry(end)]


def redact(text: str, known: Mapping[str, str] | None = None) -> Redacted:
    """Replace each secret by `[redacted KIND]`, those too that are `known` from other texts."""
    parts: list[str] = []
    kinds: list[str] = []
    cuts: list[tuple[int, int, int]] = []
    secrets: dict[str, str] = {}
    position = 0
    for start, end, kind in _spans(text, known or {}):
        mark = f"[redacted {kind}]"
        parts += (text[position:start], mark)
        kinds.append(kind)
        cuts.append((start, end, len(mark)))
        secrets |= dict.fromkeys(_recognisable(text[start:end]), kind)
        position = end
    return Redacted(
        text="".join([*parts, text[position:]]),
        kinds=tuple(kinds),
        cuts=tuple(cuts),
        secrets=secrets,
    )


def redact_finding(finding: Finding, known: Mapping[str, str]) -> Finding:
    """Replace the secrets in what a finding says and quotes, and those `known`; its place stays."""
    evidence = finding.evidence
    return msgspec.structs.replace(
        finding,
        message=redact(finding.message, known).text,
        evidence=evidence
        and msgspec.structs.replace(evidence, text=redact(evidence.text, known).text),
    )


def _recognisable(secret: str) -> Iterator[str]:
    """Yield the secret, without a stop that may be its sentence's, and its parts; no mere words."""
    secret = secret.rstrip(".:!?")
    if len(secret) >= _LEAST:
        yield secret
    for form in _PARTS:
        parts = form.findall(secret)
        yield from (part for part in parts if len(part) >= _LEAST and not part.isalpha())


def _spans(text: str, known: Mapping[str, str]) -> Sequence[tuple[int, int, str]]:
    """Return the spans of secrets in order; two that overlap are one, of the first one's kind."""
    found: list[tuple[int, int, int, str]] = []
    lowered = text.lower()
    for order, form in enumerate(_FORMS):
        if not any(hint in lowered for hint in form.hints):
            continue
        for match in form.pattern.finditer(text):
            groups = match.groupdict()
            name = next((n for n in ("secret", "quoted") if groups.get(n) is not None), 0)
            found.append((*match.span(name), order, form.kind))
    for secret, kind in known.items():
        if secret in text:
            places = re.finditer(re.escape(secret), text)
            found += ((*place.span(), len(_FORMS), kind) for place in places)
    spans: list[tuple[int, int, str]] = []
    for start, end, _, kind in sorted(found, key=lambda f: (f[0], -f[1], f[2])):
        if not spans or start >= spans[-1][1]:
            spans.append((start, end, kind))
        elif end > spans[-1][1]:
            spans[-1] = (spans[-1][0], end, spans[-1][2])
    return spans
