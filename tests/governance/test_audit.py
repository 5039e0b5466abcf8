"""The audit log keeps every answer, in order, whoever writes."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from nsllm.errors import MachineError
from nsllm.governance.audit import AuditLog, AuditRecord
from nsllm.types import Scores, Verdict


def record(number: int) -> AuditRecord:
    return AuditRecord(
        id=f"id-{number}",
        time="2026-01-01T00:00:00.000+00:00",
        workspace="w",
        question="q?",
        text="t",
        mode="extract",
        model=None,
        scores=Scores(grounding=1.0),
        findings=(),
        verdict=Verdict.PASS,
        evidence=(),
        timings_ms={},
        version="0",
    )


def test_records_come_back_in_order(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "deep" / "audit.db")
    for number in range(3):
        log.append(record(number))
    assert [r.id for r in log.records()] == ["id-0", "id-1", "id-2"]
    assert next(log.records()) == record(0)


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: AuditLog(path).append(record(n)), range(40)))
    assert sorted(r.id for r in AuditLog(path).records()) == sorted(f"id-{n}" for n in range(40))


def test_each_record_is_chained_to_the_one_before(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "audit.db"
    log = AuditLog(path)
    log.append(record(0))
    log.append(record(1))
    database = sqlite3.connect(path)
    rows = database.execute("SELECT record, digest FROM records ORDER BY number").fetchall()
    database.close()
    head = b"\0" * 32
    for body, digest in rows:
        head = hashlib.sha256(head + body).digest()
        assert digest == head
    assert msgspec.json.decode(rows[1][0], type=AuditRecord).id == "id-1"


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(MachineError, match=r"audit\.db"):
        AuditLog(path).append(record(0))
