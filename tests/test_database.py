"""Two connections switch a new database to the write-ahead log in the same moment."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from nsllm.database import use_wal


@pytest.fixture
def reader(tmp_path: Path) -> sqlite3.Connection:
    """Return a connection in the midst of reading, which the switch has to wait for."""
    connection = sqlite3.connect(tmp_path / "new.db", isolation_level=None, check_same_thread=False)
    connection.executescript("CREATE TABLE t (x); BEGIN; SELECT * FROM t;")
    return connection


def open_without_patience(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "new.db", timeout=0, isolation_level=None)


def mode_of(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def later(act: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(0.2, act)
    timer.start()
    return timer


def test_the_switch_is_tried_again_where_sqlite_gives_up(
    tmp_path: Path, reader: sqlite3.Connection
) -> None:
    with closing(reader), closing(open_without_patience(tmp_path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("PRAGMA journal_mode = WAL")
        timer = later(lambda: reader.execute("COMMIT"))
        use_wal(connection, timeout_s=60)
        timer.join()
        assert mode_of(connection) == "wal"


def test_a_database_that_stays_locked_is_an_error_in_the_end(
    tmp_path: Path, reader: sqlite3.Connection
) -> None:
    with (
        closing(reader),
        closing(open_without_patience(tmp_path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        use_wal(connection, timeout_s=0.05)


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "new.db").write_bytes(b"not a database" * 100)
    with (
        closing(open_without_patience(tmp_path)) as connection,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        use_wal(connection, timeout_s=600)
