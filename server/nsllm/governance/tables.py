"""The tables of audit.db: made, opened, and taken over from the format before this one."""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from nsllm import private
from nsllm.database import use_wal
from nsllm.errors import AuditError, DiskFullError, MachineError
from nsllm.governance.anchor import GENESIS, Head
from nsllm.governance.chain import Entry

VERSION = 2
_BUSY_TIMEOUT_S = 10.0

_NO_DELETE = """CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
_OBJECTS = {
    "entries": """CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT""",
    "entries_are_fixed": """CREATE TRIGGER entries_are_fixed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    "entries_are_kept": _NO_DELETE,
}
_COLUMNS = "SELECT number, kind, body, digest, mac FROM entries"


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Open the database to write, from any one thread at a time; transactions are explicit."""
    private.make_file(path)  # SQLite opens its log to whom the database is open
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        use_wal(connection, timeout_s=_BUSY_TIMEOUT_S)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the database to read, and to change nothing."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the tables: 0 for none, 1 for the first format, 2 for the present one.

    Raises:
        AuditError: a newer version of the program wrote them.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise AuditError(
            f"The audit log {path} was written by a newer NS-LLM (its format is {version}, "
            f"this one reads up to {VERSION}).",
            hint="Update NS-LLM: pip install --upgrade nsllm",
        )
    if version == 0:
        found = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'records'"
        )
        return int(found.fetchone()[0])
    return version


def create(connection: sqlite3.Connection) -> None:
    """Make the tables; within the caller's transaction."""
    for statement in _OBJECTS.values():
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def old_rows(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, record and digest of each row of the first format."""
    for number, body, digest in connection.execute(
        "SELECT number, record, digest FROM records ORDER BY number"
    ):
        yield number, bytes(body), bytes(digest)


def old_fault(connection: sqlite3.Connection) -> str | None:
    """Say what is wrong with the chain of the first format; None: nothing."""
    head, expected = GENESIS, 1
    for number, body, digest in old_rows(connection):
        if number != expected:
            return f"entries {expected} to {number - 1} are missing"
        head = hashlib.sha256(head + body).digest()
        if digest != head:
            return f"entry {number} is not as written"
        expected += 1
    return None


def drop_old(connection: sqlite3.Connection) -> None:
    """Remove the table of the first format."""
    connection.execute("DROP TABLE records")


def insert(connection: sqlite3.Connection, entry: Entry) -> None:
    """Add an entry."""
    connection.execute(
        "INSERT INTO entries (number, kind, body, digest, mac) VALUES (?, ?, ?, ?, ?)",
        (entry.number, entry.kind, entry.body, entry.digest, entry.mac),
    )


def remove_through(connection: sqlite3.Connection, number: int) -> int:
    """Remove all entries up to this one, within the caller's transaction; return how many."""
    connection.execute("DROP TRIGGER IF EXISTS entries_are_kept")
    removed = connection.execute("DELETE FROM entries WHERE number <= ?", (number,)).rowcount
    connection.execute(_NO_DELETE)
    return removed


def entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    """Yield all entries in order."""
    for row in connection.execute(f"{_COLUMNS} ORDER BY number"):
        yield _entry(row)


def head(connection: sqlite3.Connection) -> Head:
    """Return the number and digest of the last entry."""
    row = connection.execute(
        "SELECT number, digest FROM entries ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return Head(number=row[0], digest=bytes(row[1])) if row else Head()


def first(connection: sqlite3.Connection) -> Entry | None:
    """Return the first entry that is left."""
    row = connection.execute(f"{_COLUMNS} ORDER BY number LIMIT 1").fetchone()
    return _entry(row) if row else None


def schema_fault(connection: sqlite3.Connection) -> str | None:
    """Say how the tables differ from those that this program makes; None: not at all."""
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    names = sorted(n for n in found.keys() | _OBJECTS.keys() if found.get(n) != _OBJECTS.get(n))
    return f"{', '.join(names)} differ from what NS-LLM makes" if names else None


def explain(error: Exception, path: Path) -> MachineError:
    """Translate what SQLite or the system says."""
    text = str(error)
    if "full" in text or "No space" in text:
        return DiskFullError(
            f"The audit log {path} cannot be written: the disk is full.",
            hint="Free some space, or move NSLLM_HOME to another disk.",
        )
    if "readonly" in text or "read-only" in text or isinstance(error, PermissionError):
        return AuditError(
            f"The audit log {path} cannot be written: it or its folder is read-only.",
            hint="Give yourself the right to write there, or set `audit.enabled` to false.",
        )
    if isinstance(error, Timeout):
        return AuditError(
            f"The audit log {path} is in use by another process that does not let go.",
            hint="End the nsllm process that hangs, and try again.",
        )
    if "not a database" in text or "malformed" in text:
        return AuditError(
            f"The audit log {path} is damaged: {text}.",
            hint="Put back a copy, or move it away: a new log begins, and notes that one is gone.",
        )
    return AuditError(f"The audit log {path} cannot be used: {text}.", hint="Run `nsllm doctor`.")


def _entry(row: tuple[int, str, bytes, bytes, bytes]) -> Entry:
    number, kind, body, digest, mac = row
    return Entry(number=number, kind=kind, body=body, digest=digest, mac=mac)
