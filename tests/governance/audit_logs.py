"""Records and logs for the tests of the audit log."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nsllm.governance.audit import AuditLog
from nsllm.governance.records import AuditRecord
from nsllm.settings import Audit
from nsllm.types import Scores, Verdict


def record(number: int, **fields: Any) -> AuditRecord:
    """Return a record whose id names its number."""
    defaults: dict[str, Any] = {
        "id": f"id-{number}",
        "time": "2026-01-01T00:00:00.000+00:00",
        "workspace": "w",
        "question": f"question {number}?",
        "text": "t",
        "mode": "extract",
        "model": None,
        "scores": Scores(grounding=1.0),
        "findings": (),
        "verdict": Verdict.PASS,
        "evidence": (),
        "timings_ms": {},
        "version": "0",
    }
    return AuditRecord(**(defaults | fields))


def log_in(folder: Path, **settings: Any) -> AuditLog:
    """Return the log of a folder, with its seal beside it."""
    return AuditLog(folder / "audit.db", Audit(**settings), seal=folder / "seal")


def filled(folder: Path, count: int) -> AuditLog:
    """Return a log with `count` records."""
    with log_in(folder) as log:
        for number in range(1, count + 1):
            log.append(record(number))
    return log


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database as someone who means to change it, without what hinders them."""
    with closing(sqlite3.connect(folder / "audit.db", isolation_level=None)) as database:
        yield database


def without_guards(database: sqlite3.Connection) -> list[str]:
    """Drop the triggers; return the statements that make them again."""
    found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = found.fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in triggers]
