"""Regions and accepted findings of one workspace, kept in SQLite over restarts."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from nsllm import private
from nsllm.database import use_wal
from nsllm.errors import MachineError
from nsllm.frontends.lsp.regions import Region, normal_form

FILE_NAME = "regions.db"
_KEPT = 2_000
_BUSY_TIMEOUT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS regions (
    id TEXT PRIMARY KEY, time REAL NOT NULL, region BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS accepted (
    rule TEXT NOT NULL, sentence TEXT NOT NULL, PRIMARY KEY (rule, sentence)
) STRICT;
"""


class RegionStore:
    """Reads and writes the regions of one workspace; keeps the newest 2,000."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def load(self) -> tuple[list[Region], set[tuple[str, str]]]:
        """Return all regions, oldest first, and the accepted (rule, sentence) pairs.

        Raises:
            MachineError: the database cannot be read.
        """
        if not self._path.exists():
            return [], set()
        with self._open() as database:
            rows = database.execute("SELECT region FROM regions ORDER BY time").fetchall()
            accepted = database.execute("SELECT rule, sentence FROM accepted").fetchall()
            regions = [msgspec.json.decode(body, type=Region) for (body,) in rows]
        return regions, set(accepted)

    def save(self, region: Region) -> None:
        """Keep a region; forget the oldest beyond the limit."""
        private.make_folder(self._path.parent)
        with self._open() as database, database:
            database.execute(
                "INSERT INTO regions VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET region = excluded.region",
                (region.id, time.time(), msgspec.json.encode(region)),
            )
            database.execute(
                "DELETE FROM regions WHERE id NOT IN "
                "(SELECT id FROM regions ORDER BY time DESC LIMIT ?)",
                (_KEPT,),
            )

    def accept(self, rule: str, text: str) -> tuple[str, str]:
        """Keep that a finding of `rule` on this text was accepted; return the pair."""
        pair = (rule, accepted_form(text))
        private.make_folder(self._path.parent)
        with self._open() as database, database:
            database.execute("INSERT OR IGNORE INTO accepted VALUES (?, ?)", pair)
        return pair

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S)) as database:
                use_wal(database, timeout_s=_BUSY_TIMEOUT_S)
                database.executescript(_SCHEMA)
                yield database
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise MachineError(
                f"{self._path} cannot be used: {error}.",
                hint="Check its permissions; if it is damaged, move it away: a new one is begun.",
            ) from error


def accepted_form(text: str) -> str:
    """Return under what a text's acceptance is kept; a text without words is kept by its hash."""
    return normal_form(text) or hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
