"""The catalogue: one SQLite file with documents, chunks, their words and their vectors.

Readers need no lock: each sees the state of its own transaction. One process writes at a time,
which the builder's file lock sees to.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nsllm import private
from nsllm.database import file_identity
from nsllm.errors import WorkspaceIndexError
from nsllm.index import schema
from nsllm.index.faults import CorruptIndexError, translated
from nsllm.index.reading import Reader
from nsllm.index.writing import Writer

FILE_NAME = "catalogue.db"

# Checking a database takes as long as reading it; what is wrong with a larger one shows in use.
_CHECKED_BYTES = 16_000_000
_KEPT_ASIDE = 3


class Catalogue:
    """An open catalogue; threads may share it.

    Raises:
        CorruptIndexError: the file is damaged, or of another version.
        DiskFullError, IndexBusyError, WorkspaceIndexError: as `faults.translated` says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._writing = threading.RLock()
        with translated(path):
            private.make_folder(path.parent)
            connection = schema.connect(path)
            try:
                self._check(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            self._identity = file_identity(path)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Open a transaction that sees one state of the catalogue."""
        with self._transaction("BEGIN") as connection:
            yield Reader(connection)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Open a transaction that is committed at the end, or rolled back by an exception."""
        with self._writing, self._transaction("BEGIN IMMEDIATE") as connection:
            yield Writer(connection)

    def close(self) -> None:
        """Close the idle connections; one in use closes when its transaction ends."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def is_current(self) -> bool:
        """Tell whether the file at the path is still the one that was opened."""
        return file_identity(self.path) == self._identity

    def size_bytes(self) -> int:
        """Return the size of the file and its journal."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _check(self, connection: sqlite3.Connection) -> None:
        if not schema.create(connection):
            raise CorruptIndexError(
                f"The index {self.path} was made by another version of nsllm.",
                hint="Run nsllm index again: it builds a new one.",
            )
        if self.path.stat().st_size <= _CHECKED_BYTES:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise sqlite3.DatabaseError(said)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        if not self.is_current():
            self.close()
            raise CorruptIndexError(
                f"The index {self.path} was deleted or replaced while it was in use.",
                hint="Try again.",
            )
        with translated(self.path):
            with self._guard:
                connection = self._idle.pop() if self._idle else None
            connection = connection or schema.connect(self.path)
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.rollback()
                connection.close()
                raise
            with self._guard:
                self._idle.append(connection)


def move_aside(path: Path) -> Path:
    """Rename a damaged catalogue to `catalogue.corrupt-<n>.db`, and return that path.

    Raises:
        WorkspaceIndexError: another process holds the file open, on Windows.
    """
    numbered = [path.with_name(f"{path.stem}.corrupt-{n}.db") for n in range(1, _KEPT_ASIDE + 1)]
    target = next((name for name in numbered if not name.exists()), numbered[-1])
    try:
        path.replace(target)
        for journal in ("-wal", "-shm"):
            path.with_name(path.name + journal).unlink(missing_ok=True)
    except FileNotFoundError:
        return target
    except OSError as error:
        raise WorkspaceIndexError(
            f"The index {path} is damaged and cannot be moved aside: {error.strerror}.",
            hint="Close the other editors and commands that use this workspace, and try again.",
        ) from error
    return target
