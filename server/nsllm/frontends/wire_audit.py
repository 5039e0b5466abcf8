"""The wire format of the audit log: records, entries for export, and what verifying showed."""

from datetime import datetime

import msgspec

from nsllm.frontends import wire
from nsllm.governance.chain import Entry, Verification
from nsllm.governance.records import Acceptance, AuditRecord, EvidenceHash, ModelHash, Rejected
from nsllm.types import Scores


class WireRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record under its number."""

    number: int
    id: str
    time: str
    workspace: str
    client: str
    question: str
    text: str
    mode: str
    model: str | None
    verdict: str
    decided_by: tuple[str, ...]
    scores: Scores
    findings: list[wire.WireFinding]
    evidence: tuple[EvidenceHash, ...]
    rejected: tuple[Rejected, ...]
    tokens: int
    timings_ms: dict[str, float]
    version: str
    settings_sha256: str
    rules_sha256: str
    models: tuple[ModelHash, ...]
    redacted: tuple[str, ...]
    accepted: Acceptance | msgspec.UnsetType = msgspec.UNSET
    cached_from: str | msgspec.UnsetType = msgspec.UNSET


class WireEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an export; `body` is what the digest was computed over, byte for byte."""

    number: int
    kind: str
    previous: str | None
    """The digest of the entry before; None where that was removed before the export."""
    digest: str
    body: msgspec.Raw


class WireFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written."""

    kind: str
    first: int | None
    last: int | None
    message: str


class WireVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying showed; `head` is what `--head` takes later."""

    intact: bool
    entries: int
    head: str
    faults: list[WireFault]
    notes: tuple[str, ...]


def record(number: int, one: AuditRecord) -> WireRecord:
    """Translate a record."""
    fields = {
        name: getattr(one, name)
        for name in WireRecord.__struct_fields__
        if name not in {"number", "verdict", "findings", "accepted", "timings_ms", "cached_from"}
    }
    return WireRecord(
        number=number,
        verdict=one.verdict.value,
        findings=[wire.finding(finding) for finding in one.findings],
        timings_ms={stage: round(ms, 1) for stage, ms in one.timings_ms.items()},
        accepted=one.accepted or msgspec.UNSET,
        cached_from=one.cached_from or msgspec.UNSET,
        **fields,
    )


def entry(one: Entry, previous: bytes | None) -> WireEntry:
    """Translate an entry for export."""
    return WireEntry(
        number=one.number,
        kind=one.kind,
        previous=previous.hex() if previous is not None else None,
        digest=one.digest.hex(),
        body=msgspec.Raw(one.body),
    )


def verification(result: Verification) -> WireVerification:
    """Translate what verifying showed."""
    return WireVerification(
        intact=result.intact,
        entries=result.entries,
        head=head(result),
        faults=[
            WireFault(kind=f.kind, first=f.first, last=f.last, message=f.message)
            for f in result.faults
        ],
        notes=result.notes,
    )


def head(result: Verification) -> str:
    """Write a head as people note it elsewhere: `NUMBER:DIGEST`."""
    return f"{result.head.number}:{result.head.digest.hex()}"


def local_time(time: str) -> str:
    """Write a time of the log as a clock on the wall shows it, to the minute."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
