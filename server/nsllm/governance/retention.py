"""Which old entries of the audit log may go, and the checkpoint that keeps the rest verifiable."""

import sqlite3
from datetime import datetime

import msgspec

from nsllm.governance import tables
from nsllm.governance.anchor import GENESIS
from nsllm.governance.chain import Checkpoint, Entry, check
from nsllm.governance.records import now


class _Dated(msgspec.Struct, frozen=True, kw_only=True):
    """What all bodies have in common."""

    time: str


def plan(connection: sqlite3.Connection, key: bytes | None, before: datetime) -> Checkpoint | None:
    """Return the checkpoint that removing all entries older than `before` takes.

    None: the log is not intact, and nothing may be removed. Entries go from the front only: one
    whose clock was wrong keeps what comes after it.
    """
    try:
        return _plan(connection, key, before)
    except sqlite3.Error:
        # A row that cannot be read stops no new one from being written.
        return None


def _plan(connection: sqlite3.Connection, key: bytes | None, before: datetime) -> Checkpoint | None:
    oldest = tables.first(connection)
    # Nobody has checked yet who wrote it. What it says can keep entries, and removes none.
    written = _time_of(oldest) if oldest else before
    if written is None:
        return None
    if oldest is None or written >= before:
        return Checkpoint(
            time=now(), before=before.isoformat(), through=0, digest=GENESIS, removed=0
        )
    verification = check(tables.entries(connection), key=key, anchor=None)
    # What was recorded as broken is carried on; what shows only now must be seen first.
    recorded = [f for f in verification.faults if f.kind in {"break", "migration"}]
    if len(recorded) < len(verification.faults):
        return None
    last = oldest
    removed = 0
    for entry in tables.entries(connection):
        written = _time_of(entry)
        if written is None or written >= before:
            break
        last, removed = entry, removed + 1
    return Checkpoint(
        time=now(),
        before=before.isoformat(),
        through=last.number,
        digest=last.digest,
        removed=removed,
        faults=tuple(f.message for f in recorded if f.first is None or f.first <= last.number),
    )


def _time_of(entry: Entry) -> datetime | None:
    """Return when an entry was written; None where it does not say, as all of ours do."""
    try:
        time = datetime.fromisoformat(msgspec.json.decode(entry.body, type=_Dated).time)
    except (ValueError, RecursionError):  # ValueError: of msgspec, and of bytes that are no UTF-8
        return None
    return time if time.tzinfo else None
