"""Make the tables of an audit log, and take over the records of the format before this one."""

import sqlite3
from pathlib import Path

import msgspec

from nsllm.database import transaction
from nsllm.governance import tables
from nsllm.governance.anchor import Anchor, Head, Seal
from nsllm.governance.chain import Migration, sealed
from nsllm.governance.records import now


def set_up(connection: sqlite3.Connection, path: Path, seal: Seal) -> None:
    """Make the tables, all or nothing; old records are sealed as they are, and their number noted.

    A log that had a head already is left for the caller to find changed: who puts a database of
    the old format in place of a sealed one must not have it sealed unseen.
    """
    key = seal.required_key()
    anchor = seal.read()
    is_first = anchor is not None and anchor.head == Head()
    head = Head()
    with transaction(connection):
        # Another process may have done it while this one waited.
        version = tables.version_of(connection, path)
        if version == tables.VERSION:
            return
        tables.create(connection)
        if version == 0:
            return
        fault, old_head = tables.old_fault(connection), b""
        for number, body, digest in list(tables.old_rows(connection)):
            entry = sealed(head, "record", body, key, number=number)
            tables.insert(connection, entry)
            head, old_head = entry.head, digest
        tables.drop_old(connection)
        taken = Migration(time=now(), entries=head.number, head=old_head, fault=fault)
        entry = sealed(head, "migration", msgspec.json.encode(taken), key)
        tables.insert(connection, entry)
        head = entry.head
        if is_first:
            seal.write(Anchor(head=Head(), next=head), flush=True)
    if is_first:
        seal.write(Anchor(head=head))
