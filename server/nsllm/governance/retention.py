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
    oldest = tables.first(connection)
    if oldest is None or not _is_older(oldest, before):
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
        if not _is_older(entry, before):
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


def _is_older(entry: Entry, before: datetime) -> bool:
    return datetime.fromisoformat(msgspec.json.decode(entry.body, type=_Dated).time) < before
