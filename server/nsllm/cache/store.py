"""The file of one workspace's cache: entries by key, bounded, the least used go first.

Nothing here is needed: whatever is wrong with the file, the answer is made anew. So no method
raises for it; what was wrong is logged, and kept in `problem`.
"""

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from nsllm import private
from nsllm.database import file_identity, transaction, use_wal

logger = logging.getLogger(__name__)

Kind = Literal["answer", "embedding"]
KINDS: tuple[Kind, ...] = ("answer", "embedding")

_VERSION = 1
_BUSY_TIMEOUT_S = 2.0
_TOUCH_S = 300
"""Uses closer together than this are not told apart: reading then writes nothing."""
_FULL_SHARE = 0.9
"""What is left of the limit when entries go, so that not every new one removes another."""
_ROW_BYTES = 120
"""About what a row takes besides its body; the triggers below count it too."""
# No constraint of ours can fail while the tables and their totals are as they were written.
_BEYOND_REPAIR = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_CONSTRAINT,
}

_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    digest BLOB NOT NULL,
    used_s INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used_s);
CREATE TABLE IF NOT EXISTS totals (
    kind TEXT PRIMARY KEY, entries INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO totals VALUES ('answer', 0, 0), ('embedding', 0, 0);
CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entries BEGIN
    UPDATE totals SET entries = entries + 1, bytes = bytes + length(new.body) + 120
    WHERE kind = new.kind;
END;
CREATE TRIGGER IF NOT EXISTS entry_removed AFTER DELETE ON entries BEGIN
    UPDATE totals SET entries = entries - 1, bytes = bytes - length(old.body) - 120
    WHERE kind = old.kind;
END;
PRAGMA user_version = 1;
COMMIT;
"""

_T = TypeVar("_T")


class CacheStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a cache holds, and how often it helped since this process began."""

    path: str
    limit_bytes: int
    """0: it is off."""
    entries: dict[Kind, int]
    size_bytes: int
    hits: dict[Kind, int]
    misses: dict[Kind, int]
    problem: str | None = None
    """What is wrong with the file, if anything is."""


class _DamagedError(Exception):
    """An entry is not as it was written, or the tables are not ours."""


class CacheStore:
    """Entries of one workspace; threads and processes may share its file."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._hits: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._misses: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._problem: str | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self.limit_bytes > 0

    def get(self, kind: Kind, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the bodies of those of the keys that are here, as they were put."""
        if not self.is_on or not keys:
            return {}
        nothing: dict[str, bytes] = {}
        found = self._use(lambda connection: _read(connection, keys), nothing)
        with self._guard:
            self._hits[kind] += len(found)
            self._misses[kind] += len(keys) - len(found)
        return found

    def put(self, kind: Kind, bodies: Mapping[str, bytes]) -> None:
        """Keep bodies by key; what was used least goes where they would not fit."""
        if self.is_on and bodies:
            self._use(lambda connection: _write(connection, kind, bodies, self.limit_bytes), None)

    def miss(self, kind: Kind) -> None:
        """Count as missed what was found and did not hold: it was a hit until now."""
        with self._guard:
            self._hits[kind] -= 1
            self._misses[kind] += 1

    def clear(self) -> int:
        """Remove every entry, for all processes; return how many there were."""
        if not self.path.exists():
            return 0
        return self._use(_clear, 0)

    def status(self) -> CacheStatus:
        """Return what is here; makes no file where there is none."""
        totals: dict[str, tuple[int, int]] = {}
        if self.path.exists():
            totals = self._use(_totals, totals)
        with self._guard:
            return CacheStatus(
                path=str(self.path),
                limit_bytes=self.limit_bytes,
                entries={kind: totals.get(kind, (0, 0))[0] for kind in KINDS},
                size_bytes=sum(size for _, size in totals.values()),
                hits=dict(self._hits),
                misses=dict(self._misses),
                problem=self._problem,
            )

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._guard:
            self._disconnect()

    def _use(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Do something with the database; a damaged one is thrown away, and a new one begun."""
        with self._guard:
            try:
                try:
                    result = work(self._connect())
                except (sqlite3.DatabaseError, _DamagedError, UnicodeDecodeError) as error:
                    if not _is_damage(error):
                        raise
                    self._start_anew(error)
                    result = work(self._connect())
            except (OSError, sqlite3.Error, _DamagedError, UnicodeDecodeError) as error:
                self._disconnect()
                self._note(f"The cache {self.path} cannot be used: {error}.")
                return otherwise
            if self._problem is not None:
                logger.info("The cache %s can be used again.", self.path)
                self._problem = None
            return result

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == file_identity(self.path):
            return self._connection
        self._disconnect()
        private.make_folder(self.path.parent)
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _set_up(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, file_identity(self.path)
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _start_anew(self, error: Exception) -> None:
        self._disconnect()
        logger.warning("The cache %s is damaged (%s): a new one begins.", self.path, error)
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _note(self, problem: str) -> None:
        """Log what is wrong once, not with each answer."""
        if problem != self._problem:
            logger.warning("%s Answers are made anew meanwhile.", problem)
        self._problem = problem


def _set_up(connection: sqlite3.Connection) -> None:
    # Before the first table, or it does nothing: what is removed is given back to the disk.
    connection.execute("PRAGMA auto_vacuum = FULL")
    use_wal(connection, timeout_s=_BUSY_TIMEOUT_S)
    # A power cut may lose entries, but leaves none that is half written.
    connection.execute("PRAGMA synchronous = NORMAL")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version == _VERSION:
        return
    if version != 0:
        raise _DamagedError(f"its tables are of version {version}, not {_VERSION}")
    connection.executescript(_TABLES)


def _read(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, bytes]:
    now = int(time.time())
    rows = connection.execute(
        "SELECT key, body, digest, used_s FROM entries"
        " WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    ).fetchall()
    for key, body, digest, _ in rows:
        if digest != _digest(key, body):
            raise _DamagedError(f"the entry {key[:12]} is not as it was written")
    stale = [(now, row[0]) for row in rows if abs(now - row[3]) > _TOUCH_S]
    if stale:
        with transaction(connection):
            connection.executemany("UPDATE entries SET used_s = ? WHERE key = ?", stale)
    return {row[0]: row[1] for row in rows}


def _write(
    connection: sqlite3.Connection, kind: Kind, bodies: Mapping[str, bytes], limit_bytes: int
) -> None:
    now = int(time.time())
    # What would push out all the rest is not worth it.
    fitting = {key: body for key, body in bodies.items() if len(body) < limit_bytes // 4}
    with transaction(connection):
        connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in fitting])
        connection.executemany(
            "INSERT INTO entries (key, kind, body, digest, used_s) VALUES (?, ?, ?, ?, ?)",
            [(key, kind, body, _digest(key, body), now) for key, body in fitting.items()],
        )
        excess = sum(size for _, size in _totals(connection).values()) - limit_bytes
        if excess > 0:
            _evict(connection, excess + int((1 - _FULL_SHARE) * limit_bytes))


def _evict(connection: sqlite3.Connection, excess_bytes: int) -> None:
    """Remove the entries that were used longest ago, until so much is free."""
    connection.execute(
        "DELETE FROM entries WHERE key IN (SELECT key FROM (SELECT key,"
        " sum(length(body) + ?) OVER (ORDER BY used_s, key) - length(body) - ? AS before"
        " FROM entries) WHERE before < ?)",
        (_ROW_BYTES, _ROW_BYTES, excess_bytes),
    )


def _clear(connection: sqlite3.Connection) -> int:
    with transaction(connection):
        removed = connection.execute("DELETE FROM entries").rowcount
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return removed


def _totals(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    rows = connection.execute("SELECT kind, entries, bytes FROM totals")
    return {kind: (entries, size) for kind, entries, size in rows}


def _digest(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key.encode()[:64], digest_size=16).digest()


def _is_damage(error: Exception) -> bool:
    # The library quotes a damaged schema in words that the binding then cannot decode.
    if isinstance(error, _DamagedError | UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    # Without a code it is the binding's own word for a file that is no database; a table that is
    # missing, or has other columns, is a plain SQL error.
    return code is None or code & 0xFF in _BEYOND_REPAIR or code == sqlite3.SQLITE_ERROR
