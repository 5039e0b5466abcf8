"""Errors of SQLite and of the disk are told apart."""

import errno
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from nsllm.errors import DiskFullError, IndexBusyError, WorkspaceIndexError
from nsllm.index.faults import CorruptIndexError, translated


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "free", "expected"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), 10**9, DiskFullError),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), 0, DiskFullError),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), 10**9, WorkspaceIndexError),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), 0, DiskFullError),
        (sqlite_error(sqlite3.SQLITE_CORRUPT_VTAB), 10**9, CorruptIndexError),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), 10**9, IndexBusyError),
        (sqlite_error(sqlite3.SQLITE_READONLY), 10**9, WorkspaceIndexError),
        (OSError(errno.ENOSPC, "No space left on device"), 10**9, DiskFullError),
        (OSError("Unable to write: No space left on device (28)"), 10**9, DiskFullError),
        (OSError(errno.EACCES, "Permission denied"), 10**9, WorkspaceIndexError),
    ],
)
def test_each_error_becomes_ours(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    free: int,
    expected: type[WorkspaceIndexError],
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, free))
    with pytest.raises(expected) as caught, translated(tmp_path / "catalogue.db"):
        raise error
    assert type(caught.value) is expected
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint
