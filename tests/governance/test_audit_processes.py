"""Several processes write at once, and processes die at any point."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance.audit_logs import filled, log_in, record
from nsllm.governance import tables
from nsllm.governance.anchor import Seal
from nsllm.governance.records import AuditRecord

WRITER = Path(__file__).with_name("audit_writer.py")


def start(folder: Path, name: str, count: int, prune_every: int = 0) -> "subprocess.Popen[str]":
    arguments = [sys.executable, str(WRITER), str(folder), name, str(count), str(prune_every)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [start(tmp_path, name, 60) for name in ("a", "b", "c")]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    log = log_in(tmp_path)
    assert log.verify().intact
    expected = {f"{name}-{number}" for name in ("a", "b", "c") for number in range(1, 61)}
    ids = [r.id for r in log.records()]
    assert len(ids) == 180
    assert set(ids) == expected
    for name in ("a", "b", "c"):
        own = [i for i in ids if i.startswith(name)]
        assert own == [f"{name}-{number}" for number in range(1, 61)]


@pytest.mark.parametrize("prune_every", [0, 3], ids=["appending", "pruning"])
def test_a_process_killed_at_any_time_loses_at_most_the_record_being_written(
    tmp_path: Path, prune_every: int
) -> None:
    """The same log goes through many crashes, each at a random moment."""
    chance = random.Random(prune_every)
    for crash in range(8):
        writer = start(tmp_path, f"crash{crash}", 1_000_000, prune_every)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "1\n"
        time.sleep(chance.random() * 0.05)
        writer.kill()
        rest, _ = writer.communicate()
        # The last line may have been cut in the middle.
        told = [1] + [int(line) for line in rest.split("\n")[:-1]]
        log = log_in(tmp_path)
        verification = log.verify()
        assert verification.intact, (crash, verification.faults)
        if not prune_every:
            kept = [r.id for r in log.records() if r.id.startswith(f"crash{crash}-")]
            assert len(kept) in {told[-1], told[-1] + 1}
            assert kept == [f"crash{crash}-{number}" for number in range(1, len(kept) + 1)]


class Died(BaseException):
    """The process ends here: nothing after this line runs."""


class Undone:
    """A connection on which nothing is rolled back."""

    def __init__(self, real) -> None:
        self.real = real

    def __getattr__(self, name: str):
        return getattr(self.real, name)

    def execute(self, statement: str, *arguments):
        return None if statement == "ROLLBACK" else self.real.execute(statement, *arguments)


STEPS = [
    (Seal, "write", 1, "before"), (Seal, "write", 1, "after"),
    (tables, "insert", 1, "before"), (tables, "insert", 1, "after"),
    (Seal, "write", 2, "before"), (Seal, "write", 2, "after"),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "call", "when"), STEPS)
def test_a_death_between_any_two_steps_leaves_an_intact_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner, name: str, call: int, when: str
) -> None:
    filled(tmp_path, 3)
    real = getattr(owner, name)
    calls = 0

    def dying(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            raise Died
        result = real(*args, **kwargs)
        if calls == call:
            raise Died
        return result

    log = log_in(tmp_path)
    log.append(record(0))
    # A dead process does not roll back either: SQLite does when the file is opened again.
    dead = Undone(log._connection)
    log._connection = dead
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(Died):
            log.append(record(4))
    dead.real.close()
    found: list[AuditRecord] = list(log_in(tmp_path).records())
    assert log_in(tmp_path).verify().intact
    assert len(found) in {4, 5}
    with log_in(tmp_path) as after:
        after.append(record(5))
    assert log_in(tmp_path).verify().intact
