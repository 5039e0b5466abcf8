"""The cache's file: bounded, shared, and thrown away when anything is wrong with it."""

import logging
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsllm.cache.store import CacheStore

LIMIT = 80_000
WRITER = Path(__file__).with_name("cache_writer.py")


def key(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def store(tmp_path: Path):
    with closing(CacheStore(tmp_path / "cache.db", LIMIT)) as opened:
        yield opened


def test_what_was_put_is_found_by_another_process_later(store: CacheStore) -> None:
    store.put("answer", {key(1): b"one", key(2): b"two"})
    store.close()
    with closing(CacheStore(store.path, LIMIT)) as later:
        assert later.get("answer", [key(1), key(3), key(2)]) == {key(1): b"one", key(2): b"two"}
        status = later.status()
    assert status.entries == {"answer": 2, "embedding": 0}
    assert (status.hits["answer"], status.misses["answer"]) == (2, 1)
    assert status.problem is None


def test_what_is_put_again_replaces_what_was_there(store: CacheStore) -> None:
    store.put("answer", {key(1): b"one"})
    store.put("answer", {key(1): b"uno"})
    assert store.get("answer", [key(1)]) == {key(1): b"uno"}
    assert store.status().entries["answer"] == 1


def test_it_stays_within_its_limit_and_keeps_what_is_used(store: CacheStore) -> None:
    store.put("answer", {key(0): b"x" * 1_000})
    for number in range(1, 120):
        with sqlite3.connect(store.path) as database:
            # Time passes: what was put before was used before.
            database.execute("UPDATE entries SET used_s = used_s - 1000")
        database.close()
        assert key(0) in store.get("answer", [key(0)])
        store.put("embedding", {key(number): b"x" * 1_000})
        assert store.status().size_bytes <= LIMIT
    store.close()
    assert store.path.stat().st_size < 2 * LIMIT


def test_what_would_push_out_all_the_rest_is_not_kept(store: CacheStore) -> None:
    store.put("answer", {key(1): b"small", key(2): b"x" * LIMIT})
    assert list(store.get("answer", [key(1), key(2)])) == [key(1)]


def test_without_room_it_is_off_and_makes_no_file(tmp_path: Path) -> None:
    off = CacheStore(tmp_path / "cache.db", 0)
    off.put("answer", {key(1): b"one"})
    assert off.get("answer", [key(1)]) == {}
    assert off.status().size_bytes == 0
    assert not off.path.exists()


def test_asking_for_its_state_makes_no_file(store: CacheStore) -> None:
    assert store.status().entries == {"answer": 0, "embedding": 0}
    assert store.clear() == 0
    assert not store.path.exists()


def test_clearing_holds_for_other_processes(store: CacheStore) -> None:
    store.put("answer", {key(1): b"one"})
    with closing(CacheStore(store.path, 0)) as other:
        assert other.clear() == 1
    assert store.get("answer", [key(1)]) == {}
    assert store.status().size_bytes == 0


def filled(path: Path) -> bytes:
    """Write a cache with a hundred entries, and return the bytes of its file."""
    with closing(CacheStore(path, 10**7)) as store:
        store.put("answer", {key(n): bytes([n]) * 900 for n in range(100)})
    return path.read_bytes()


@pytest.mark.parametrize(
    ("sought", "byte"),
    [(b"CREATE TABLE entries", 0x80), (b"entry_added", 0x80), (b"embedding", 0x3F)],
    ids=["a table's definition", "a trigger's", "the totals"],
)
def test_a_damaged_schema_or_total_is_damage(tmp_path: Path, sought: bytes, byte: int) -> None:
    path = tmp_path / "cache.db"
    body = bytearray(filled(path))
    for place in (m.start() for m in re.finditer(re.escape(sought), bytes(body))):
        for target in (place - 1, place + len(sought) - 1):
            body[target] = byte
    path.write_bytes(body)
    with closing(CacheStore(path, 10**7)) as store:
        store.get("answer", [key(1)])
        store.put("answer", {key(200): b"new"})
        assert store.get("answer", [key(200)]) == {key(200): b"new"}
        assert store.status().problem is None


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_its_bytes_it_never_gives_wrong_ones(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "cache.db"
    body = bytearray(filled(path))
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(body))))
    path.write_bytes(body[:cut])
    with closing(CacheStore(path, 10**7)) as store:
        found = store.get("answer", [key(n) for n in range(100)])
        assert all(found[key(n)] == bytes([n]) * 900 for n in range(100) if key(n) in found)
        store.put("answer", {key(200): b"new"})
        if store.status().problem is None:
            assert store.get("answer", [key(200)]) == {key(200): b"new"}


