"""The audit log: one record in SQLite for each answer, appended and never changed.

Each record carries the SHA-256 of the one before it, so that a record changed or taken out of
the middle shows.
"""

import hashlib
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from nsllm.errors import DiskFullError, MachineError
from nsllm.types import Answer, Finding, Scores, Verdict

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY,
    record BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT
"""
_GENESIS = b"\0" * 32


class EvidenceHash(msgspec.Struct, frozen=True, kw_only=True):
    """Which passage an answer was written from, and the SHA-256 of its text."""

    path: str
    start_line: int
    end_line: int
    sha256: str


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that the user accepted: of which rule, in which document, and why."""

    rule: str
    uri: str
    reason: str


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


class AuditLog:
    """Appends to and reads one audit database; safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, record: AuditRecord) -> None:
        """Write a record behind the last one, in one transaction.

        Raises:
            DiskFullError: there is no room; the log is as it was.
            MachineError: the database cannot be opened or written.
        """
        body = msgspec.json.encode(record)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database:
                # The head is read under the write lock: two processes must not chain to one head.
                database.execute("BEGIN IMMEDIATE")
                head = _head(database)
                database.execute(
                    "INSERT INTO records (record, digest) VALUES (?, ?)", (body, _link(head, body))
                )
                database.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise self._explain(error) from error

    def records(self) -> Iterator[AuditRecord]:
        """Yield all records, oldest first."""
        if not self._path.exists():
            return
        try:
            with closing(self._open()) as database:
                for (body,) in database.execute("SELECT record FROM records ORDER BY number"):
                    yield msgspec.json.decode(body, type=AuditRecord)
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def page(self, limit: int, before: int | None = None) -> list[tuple[int, AuditRecord]]:
        """Return up to `limit` records with their numbers, newest first, from below `before`."""
        if not self._path.exists():
            return []
        query = (
            "SELECT number, record FROM records WHERE ?1 IS NULL OR number < ?1 "
            "ORDER BY number DESC LIMIT ?2"
        )
        try:
            with closing(self._open()) as database:
                rows = database.execute(query, (before, limit)).fetchall()
        except sqlite3.Error as error:
            raise self._explain(error) from error
        return [(number, msgspec.json.decode(body, type=AuditRecord)) for number, body in rows]

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(_SCHEMA)
        return database

    def _explain(self, error: Exception) -> MachineError:
        if "full" in str(error) or "No space" in str(error):
            return DiskFullError(
                f"The audit log {self._path} cannot be written: the disk is full.",
                hint="Free some space, or move NSLLM_HOME to another disk.",
            )
        return MachineError(
            f"The audit log {self._path} cannot be used: {error}.",
            hint="Check its permissions; if it is damaged, move it away and a new one is begun.",
        )


def record_of(answer: Answer, *, workspace: Path, version: str) -> AuditRecord:
    """Make the record of an answer: its evidence goes in as hashes, not as text."""
    return AuditRecord(
        id=answer.id,
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        workspace=str(workspace),
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
        version=version,
    )


def record_of_acceptance(
    acceptance: Acceptance, text: str, *, workspace: Path, version: str
) -> AuditRecord:
    """Make the record of a finding that the user accepted on `text`."""
    return AuditRecord(
        id=uuid.uuid4().hex,
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
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
    )


def _head(database: sqlite3.Connection) -> bytes:
    row = database.execute("SELECT digest FROM records ORDER BY number DESC LIMIT 1").fetchone()
    return bytes(row[0]) if row else _GENESIS


def _link(head: bytes, body: bytes) -> bytes:
    return hashlib.sha256(head + body).digest()
