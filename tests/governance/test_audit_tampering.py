"""Whatever is done to the files of an audit log, without its key, shows when it is verified."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.audit_logs import filled, log_in, opened, record, without_guards
from nsllm.governance.anchor import GENESIS, Head
from nsllm.governance.chain import digest_of

TAMPERINGS = 1000
RECORDS = 12

Row = list
"""Number, kind, body, digest and mac of an entry, as a forger would hold them."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log, the states it went through, one with pruned entries, and one of another user."""
    folder = tmp_path_factory.mktemp("logs")
    log_folder = folder / "now"
    for number in range(1, RECORDS + 1):
        filled_on(log_folder, number)
        shutil.copytree(log_folder, folder / f"after-{number}")
    shutil.copytree(log_folder, folder / "pruned")
    for number in range(1, 4):
        with log_in(folder / "pruned") as log:
            log.append(record(RECORDS + number, time="2026-03-01T00:00:00.000+00:00"))
    with log_in(folder / "pruned") as log:
        assert log.prune(datetime(2026, 2, 1, tzinfo=UTC)) == RECORDS
    filled(folder / "other", RECORDS)
    for one in ("now", "pruned", "other"):
        assert log_in(folder / one).verify().intact
    return folder


def filled_on(folder: Path, number: int) -> None:
    with log_in(folder) as log:
        log.append(record(number))


def rows_of(database: sqlite3.Connection) -> list[Row]:
    return [list(row) for row in database.execute("SELECT * FROM entries ORDER BY number")]


def write(database: sqlite3.Connection, rows: list[Row]) -> None:
    guards = without_guards(database)
    database.execute("DELETE FROM entries")
    database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", rows)
    for guard in guards:
        database.execute(guard)


def rechained(rows: list[Row]) -> None:
    """Compute every digest anew: anyone can, and the seals stay as they were."""
    previous = GENESIS
    for row in rows:
        row[3] = previous = digest_of(previous, row[0], row[1], row[2])


def renumbered(rows: list[Row], first: int) -> None:
    for number, row in enumerate(rows, start=first):
        row[0] = number


def changed(body: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ chance.randrange(1, 256)]) + body[place + 1 :]


def edit(rows: list[Row], chance: random.Random, _: Path) -> None:
    row = chance.choice(rows)
    column = chance.choice([2, 2, 2, 3, 4])
    row[column] = changed(row[column], chance)


def edit_the_kind(rows: list[Row], chance: random.Random, _: Path) -> None:
    row = chance.choice(rows)
    row[1] = chance.choice(
        [k for k in ("record", "checkpoint", "break", "migration", "x") if k != row[1]]
    )


def edit_and_rechain(rows: list[Row], chance: random.Random, folder: Path) -> None:
    row = chance.choice(rows)
    row[2] = changed(row[2], chance)
    rechained(rows)


def delete(rows: list[Row], chance: random.Random, _: Path) -> None:
    start = chance.randrange(len(rows) - 1)
    del rows[start : chance.randrange(start + 1, len(rows))]


def delete_and_renumber(rows: list[Row], chance: random.Random, folder: Path) -> None:
    first = rows[0][0]
    delete(rows, chance, folder)
    renumbered(rows, first)
    if chance.random() < 0.5:
        rechained(rows)


def cut(rows: list[Row], chance: random.Random, _: Path) -> None:
    del rows[chance.randrange(len(rows)) :]


def cut_the_last(rows: list[Row], chance: random.Random, _: Path) -> None:
    del rows[-1]


def insert(rows: list[Row], chance: random.Random, _: Path) -> None:
    first = rows[0][0]
    forged = [0, "record", changed(rows[-1][2], chance), rows[-1][3], chance.randbytes(32)]
    rows.insert(chance.randrange(len(rows) + 1), forged)
    renumbered(rows, first)
    if chance.random() < 0.5:
        rechained(rows)


def append(rows: list[Row], chance: random.Random, _: Path) -> None:
    body = changed(rows[-1][2], chance)
    number = rows[-1][0] + chance.choice([1, 1, 1, 2, 1000])
    mac = chance.choice([row[4] for row in rows] + [b""])
    rows.append([number, "record", body, digest_of(rows[-1][3], number, "record", body), mac])