@pytest.mark.parametrize("junk", [b"no database at all, " * 500, b""], ids=["junk", "empty"])
def test_a_file_that_is_none_is_replaced_with_a_notice(
    store: CacheStore, caplog: pytest.LogCaptureFixture, junk: bytes
) -> None:
    store.path.write_bytes(junk)
    with caplog.at_level(logging.WARNING):
        store.put("answer", {key(1): b"one"})
    assert store.get("answer", [key(1)]) == {key(1): b"one"}
    assert store.status().problem is None
    noticed = [r.getMessage() for r in caplog.records]
    assert (str(store.path) in noticed[0] and "damaged" in noticed[0]) if junk else noticed == []


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE entries SET body = x'00'",
        "DROP TABLE entries",
        "DROP TABLE totals",
        "ALTER TABLE entries RENAME COLUMN digest TO other",
        "PRAGMA user_version = 7",
    ],
)
def test_an_entry_or_table_that_was_changed_starts_it_anew(
    store: CacheStore, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    store.put("answer", {key(1): b"one"})
    store.close()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as database:
        database.execute(harm)
    with caplog.at_level(logging.WARNING):
        assert store.get("answer", [key(1)]) in ({}, {key(1): b"one"})
        store.put("answer", {key(2): b"two"})
    assert store.get("answer", [key(2)]) == {key(2): b"two"}
    assert store.get("answer", [key(1)]) in ({}, {key(1): b"one"})
    assert "a new one begins" in caplog.text
    assert store.status().problem is None


def test_a_file_deleted_under_it_is_made_again(store: CacheStore) -> None:
    store.put("answer", {key(1): b"one"})
    store.path.unlink()
    assert store.get("answer", [key(1)]) == {}
    store.put("answer", {key(2): b"two"})
    assert store.get("answer", [key(2)]) == {key(2): b"two"}


def test_a_full_disk_keeps_nothing_and_is_said_once(
    store: CacheStore, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite is given as many pages as it has, which is how it meets a full disk."""
    store.put("answer", {key(1): b"one"})
    assert store._connection is not None
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            store.put("answer", {key(2): b"x" * 15_000})
            assert store._connection is None
            store._connect().execute(f"PRAGMA max_page_count = {pages}")
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "full" in caplog.text
    problem = store.status()
    assert key(2) not in store.get("answer", [key(1), key(2)])
    assert problem.entries["answer"] == 1
    store.close()
    store.put("answer", {key(2): b"x" * 15_000})
    assert len(store.get("answer", [key(1), key(2)])) == 2


def test_a_folder_that_cannot_be_made_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = CacheStore(tmp_path / "file" / "cache.db", LIMIT)
    store.put("answer", {key(1): b"one"})
    assert store.get("answer", [key(1)]) == {}
    assert len(caplog.records) == 1


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    writers = [
        subprocess.Popen(
            [sys.executable, str(WRITER), str(path), str(first), "100"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in (0, 1000)
    ]
    for writer in writers:
        _, said = writer.communicate()
        assert (writer.returncode, said) == (0, "")
    with closing(CacheStore(path, 10**7)) as store:
        keys = [key(first + n) for first in (0, 1000) for n in range(100)]
        found = store.get("answer", keys)
        assert found == {name: name.encode() for name in keys}
        assert store.status().entries["answer"] == 200
