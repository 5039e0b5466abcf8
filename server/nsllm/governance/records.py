"""What the audit log keeps of an answer, and of a finding that was accepted."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nsllm.governance.redaction import Redacted, redact, redact_finding
from nsllm.types import Answer, Finding, Scores, Severity, Verdict


class EvidenceHash(msgspec.Struct, frozen=True, kw_only=True):
    """Which passage an answer was written from, and the SHA-256 of its text."""

    path: str
    start_line: int
    end_line: int
    sha256: str


class ModelHash(msgspec.Struct, frozen=True, kw_only=True):
    """Which model took part, for what, and the SHA-256 of the weights it was made from."""

    id: str
    task: str
    sha256: str
    adapter_sha256: str | None = None
    address: str | None = None
    """The server that ran it, where that was another machine: its weights are not known."""


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that the user accepted: of which rule, in which document, and why."""

    rule: str
    uri: str
    reason: str


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was written and rejected before the answer: its text, and by which rule."""

    text: str
    mode: str
    rule: str
    reason: str


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Under what an answer was made, besides the question: who asked, and what was in force."""

    workspace: str
    version: str
    client: str = ""
    """The front end, and its session where it has one: `cli`, `lsp`."""
    settings_sha256: str = ""
    """Of all settings in force, as canonical JSON."""
    rules_sha256: str = ""
    """Of the rules' part of them."""
    models: tuple[ModelHash, ...] = ()


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one answer."""

    id: str
    time: str
    workspace: str
    question: str
    text: str
    mode: str
    model: str | None
    scores: Scores
    findings: tuple[Finding, ...]
    verdict: Verdict
    evidence: tuple[EvidenceHash, ...]
    timings_ms: dict[str, float]
    version: str
    accepted: Acceptance | None = None
    """Set where the record is not of an answer, but of an accepted finding on `text`."""
    client: str = ""
    decided_by: tuple[str, ...] = ()
    """The rules whose findings made the verdict; none where the text passed."""
    rejected: tuple[Rejected, ...] = ()
    """The texts that were rejected before this one, in order."""
    settings_sha256: str = ""
    rules_sha256: str = ""
    models: tuple[ModelHash, ...] = ()
    tokens: int = 0
    """How many were generated, for rejected texts as well."""
    redacted: tuple[str, ...] = ()
    """The kinds of secrets that were replaced in this record."""
    cached_from: str = ""
    """The id of the answer of which this is a copy out of the cache; none where it was made."""


def record_of(
    answer: Answer,
    origin: Origin,
    *,
    rejected: Iterable[Rejected] = (),
    tokens: int = 0,
    cached_from: str = "",
) -> AuditRecord:
    """Make the record of an answer: its evidence goes in as hashes, not as text."""
    return AuditRecord(
        id=answer.id,
        time=now(),
        workspace=origin.workspace,
        question=answer.question,
        text=answer.text,
        mode=answer.mode,
        model=answer.model,
        scores=answer.judgement.scores,
        findings=answer.judgement.findings,
        verdict=answer.judgement.verdict,
        evidence=tuple(
            EvidenceHash(
                path=passage.chunk.path,
                start_line=passage.chunk.start_line,
                end_line=passage.chunk.end_line,
                sha256=hashlib.sha256(passage.chunk.text.encode()).hexdigest(),
            )
            for passage in answer.passages
        ),
        timings_ms=answer.timings_ms,
        version=origin.version,
        client=origin.client,
        decided_by=_deciding(answer),
        rejected=tuple(rejected),
        settings_sha256=origin.settings_sha256,
        rules_sha256=origin.rules_sha256,
        models=origin.models,
        tokens=tokens,
        cached_from=cached_from,
    )


def record_of_acceptance(
    acceptance: Acceptance,
    text: str,
    *,
    workspace: Path,
    version: str,
    client: str = "",
    document: str | None = None,
) -> AuditRecord:
    """Make the record of a finding that the user accepted on `text`.

    With the `document` that it is in, secrets are replaced: alone they are words like any other.
    """
    kinds: tuple[str, ...] = ()
    if document is not None:
        known = redact(document).secrets
        words, reason = redact(text, known), redact(acceptance.reason, known)
        if acceptance.rule == "secret" and not words.kinds:
            words = Redacted(text="[redacted secret]", kinds=("secret",))
        text, kinds = words.text, (*words.kinds, *reason.kinds)
        acceptance = msgspec.structs.replace(acceptance, reason=reason.text)
    return AuditRecord(
        id=uuid.uuid4().hex,
        time=now(),
        workspace=str(workspace),
        question="",
        text=text,
        mode="accept",
        model=None,
        scores=Scores(),
        findings=(),
        verdict=Verdict.PASS,
        evidence=(),
        timings_ms={},
        version=version,
        accepted=acceptance,
        client=client,
        redacted=kinds,
    )


def without_secrets(record: AuditRecord) -> AuditRecord:
    """Replace the secrets in every text of a record; findings stay on their words."""
    kinds = list(record.redacted)

    def cleaned(text: str, known: Mapping[str, str] | None = None) -> Redacted:
        redacted = redact(text, known)
        kinds.extend(redacted.kinds)
        return redacted

    body, question = cleaned(record.text), cleaned(record.question)
    # What is said of a text repeats its words, without what told that they are a secret.
    known: dict[str, str] = {**question.secrets, **body.secrets}
    drafts = [cleaned(one.text) for one in record.rejected]
    for draft in drafts:
        known |= draft.secrets
    accepted = record.accepted
    clean = msgspec.structs.replace(
        record,
        question=question.text,
        text=body.text,
        findings=tuple(_clean_finding(finding, body, known) for finding in record.findings),
        rejected=tuple(
            msgspec.structs.replace(one, text=draft.text, reason=cleaned(one.reason, known).text)
            for one, draft in zip(record.rejected, drafts, strict=True)
        ),
        accepted=accepted
        and msgspec.structs.replace(accepted, reason=cleaned(accepted.reason, known).text),
    )
    return msgspec.structs.replace(clean, redacted=tuple(dict.fromkeys(kinds)))


def now() -> str:
    """Return the time in UTC, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def sha256_of(record: object) -> str:
    """Return the SHA-256 of a record's JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(record, order="deterministic")).hexdigest()


def _clean_finding(finding: Finding, body: Redacted, known: Mapping[str, str]) -> Finding:
    start, end = body.carry(finding.start), body.carry(finding.end)
    return msgspec.structs.replace(redact_finding(finding, known), start=start, end=end)


def _deciding(answer: Answer) -> tuple[str, ...]:
    severity = {Verdict.WARN: Severity.WARN, Verdict.REJECT: Severity.REJECT}.get(
        answer.judgement.verdict
    )
    findings = answer.judgement.findings
    return tuple(dict.fromkeys(f.rule for f in findings if f.severity is severity))