def insert_before_the_first(rows: list[Row], chance: random.Random, _: Path) -> None:
    first = rows[0]
    rows.insert(0, [first[0] - chance.choice([1, 2, 100]), *rows[chance.randrange(len(rows))][1:]])


def duplicate(rows: list[Row], chance: random.Random, _: Path) -> None:
    first = rows[0][0]
    rows.insert(chance.randrange(len(rows) + 1), list(chance.choice(rows)))
    renumbered(rows, first)


def reorder(rows: list[Row], chance: random.Random, _: Path) -> None:
    one, other = chance.sample(range(len(rows)), 2)
    columns = chance.choice([(2,), (2, 3), (2, 3, 4), (1, 2, 3, 4)])
    rows_before = [list(row) for row in rows]
    for column in columns:
        rows[one][column], rows[other][column] = rows[other][column], rows[one][column]
    if rows == rows_before:
        rows.reverse()
        renumbered(rows, rows[-1][0])
    if chance.random() < 0.3:
        rechained(rows)


ROW_TAMPERINGS = (
    edit, edit_the_kind, edit_and_rechain, delete, delete_and_renumber, cut, cut_the_last, insert,
    append, insert_before_the_first, duplicate, reorder,
)  # fmt: skip


def database_of(source: Path, folder: Path) -> None:
    for path in folder.glob("audit.db*"):
        path.unlink()
    for path in source.glob("audit.db*"):
        shutil.copy(path, folder)


def swap_for_an_older_one(logs: Path, folder: Path, chance: random.Random) -> None:
    database_of(logs / f"after-{chance.randrange(1, RECORDS)}", folder)


def swap_for_anothers(logs: Path, folder: Path, chance: random.Random) -> None:
    database_of(logs / "other", folder)


def swap_database_and_head_for_anothers(logs: Path, folder: Path, chance: random.Random) -> None:
    database_of(logs / "other", folder)
    shutil.copy(logs / "other" / "seal" / "head", folder / "seal")


def swap_the_head_for_an_older_one(logs: Path, folder: Path, chance: random.Random) -> None:
    shutil.copy(logs / f"after-{chance.randrange(1, RECORDS)}" / "seal" / "head", folder / "seal")


def swap_the_key(logs: Path, folder: Path, chance: random.Random) -> None:
    shutil.copy(logs / "other" / "seal" / "key", folder / "seal")


def change_the_head(logs: Path, folder: Path, chance: random.Random) -> None:
    path = folder / "seal" / "head"
    path.write_bytes(changed(path.read_bytes().rstrip(), chance))


def take_away(logs: Path, folder: Path, chance: random.Random) -> None:
    chance.choice([folder / "audit.db", folder / "seal" / "head", folder / "seal" / "key"]).unlink()


def drop_the_guards(logs: Path, folder: Path, chance: random.Random) -> None:
    with opened(folder) as database:
        database.execute("PRAGMA synchronous = OFF")
        without_guards(database)


def rebuild_the_table(logs: Path, folder: Path, chance: random.Random) -> None:
    with opened(folder) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("ALTER TABLE entries RENAME TO old")
        database.execute("CREATE TABLE entries (number, kind, body, digest, mac)")
        database.execute("INSERT INTO entries SELECT * FROM old")
        database.execute("DROP TABLE old")


FILE_TAMPERINGS = (
    swap_for_an_older_one, swap_for_anothers, swap_database_and_head_for_anothers,
    swap_the_head_for_an_older_one, swap_the_key, change_the_head, take_away, drop_the_guards,
    rebuild_the_table,
)  # fmt: skip

ALL: tuple[Callable[..., None], ...] = (*ROW_TAMPERINGS, *FILE_TAMPERINGS)


def tamper(logs: Path, folder: Path, seed: int) -> str:
    chance = random.Random(seed)
    how = ALL[seed % len(ALL)]
    if how in FILE_TAMPERINGS:
        how(logs, folder, chance)
        return how.__name__
    with opened(folder) as database:
        database.execute("PRAGMA synchronous = OFF")
        rows = rows_of(database)
        before = [list(row) for row in rows]
        how(rows, chance, folder)
        assert rows != before, how
        write(database, rows)
    return how.__name__


