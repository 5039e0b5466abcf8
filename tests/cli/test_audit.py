"""`nsllm audit` shows the log, and fails where it is not as it was written."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from governance.audit_logs import record, without_guards
from nsllm.governance.audit import AuditLog
from nsllm.types import Verdict


@pytest.fixture
def log(isolated_home: Path) -> Path:
    """Three answers in the log of the user."""
    with AuditLog(isolated_home / "audit.db") as log:
        for number in range(1, 4):
            question = f"How long are the readings of relay {number} kept before they are archived?"
            log.append(record(number, question=question, verdict=Verdict.WARN, client="cli"))
    return isolated_home / "audit.db"


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        guards = without_guards(database)
        database.execute(statement)
        for guard in guards:
            database.execute(guard)


def test_without_a_log_there_is_nothing_wrong(nsllm) -> None:
    assert nsllm("audit", "list").returncode == 0
    verified = nsllm("audit", "verify")
    assert (verified.returncode, verified.stdout) == (0, "There is no audit log yet.\n")
    assert nsllm("audit", "export").stdout == ""


def test_list_and_show_name_the_answers(nsllm, log: Path) -> None:
    lines = nsllm("audit", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert "warn" in lines[0]
    shown = nsllm("audit", "show", "2")
    assert "relay 2" in shown.stdout
    assert nsllm("audit", "show", "id-2").stdout == shown.stdout
    missing = nsllm("audit", "show", "99")
    assert missing.returncode == 2
    assert "No records are called 99" in missing.stderr


def test_json_has_what_the_editors_get(nsllm, log: Path) -> None:
    records = json.loads(nsllm("audit", "list", "--json", "--limit", "1").stdout)
    assert [r["number"] for r in records] == [3]
    assert {"id", "question", "text", "verdict", "client", "decided_by", "rejected"} <= {
        *records[0]
    }
    assert "accepted" not in records[0]


def test_verify_prints_the_head_that_it_takes(nsllm, log: Path) -> None:
    verified = nsllm("audit", "verify")
    assert verified.returncode == 0
    head = verified.stdout.split("  head  ")[1].split()[0]
    assert head.startswith("3:")
    assert nsllm("audit", "verify", "--head", head).returncode == 0
    assert nsllm("audit", "verify", "--head", f"3:{'0' * 64}").returncode == 1
    assert nsllm("audit", "verify", "--head", "3:zz").returncode == 2


def test_verify_fails_and_says_what_is_wrong(nsllm, log: Path) -> None:
    change(log, "DELETE FROM entries WHERE number = 2")
    verified = nsllm("audit", "verify")
    assert verified.returncode == 1
    assert "entry 2: missing" in verified.stdout
    found = json.loads(nsllm("audit", "verify", "--json").stdout)
    assert not found["intact"]
    assert [(f["kind"], f["first"]) for f in found["faults"]] == [("missing", 2)]
    refused = nsllm("audit", "prune", "--older-than", "1", "--yes")
    assert refused.returncode == 3
    assert "nothing was removed" in refused.stderr


def test_export_can_be_checked_by_others(nsllm, log: Path, tmp_path: Path) -> None:
    import hashlib

    nsllm("audit", "export", "-o", tmp_path / "audit.jsonl")
    lines = (tmp_path / "audit.jsonl").read_bytes().splitlines()
    assert len(lines) == 3
    for line in lines:
        entry = json.loads(line)
        body = line.split(b'"body":', 1)[1][:-1]
        kind = entry["kind"].encode()
        framed = (
            bytes.fromhex(entry["previous"])
            + entry["number"].to_bytes(8, "big", signed=True)
            + len(kind).to_bytes(2, "big")
            + kind
            + body
        )
        assert hashlib.sha256(framed).hexdigest() == entry["digest"]


def test_prune_asks_and_then_keeps_the_rest_verifiable(nsllm, log: Path) -> None:
    assert nsllm("audit", "prune", "--older-than", "1").returncode == 2
    assert nsllm("audit", "prune", "--older-than", "1000000", "--yes").returncode == 2
    pruned = nsllm("audit", "prune", "--older-than", "1", "--yes")
    assert pruned.stdout == "3 entries were removed.\n"
    assert nsllm("audit", "verify").returncode == 0


@pytest.mark.parametrize("command", ["list", "show 1", "export"])
def test_a_damaged_log_is_named_without_a_traceback(nsllm, log: Path, command: str) -> None:
    for path in log.parent.glob("audit.db*"):
        path.unlink()
    log.write_bytes(b"not a database" * 400)
    ran = nsllm("audit", *command.split())
    assert ran.returncode == 3
    assert "audit.db is damaged" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_newer_log_asks_for_an_update(nsllm, log: Path) -> None:
    change(log, "PRAGMA user_version = 9")
    ran = nsllm("audit", "verify")
    assert ran.returncode == 3
    assert "newer NS-LLM" in ran.stderr


@pytest.mark.models
@pytest.mark.timeout(300)
def test_an_answer_is_recorded_under_the_whole_path_of_its_workspace(
    nsllm, with_models: Path, workspace: Path
) -> None:
    """Its path is "." to the command here, which would tell readers elsewhere nothing."""
    asked = nsllm("ask", "How long are readings kept?", "--mode", "extract", "--json")
    assert asked.returncode == 0, asked.stderr
    [record] = json.loads(nsllm("audit", "list", "--json").stdout)
    assert record["workspace"] == str(workspace.resolve())
