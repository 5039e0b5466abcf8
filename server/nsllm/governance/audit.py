"""The audit log: one entry for each answer, appended and never changed.

Entries form a sealed chain (`chain`), and the chain's head is kept outside the database
(`anchor`), so that whatever is done to the file shows; docs/AUDIT.md says against whom.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import msgspec
from filelock import FileLock, Timeout

from nsllm import home
from nsllm.database import file_identity, transaction
from nsllm.errors import AuditError
from nsllm.governance import migration, retention, tables
from nsllm.governance.anchor import Anchor, Head, Seal
from nsllm.governance.chain import Break, Entry, Kind, Verification, sealed
from nsllm.governance.records import AuditRecord, now, without_secrets
from nsllm.governance.verification import verify
from nsllm.settings import Audit

logger = logging.getLogger(__name__)

_LOCK_TIMEOUT_S = 30.0
_MAX_NUMBER = 2**63 - 1
"""SQLite counts no further."""


class AuditLog:
    """Appends to and reads one audit database; safe for several threads and processes at once."""

    def __init__(
        self, path: Path, settings: Audit | None = None, *, seal: Path | None = None
    ) -> None:
        self._path = path
        self._settings = settings or Audit()
        self._seal = Seal(seal or home.seal_folder())
        self._threads = threading.Lock()
        self._lock = FileLock(self._seal.lock_path, timeout=_LOCK_TIMEOUT_S, thread_local=False)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._looked_for_old: datetime | None = None

    def append(self, record: AuditRecord) -> int:
        """Write a record behind the last one, without its secrets; return its number.

        Raises:
            DiskFullError: there is no room; the log is as it was.
            AuditError: the database cannot be opened or written.
        """
        if self._settings.redact:
            record = without_secrets(record)
        body = _encoded(record)
        with self._writing() as connection:
            head = self._reconcile(connection)
            if self._settings.keep_days:
                head = self._prune_if_due(connection, head)
            return self._write(connection, head, "record", body).number

    def records(self) -> Iterator[AuditRecord]:
        """Yield all records, oldest first."""
        with self._reading() as connection:
            if connection is None:
                return
            rows = connection.execute(
                "SELECT number, body FROM entries WHERE kind = 'record' ORDER BY number"
            )
            for number, body in rows:
                yield self._decode(number, body)

    def page(
        self, limit: int, before: int | None = None, *, workspaces: Collection[str] | None = None
    ) -> list[tuple[int, AuditRecord]]:
        """Return up to `limit` records with their numbers, newest first, from below `before`.

        Only those of the workspaces, where these are given, named as in the records.
        """
        if before is not None:
            before = max(-_MAX_NUMBER, min(before, _MAX_NUMBER))
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT number, body FROM entries WHERE kind = 'record' "
                "AND (?1 IS NULL OR number < ?1) AND (?3 IS NULL OR "
                "json_extract(CAST(body AS TEXT), '$.workspace') "
                "IN (SELECT value FROM json_each(?3))) "
                "ORDER BY number DESC LIMIT ?2",
                (before, limit, _names(workspaces)),
            ).fetchall()
        return [(number, self._decode(number, body)) for number, body in rows]

    def find(
        self, reference: str, *, workspaces: Collection[str] | None = None
    ) -> list[tuple[int, AuditRecord]]:
        """Return the records of this number, or whose id begins like this.

        Only those of the workspaces, where these are given, named as in the records.
        """
        if not reference:
            return []
        reference = _spelt_out(reference)
        # Neither SQLite nor Python takes a number of any length; None equals no entry's.
        number = int(reference) if reference.isdecimal() and len(reference) < 20 else None
        if number is not None and number > _MAX_NUMBER:
            number = None
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT number, body FROM entries WHERE kind = 'record' AND (number = ?1 OR "
                "substr(json_extract(CAST(body AS TEXT), '$.id'), 1, length(?2)) = ?2) "
                "AND (?3 IS NULL OR json_extract(CAST(body AS TEXT), '$.workspace') "
                "IN (SELECT value FROM json_each(?3)))",
                (number, reference, _names(workspaces)),
            ).fetchall()
        found = [(number, self._decode(number, body)) for number, body in rows]
        return [one for one in found if str(one[0]) == reference] or found

    def entries(self) -> Iterator[Entry]:
        """Yield all entries as they are stored, oldest first."""
        with self._reading() as connection:
            if connection is not None:
                yield from tables.entries(connection)

    def verify(self, pinned: Head | None = None) -> Verification:
        """Check every entry, the order, and that none is missing; never raises for what it finds.

        `pinned`: a head that was noted elsewhere; its digest alone will do where its number is 0.
        """
        return verify(self._path, self._seal, self._lock, pinned)

    def prune(self, before: datetime) -> int:
        """Remove the entries older than `before`, and record that; return how many.

        Raises:
            AuditError: the log is not intact: what shows that must not be removed.
        """
        with self._writing() as connection:
            head = self._reconcile(connection)
            removed = self._prune(connection, head, before)
            if removed is None:
                raise AuditError(
                    "The audit log is not intact, so nothing was removed.",
                    hint="`nsllm audit verify` says what is wrong with it.",
                )
            if removed:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return removed

    def close(self) -> None:
        """Close the database; the next use opens it again."""
        with self._threads:
            self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._threads:
            try:
                self._seal.prepare()
                with self._lock:
                    yield self._connect()
            except (OSError, sqlite3.Error, Timeout, OverflowError) as error:
                # OverflowError: someone put an entry in whose number is the last there is.
                self._disconnect()
                raise tables.explain(error, self._path) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Open what is there; None where nothing is."""
        if not self._path.exists():
            yield None
            return
        try:
            with closing(tables.connect_to_read(self._path)) as connection:
                version = tables.version_of(connection, self._path)
                if version == tables.VERSION:
                    yield connection
                    return
            if version == 0:
                yield None
                return
            with self._writing() as connection:
                self._reconcile(connection)
            with closing(tables.connect_to_read(self._path)) as connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise tables.explain(error, self._path) from error

    def _decode(self, number: int, body: bytes) -> AuditRecord:
        try:
            return msgspec.json.decode(body, type=AuditRecord)
        except (ValueError, RecursionError) as error:  # ValueError: of msgspec, or no UTF-8
            raise AuditError(
                f"Entry {number} of the audit log {self._path} cannot be read: {error}.",
                hint="`nsllm audit verify` says whether it was changed.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        """Return the open database; one that was replaced meanwhile is opened anew."""
        if self._connection is None or self._identity != file_identity(self._path):
            self._disconnect()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = tables.connect(self._path, durable=self._settings.durable)
            if self._seal.key() is None:
                self._seal.make_key()
            version = tables.version_of(self._connection, self._path)
            if version < tables.VERSION:
                migration.set_up(self._connection, self._path, self._seal)
            self._identity = file_identity(self._path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _reconcile(self, connection: sqlite3.Connection) -> Head:
        """Return the head of the log; where it is not as it was left, record that first."""
        head, anchor = tables.head(connection), self._seal.read()
        if anchor is not None and anchor.allows(head):
            return head
        expected = anchor.head if anchor else Head()
        reason = (
            f"entry {expected.number} was its last, and entry {head.number} is"
            if anchor
            else "its head or its key was taken away or changed"
        )
        logger.warning("The audit log %s is not as it was left: %s.", self._path, reason)
        found = Break(time=now(), reason=reason, expected=expected, found=head)
        number = max(head.number, expected.number) + 1
        entry = self._write(connection, head, "break", msgspec.json.encode(found), number=number)
        return entry.head

    def _write(
        self,
        connection: sqlite3.Connection,
        head: Head,
        kind: Kind,
        body: bytes,
        *,
        number: int | None = None,
        through: int = 0,
    ) -> Entry:
        """Append an entry, and remove those up to `through`; the head says so before and after."""
        entry = sealed(head, kind, body, self._seal.required_key(), number=number)
        self._seal.write(Anchor(head=head, next=entry.head), flush=self._settings.durable)
        with transaction(connection):
            if through:
                tables.remove_through(connection, through)
            tables.insert(connection, entry)
        self._seal.write(Anchor(head=entry.head))
        return entry

    def _prune_if_due(self, connection: sqlite3.Connection, head: Head) -> Head:
        """Apply `audit.keep_days` once a day; a log that is not intact is left as it is."""
        today = datetime.now(UTC)
        if self._looked_for_old and today - self._looked_for_old < timedelta(days=1):
            return head
        self._looked_for_old = today
        before = today - timedelta(days=self._settings.keep_days)
        if self._prune(connection, head, before) is None:
            logger.warning("The audit log %s is not intact: nothing old is removed.", self._path)
        return tables.head(connection)

    def _prune(self, connection: sqlite3.Connection, head: Head, before: datetime) -> int | None:
        """Remove what is older; return how many entries, None where the log is not intact."""
        checkpoint = retention.plan(connection, self._seal.key(), before)
        if checkpoint is None:
            return None
        if checkpoint.removed == 0:
            return 0
        body = msgspec.json.encode(checkpoint)
        self._write(connection, head, "checkpoint", body, through=checkpoint.through)
        return checkpoint.removed


def _names(workspaces: Collection[str] | None) -> str | None:
    return None if workspaces is None else json.dumps(sorted(map(_spelt_out, workspaces)))


def _encoded(record: AuditRecord) -> bytes:
    """Return the JSON of a record."""
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        # On Linux a path may hold bytes that are no UTF-8. What was answered there counts too.
        return msgspec.json.encode(_spelt_out(msgspec.to_builtins(record)))


def _spelt_out(value: Any) -> Any:
    """Return a value with what UTF-8 cannot hold in its strings written as escapes."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_spelt_out(one) for one in value]
    if isinstance(value, dict):
        return {_spelt_out(key): _spelt_out(one) for key, one in value.items()}
    return value
