"""SQLite: readers and one writer side by side, between processes too."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.01


def use_wal(connection: sqlite3.Connection, *, timeout_s: float) -> None:
    """Keep the database's changes in a write-ahead log from now on.

    SQLite gives up at once, whatever its own timeout, when two processes make this switch of a new
    database in the same moment, for each would wait for the other. So it is tried again here.

    Raises:
        sqlite3.OperationalError: the database stayed locked for `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # What is above these bits says which kind of busy: a recovery, for one.
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write what the block does, all or nothing; other writers wait meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one at its path, or None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
