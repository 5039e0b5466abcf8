"""What the errors of SQLite and of the disk mean to the user."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nsllm.errors import DiskFullError, IndexBusyError, NsllmError, WorkspaceIndexError

_FULL = {errno.ENOSPC, errno.EDQUOT}
# No constraint of ours can fail while the word index and the tables agree.
_CORRUPT = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_CONSTRAINT,
}
# What SQLite says when there is no room for its journal either.
_UNCLEAR = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_ROOM_BYTES = 100_000


class CorruptIndexError(WorkspaceIndexError):
    """The catalogue is damaged; whoever meets this moves it aside and builds a new one."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise the errors of SQLite and of the file system as errors of ours about `path`.

    Raises:
        DiskFullError: the transaction was rolled back, so what was there before still is.
        CorruptIndexError: the file is no sound database.
        IndexBusyError: another process kept the database locked.
        WorkspaceIndexError: anything else, in the words of the library.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, path) from error
    except UnicodeDecodeError as error:
        # The library quotes a damaged schema in words that the binding then cannot decode.
        raise _damaged(path, error) from error
    except OSError as error:
        # Annoy passes on the words of the system, but not its number.
        if error.errno in _FULL or os.strerror(errno.ENOSPC) in str(error):
            raise disk_full(path) from error
        raise WorkspaceIndexError(
            f"The index {path} cannot be used: {error.strerror or error}.",
            hint="Check the rights on that folder, or set NSLLM_HOME to another one.",
        ) from error


def disk_full(path: Path) -> DiskFullError:
    """Return the error for a write that found no room."""
    return DiskFullError(
        f"The disk is full: the index {path} could not be written. The index as it was is intact.",
        hint="Free some space, or set NSLLM_HOME to a folder on another disk.",
    )


def _has_no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _ROOM_BYTES
    except OSError:
        return False


def _from_sqlite(error: sqlite3.Error, path: Path) -> NsllmError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in _UNCLEAR and _has_no_room(path)):
        return disk_full(path)
    is_unknown = code == 0 and type(error) is sqlite3.DatabaseError
    if code in _CORRUPT or is_unknown or str(error).startswith("no such table"):
        return _damaged(path, error)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return IndexBusyError(
            f"The index {path} is in use by another process: {error}.",
            hint="Wait until that process has finished, and try again.",
        )
    return WorkspaceIndexError(
        f"The index {path} cannot be used: {error}.",
        hint="Check the rights on that folder, or set NSLLM_HOME to another one.",
    )


def _damaged(path: Path, error: Exception) -> CorruptIndexError:
    return CorruptIndexError(
        f"The index {path} is damaged: {error}.",
        hint="Run nsllm index again: it builds a new one and keeps the old one aside.",
    )
