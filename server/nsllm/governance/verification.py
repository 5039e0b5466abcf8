"""Check an audit log as it lies on the disk: database, key and head together."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
from filelock import BaseFileLock

from nsllm.governance import tables
from nsllm.governance.anchor import Anchor, Head, Seal
from nsllm.governance.chain import Entry, Fault, FaultKind, Verification, check


def verify(path: Path, seal: Seal, lock: BaseFileLock, pinned: Head | None) -> Verification:
    """Check every entry; what is wrong is returned as faults, not raised.

    Raises:
        AuditError: a newer version of the program wrote the database.
    """
    reading = _Reading(seal)
    if not path.exists():
        reading.take([])
        return reading.result(pinned)
    try:
        with closing(tables.connect_to_read(path)) as connection:
            with ExitStack() as held:
                # Nobody appends where the lock cannot be taken: there the head cannot move.
                if os.access(seal.folder, os.W_OK):
                    held.enter_context(lock)
                reading.anchor = seal.read()
                connection.execute("BEGIN")
                version = tables.version_of(connection, path)
            reading.read(connection, version)
    except (OSError, sqlite3.Error) as error:
        reading.fault("unreadable", f"the database cannot be read: {error}")
    return reading.result(pinned)


class _Reading:
    """What was read of one log, and what is wrong with it so far."""

    def __init__(self, seal: Seal) -> None:
        self.anchor: Anchor | None = seal.read()
        self._seal = seal
        self._faults: list[Fault] = []
        self._notes: list[str] = []
        self._digests: dict[bytes, int] = {}
        self._chain = Verification(entries=0, head=Head(), faults=())

    def fault(self, kind: FaultKind, message: str) -> None:
        """Note that something is wrong with the log as a whole."""
        self._faults.append(Fault(kind=kind, message=message))

    def read(self, connection: sqlite3.Connection, version: int) -> None:
        """Check the tables and walk along the chain."""
        if version == 1:
            self._read_old(connection)
            return
        if version == 0:
            self.take([])
            return
        differs = tables.schema_fault(connection)
        if differs:
            self.fault("schema", f"the database was rebuilt: {differs}")
            if "entries " in differs or "entries," in differs:
                return
        self.take(self._rows(connection))

    def take(self, entries: "Iterator[Entry] | list[Entry]") -> None:
        """Walk along the chain."""
        self._chain = check(self._noting(entries), key=self._seal.key(), anchor=self.anchor)

    def result(self, pinned: Head | None) -> Verification:
        """Return all that was found."""
        self._check_seal()
        if pinned is not None:
            self._check_pin(pinned)
        return msgspec.structs.replace(
            self._chain,
            faults=(*self._faults, *self._chain.faults),
            notes=tuple(self._notes),
        )

    def _rows(self, connection: sqlite3.Connection) -> Iterator[Entry]:
        try:
            yield from tables.entries(connection)
        except sqlite3.Error as error:
            self.fault("unreadable", f"the database is damaged: {error}")

    def _noting(self, entries: "Iterator[Entry] | list[Entry]") -> Iterator[Entry]:
        for entry in entries:
            self._digests[entry.digest] = entry.number
            yield entry

    def _read_old(self, connection: sqlite3.Connection) -> None:
        count = sum(1 for _ in tables.old_rows(connection))
        self._chain = Verification(entries=count, head=Head(), faults=())
        if wrong := tables.old_fault(connection):
            self.fault("edited", wrong)
        if self.anchor is not None and self.anchor.head.number:
            self.fault("replaced", "the database was replaced by one of an older format")
        self._notes.append(
            "It was written by an earlier version, which sealed nothing: entries cut off at the "
            "end cannot be seen. It is sealed from the next answer on."
        )

    def _check_seal(self) -> None:
        has_key, has_head = self._seal.key() is not None, self._seal.has_head()
        if has_key and not has_head:
            self.fault("head", f"the head in {self._seal.folder} was taken away")
        elif has_key and self.anchor is None:
            self.fault("head", f"the head in {self._seal.folder} is not sealed with the key")
        elif not has_key and (self._digests or (has_head and self._chain.entries)):
            self.fault("key", f"the key in {self._seal.folder} was taken away: seals are unchecked")
        if not self._seal.is_key_private:
            self._notes.append(f"Others may read the key in {self._seal.folder}: chmod 600 it.")

    def _check_pin(self, pinned: Head) -> None:
        checkpoint = self._chain.checkpoint
        if checkpoint is not None:
            self._digests[checkpoint.digest] = checkpoint.through
        found = self._digests.get(pinned.digest)
        if found is not None and pinned.number in {0, found}:
            return
        name = f"{pinned.number or ''}:{pinned.digest.hex()[:12]}…".lstrip(":")
        if checkpoint is not None and 0 < pinned.number < checkpoint.through:
            message = f"the pinned head {name} was removed by retention: pin a newer one"
        else:
            message = f"the pinned head {name} is not in the log: it was rewritten or cut off"
        self.fault("pin", message)