@pytest.mark.parametrize("batch", range(10))
def test_a_thousand_tamperings_are_all_found(logs: Path, tmp_path: Path, batch: int) -> None:
    missed = []
    for seed in range(batch * TAMPERINGS // 10, (batch + 1) * TAMPERINGS // 10):
        folder = tmp_path / str(seed)
        source = "pruned" if seed % 3 == 0 else "now"
        shutil.copytree(logs / source, folder)
        how = tamper(logs, folder, seed)
        if log_in(folder).verify().intact:
            missed.append((seed, how, source))
        shutil.rmtree(folder)
    assert missed == []


@pytest.mark.parametrize("seed", range(len(ALL)))
def test_a_tampering_is_still_found_after_the_next_answer(
    logs: Path, tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / "log"
    shutil.copytree(logs / "now", folder)
    how = tamper(logs, folder, seed)
    with log_in(folder) as log:
        log.append(record(99))
        log.append(record(100))
    assert not log_in(folder).verify().intact, how


def test_faults_name_the_entries(logs: Path, tmp_path: Path) -> None:
    def faults(how: Callable[[list[Row]], None]) -> list[tuple[str, int | None, int | None]]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(logs / "now", folder)
        with opened(folder) as database:
            rows = rows_of(database)
            how(rows)
            write(database, rows)
        return [(f.kind, f.first, f.last) for f in log_in(folder).verify().faults]

    def change_the_fifth(rows: list[Row]) -> None:
        rows[4][2] = rows[4][2].replace(b"question", b"Question")

    def cut_three(rows: list[Row]) -> None:
        del rows[-3:]

    def remove_two(rows: list[Row]) -> None:
        del rows[3:5]

    assert faults(change_the_fifth) == [("edited", 5, 5)]
    assert faults(cut_three) == [("cut", 10, 12)]
    assert faults(remove_two) == [("missing", 4, 5)]


def test_rolling_back_database_and_head_together_takes_a_pinned_head_to_see(
    logs: Path, tmp_path: Path
) -> None:
    """Who may write both can bring back an old state: only what was noted elsewhere shows it."""
    pinned = log_in(logs / "now").verify().head
    rolled_back = log_in(logs / "after-7")
    assert rolled_back.verify().intact
    [fault] = rolled_back.verify(pinned).faults
    assert fault.kind == "pin"
    assert log_in(logs / "now").verify(pinned).intact
    assert log_in(logs / "now").verify(Head(digest=pinned.digest)).intact
    assert not log_in(logs / "now").verify(Head(number=3, digest=pinned.digest)).intact


def test_a_pinned_head_that_retention_removed_is_named(logs: Path) -> None:
    early = list(log_in(logs / "now").entries())[2]
    [fault] = log_in(logs / "pruned").verify(Head(number=3, digest=early.digest)).faults
    assert "retention" in fault.message


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("body", [b"{}", b"[" * 50_000], ids=["short", "deep"])
def test_an_entry_of_a_kind_beyond_all_length_is_found(
    tmp_path: Path, place: int, body: bytes
) -> None:
    log = filled(tmp_path, 3)
    log.close()
    with opened(tmp_path) as database:
        without_guards(database)
        database.execute("DELETE FROM entries WHERE number = ?", (place,))
        database.execute(
            "INSERT INTO entries VALUES (?, ?, ?, x'00', x'00')", (place, "x" * 70_000, body)
        )
    assert place in {fault.first for fault in log.verify().faults if fault.kind == "unsealed"}


@pytest.mark.parametrize("kind", ["checkpoint", "break", "migration"])
@pytest.mark.parametrize(
    "body", [b'{"time": "\xff"}', b'{"x": ' + b"[" * 50_000], ids=["no UTF-8", "deep"]
)
def test_an_event_that_cannot_be_read_is_found_without_the_key(
    tmp_path: Path, kind: str, body: bytes
) -> None:
    log = filled(tmp_path, 3)
    log.close()
    with opened(tmp_path) as database:
        rows = rows_of(database)
        rows[0][1:3] = [kind, body]
        rechained(rows)
        write(database, rows)
    (tmp_path / "seal" / "key").unlink()
    assert "key" in {fault.kind for fault in log_in(tmp_path).verify().faults}
