"""The tables of the catalogue, and how a connection to it is set up."""

import sqlite3
from pathlib import Path

from nsllm.database import use_wal

VERSION = 1
BUSY_TIMEOUT_S = 15.0

_TABLES = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
-- From the clock on, so that no revision of a catalogue is one of those that it took the place of.
INSERT OR IGNORE INTO state
VALUES ('revision', CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));

CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    content_hash TEXT NOT NULL,
    mtime_ns INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    read_ns INTEGER NOT NULL,
    recipe TEXT NOT NULL,
    note TEXT
);

-- Ids are never used again, so that one taken from a search names its chunk or nothing.
CREATE TABLE IF NOT EXISTS chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    words TEXT NOT NULL,
    text_hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS chunks_by_document ON chunks (document);
CREATE INDEX IF NOT EXISTS chunks_by_hash ON chunks (text_hash);

CREATE VIRTUAL TABLE IF NOT EXISTS chunk_words USING fts5 (
    words, heading, text, content = 'chunks', content_rowid = 'id', tokenize = 'porter unicode61'
);
CREATE TRIGGER IF NOT EXISTS chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_words (rowid, words, heading, text)
    VALUES (new.id, new.words, new.heading, new.text);
END;
CREATE TRIGGER IF NOT EXISTS chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO chunk_words (chunk_words, rowid, words, heading, text)
    VALUES ('delete', old.id, old.words, old.heading, old.text);
END;
CREATE VIRTUAL TABLE IF NOT EXISTS word_counts USING fts5vocab ('chunk_words', 'row');

CREATE TABLE IF NOT EXISTS embeddings (
    embedder TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (embedder, text_hash)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that any one thread at a time may use; transactions are explicit."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        use_wal(connection, timeout_s=BUSY_TIMEOUT_S)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection) -> bool:
    """Make the tables where there are none; false for tables of another version.

    Two processes may do so at once: the second one waits, and finds the tables made.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
        )
        version = VERSION
    return bool(version == VERSION)
