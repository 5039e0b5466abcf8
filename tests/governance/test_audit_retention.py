"""Old records go, the rest stays verifiable; and records of the first format are taken over."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from governance.audit_logs import filled, log_in, opened, record, without_guards
from nsllm.errors import AuditError

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


def dated(number: int, month: int):
    return record(number, time=f"2026-{month:02}-01T12:00:00.000+00:00")


def test_what_is_older_goes_and_the_rest_verifies(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    for number, month in enumerate([1, 1, 2, 3], start=1):
        log.append(dated(number, month))
    assert log.prune(FEBRUARY) == 2
    assert [r.id for r in log.records()] == ["id-3", "id-4"]
    verification = log.verify()
    assert verification.intact
    assert verification.checkpoint is not None
    assert (verification.checkpoint.through, verification.checkpoint.removed) == (2, 2)
    assert b"question 1?" not in (tmp_path / "audit.db").read_bytes()


def test_pruning_again_and_pruning_all_stay_verifiable(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    for number in range(1, 5):
        log.append(dated(number, number))
        # From the second time on the checkpoint of the time before goes as well.
        assert log.prune(datetime(2100, 1, 1, tzinfo=UTC)) == min(number, 2)
        assert log.verify().intact
    assert list(log.records()) == []
    log.append(dated(9, 9))
    assert log.verify().intact


def test_pruning_nothing_writes_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    assert log.prune(datetime(2025, 1, 1, tzinfo=UTC)) == 0
    assert log.verify().entries == 2


def test_entries_removed_after_pruning_are_missed(tmp_path: Path) -> None:
    log = filled(tmp_path, 5)
    for number in range(6, 9):
        log.append(dated(number, 3))
    log.prune(FEBRUARY)
    log.close()
    with opened(tmp_path) as database:
        without_guards(database)
        database.execute("DELETE FROM entries WHERE number <= 6")
    assert ("missing", 1, 6) in [(f.kind, f.first, f.last) for f in log.verify().faults]


def test_a_log_that_is_not_intact_is_not_pruned(tmp_path: Path) -> None:
    log = filled(tmp_path, 3)
    log.close()
    with opened(tmp_path) as database:
        without_guards(database)
        database.execute("UPDATE entries SET body = x'7b7d' WHERE number = 2")
    with pytest.raises(AuditError, match="nothing was removed"):
        log.prune(FEBRUARY)
    assert len(list(log.entries())) == 3
    with pytest.raises(AuditError, match="Entry 2"):
        list(log.records())


def test_a_recorded_break_outlives_its_entry(tmp_path: Path) -> None:
    log = filled(tmp_path, 3)
    log.close()
    with opened(tmp_path) as database:
        guards = without_guards(database)
        database.execute("DELETE FROM entries WHERE number = 3")
        for guard in guards:
            database.execute(guard)
    log.append(record(4))
    kinds = {fault.kind for fault in log.verify().faults}
    assert {"missing", "break"} == kinds


def test_keep_days_prunes_as_records_are_written(tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=40)).isoformat(timespec="milliseconds")
    young = (datetime.now(UTC) - timedelta(days=20)).isoformat(timespec="milliseconds")
    log = log_in(tmp_path)
    log.append(record(1, time=old))
    log.append(record(2, time=young))
    log.close()
    log = log_in(tmp_path, keep_days=30)
    log.append(record(3, time=young))
    assert [r.id for r in log.records()] == ["id-2", "id-3"]
    assert log.verify().intact


@pytest.mark.parametrize(
    "body",
    [
        b"junk",
        b'{"time": "yesterday"}',
        b'{"time": "2026-01-01"}',
        b'{"time": "\xff"}',
        b'{"x": ' + b"[" * 50_000,
    ],
    ids=["junk", "no date", "no zone", "no UTF-8", "deep"],
)
def test_a_first_entry_that_says_no_time_keeps_no_answer_out(tmp_path: Path, body: bytes) -> None:
    log = filled(tmp_path, 2)
    log.close()
    with opened(tmp_path) as database:
        database.execute("INSERT INTO entries VALUES (0, 'record', ?, x'00', x'00')", (body,))
    log = log_in(tmp_path, keep_days=30)
    log.append(record(3))
    assert [entry.number for entry in log.entries()] == [0, 1, 2, 3]
    assert not log.verify().intact
    with pytest.raises(AuditError, match="nothing was removed"):
        log.prune(FEBRUARY)


def test_a_first_entry_that_cannot_be_read_keeps_no_answer_out(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    log.close()
    with opened(tmp_path) as database:
        database.execute("INSERT INTO entries VALUES (0, CAST(x'ff' AS TEXT), x'', x'', x'')")
    log = log_in(tmp_path, keep_days=30)
    assert log.append(record(3)) == 3
    assert "unreadable" in {fault.kind for fault in log.verify().faults}


def old_log(folder: Path, count: int) -> list[bytes]:
    """Write a database as the version before this one did."""
    bodies = [msgspec.json.encode(record(number)) for number in range(1, count + 1)]
    with closing(sqlite3.connect(folder / "audit.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE records ("
            "number INTEGER PRIMARY KEY, record BLOB NOT NULL, digest BLOB NOT NULL) STRICT"
        )
        head = b"\0" * 32
        for body in bodies:
            head = hashlib.sha256(head + body).digest()
            database.execute("INSERT INTO records (record, digest) VALUES (?, ?)", (body, head))
        database.commit()
    return bodies


def test_records_of_the_first_format_are_taken_over_whole(tmp_path: Path) -> None:
    bodies = old_log(tmp_path, 4)
    log = log_in(tmp_path)
    before = log.verify()
    assert before.intact
    assert before.entries == 4
    assert "earlier version" in before.notes[0]
    log.append(record(5))
    assert log.verify().intact
    assert [e.body for e in log.entries() if e.kind == "record"][:4] == bodies
    assert [number for number, _ in log.page(10)] == [6, 4, 3, 2, 1]


def test_reading_takes_over_the_first_format_as_well(tmp_path: Path) -> None:
    old_log(tmp_path, 2)
    assert [r.id for r in log_in(tmp_path).records()] == ["id-1", "id-2"]
    assert log_in(tmp_path).verify().intact


def test_what_was_wrong_with_the_first_format_stays_known(tmp_path: Path) -> None:
    old_log(tmp_path, 4)
    with closing(sqlite3.connect(tmp_path / "audit.db")) as database:
        database.execute("UPDATE records SET record = x'7b7d' WHERE number = 2")
        database.commit()
    log = log_in(tmp_path)
    assert not log.verify().intact
    log.append(record(5))
    assert [(f.kind, f.first, f.last) for f in log.verify().faults] == [("migration", 1, 4)]


def test_a_log_swapped_for_one_of_the_first_format_is_found(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    for path in tmp_path.glob("audit.db*"):
        path.unlink()
    old_log(tmp_path, 3)
    log = log_in(tmp_path)
    assert not log.verify().intact
    log.append(record(4))
    assert "break" in {fault.kind for fault in log.verify().faults}
