"""The audit log keeps every answer, in order, whoever writes."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from governance.audit_logs import filled, log_in, opened, record
from nsllm.errors import AuditError
from nsllm.governance.records import Acceptance, Rejected, record_of_acceptance
from nsllm.types import Evidence, Finding, Severity


def test_records_come_back_in_order(tmp_path: Path) -> None:
    log = log_in(tmp_path / "deep")
    numbers = [log.append(record(number)) for number in range(3)]
    assert numbers == [1, 2, 3]
    assert [r.id for r in log.records()] == ["id-0", "id-1", "id-2"]
    assert next(log.records()) == record(0)


def test_pages_go_back_from_the_newest(tmp_path: Path) -> None:
    log = filled(tmp_path, 5)
    assert [number for number, _ in log.page(2)] == [5, 4]
    assert [(number, r.id) for number, r in log.page(2, before=4)] == [(3, "id-3"), (2, "id-2")]
    assert log.page(2, before=1) == []
    name = record(0).workspace
    assert [number for number, _ in log.page(2, before=5, workspaces=["/else", name])] == [4, 3]
    assert log.page(2, workspaces=["/else"]) == log.page(2, workspaces=[]) == []


@pytest.mark.parametrize("number", [2**63, 10**30, 10**4000], ids=["2^63", "10^30", "10^4000"])
def test_numbers_that_no_entry_has_find_nothing(tmp_path: Path, number: int) -> None:
    log = filled(tmp_path, 2)
    assert log.find(str(number)) == []
    assert log.page(5, before=-number) == []
    assert log.page(5, before=number) == log.page(5)


def test_a_reference_that_is_no_text_finds_nothing(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    assert log.find("9" * 5000) == []
    assert log.find("id-1\udcff") == []


def test_a_workspace_whose_path_is_not_utf8_is_recorded(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.append(record(1, workspace="/home/caf\udce9"))
    log.append(record(2))
    assert [one.workspace for one in log.records()] == [r"/home/caf\udce9", "w"]
    own = ["/home/caf\udce9"]
    assert [one.id for _, one in log.page(5, workspaces=own)] == ["id-1"]
    assert [one.id for _, one in log.find("id-", workspaces=own)] == ["id-1"]
    assert log.find("id-2", workspaces=own) == []
    assert log.verify().intact


def test_a_log_whose_numbers_are_used_up_is_named(tmp_path: Path) -> None:
    log = filled(tmp_path, 2)
    log.close()
    with opened(tmp_path) as database:
        database.execute(f"INSERT INTO entries VALUES ({2**63 - 1}, 'record', x'', x'', x'')")
    with pytest.raises(AuditError, match=r"audit\.db cannot be used"):
        log.append(record(3))
    assert not log.verify().intact


def test_an_intact_log_verifies_and_names_its_head(tmp_path: Path) -> None:
    log = filled(tmp_path, 3)
    verification = log.verify()
    assert verification.intact
    assert verification.faults == ()
    assert (verification.entries, verification.head.number) == (3, 3)
    assert list(log.entries())[-1].digest == verification.head.digest


def test_no_log_is_no_fault(tmp_path: Path) -> None:
    assert log_in(tmp_path).verify().intact
    assert list(log_in(tmp_path).records()) == []
    assert log_in(tmp_path).page(5) == []


def test_concurrent_threads_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log_in(tmp_path).append(record(n)), range(40)))
    assert sorted(r.id for r in log_in(tmp_path).records()) == sorted(f"id-{n}" for n in range(40))
    assert log_in(tmp_path).verify().intact


def test_the_tables_refuse_changes(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    with opened(tmp_path) as database:
        for statement in ("DELETE FROM entries", "UPDATE entries SET body = x'00'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(statement)


@pytest.mark.skipif(os.name == "nt", reason="file modes")
def test_only_the_user_may_read_the_log(tmp_path: Path) -> None:
    log = filled(tmp_path, 1)
    databases = sorted(tmp_path.glob("*.db*"))
    assert databases
    assert [path.name for path in databases if path.stat().st_mode & 0o077] == []
    log.close()


@pytest.mark.skipif(os.name == "nt", reason="file modes")
def test_only_the_user_may_read_the_key(tmp_path: Path) -> None:
    log = filled(tmp_path, 1)
    key = tmp_path / "seal" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "seal").stat().st_mode & 0o777 == 0o700
    assert log.verify().notes == ()
    key.chmod(0o644)
    assert any("chmod 600" in note for note in log.verify().notes)


def test_secrets_are_replaced_before_they_are_written(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    text = f"Log in with {secret} and then go on."
    finding = Finding(
        rule="grounding.claim",
        severity=Severity.WARN,
        start=text.index("go on"),
        end=len(text),
        message=f"The source says {secret}.",
        evidence=Evidence(marker=1, text=f"token {secret}"),
    )
    rejected = Rejected(text=secret, mode="generate", rule="r", reason=secret)
    log_in(tmp_path).append(
        record(1, question=secret, text=text, findings=(finding,), rejected=(rejected,))
    )
    stored = b"".join(p.read_bytes() for p in tmp_path.glob("audit.db*"))
    assert secret.encode() not in stored
    [kept] = log_in(tmp_path).records()
    assert kept.text == "Log in with [redacted github-token] and then go on."
    [found] = kept.findings
    assert kept.text[found.start : found.end] == "go on."
    assert kept.redacted == ("github-token",)


def test_a_secret_known_by_what_stands_around_it_is_not_repeated(tmp_path: Path) -> None:
    secret = "sw0rd_fish_9x"
    text = f"Log in with password: {secret} as admin."
    finding = Finding(
        rule="grounding.unknown-identifier",
        severity=Severity.WARN,
        start=text.index(secret),
        end=text.index(secret) + len(secret),
        message=f"The workspace has no identifier {secret}.",
        evidence=Evidence(marker=1, text=f"It was {secret}, once."),
    )
    draft = Rejected(text="token: abc_1234_z", mode="generate", rule="r", reason="No abc_1234_z.")
    log_in(tmp_path).append(record(1, text=text, findings=(finding,), rejected=(draft,)))
    stored = b"".join(p.read_bytes() for p in tmp_path.glob("audit.db*"))
    assert secret.encode() not in stored
    assert b"abc_1234_z" not in stored
    [kept] = log_in(tmp_path).records()
    assert kept.findings[0].message == "The workspace has no identifier [redacted password]."


@pytest.mark.parametrize(
    ("rule", "words", "document", "kept"),
    [
        ("secret", "sw0rd_fish_9x", "password: sw0rd_fish_9x", "[redacted password]"),
        ("secret", "pw1", "postgres://app:pw1@db", "[redacted secret]"),
        ("coherence", "Use sw0rd_fish_9x.", "Use sw0rd_fish_9x.", "Use sw0rd_fish_9x."),
        ("secret", "sw0rd_fish_9x", None, "sw0rd_fish_9x"),
    ],
)
def test_of_an_accepted_secret_the_kind_is_kept(
    tmp_path: Path, rule: str, words: str, document: str | None, kept: str
) -> None:
    accepted = record_of_acceptance(
        Acceptance(rule=rule, uri="file:///a.md", reason=f"{words} is old."),
        words,
        workspace=tmp_path,
        version="1",
        document=document,
    )
    log_in(tmp_path).append(accepted)
    [found] = log_in(tmp_path).records()
    assert found.text == kept
    assert found.redacted == (() if kept == words else (kept.strip("[]").split()[1],))


def test_redaction_can_be_turned_off(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    log_in(tmp_path, redact=False).append(record(1, text=secret))
    assert [r.text for r in log_in(tmp_path).records()] == [secret]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "audit.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(AuditError, match=r"audit\.db is damaged"):
        log_in(tmp_path).append(record(0))
    with pytest.raises(AuditError, match=r"audit\.db is damaged"):
        log_in(tmp_path).page(1)
    [fault] = log_in(tmp_path).verify().faults
    assert fault.kind == "unreadable"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="modes do not bind root")
def test_a_read_only_log_is_named_and_still_read(tmp_path: Path) -> None:
    log = filled(tmp_path, 1)
    (tmp_path / "audit.db").chmod(0o400)
    with pytest.raises(AuditError, match="read-only"):
        log_in(tmp_path).append(record(2))
    assert [r.id for r in log.records()] == ["id-1"]


def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with opened(tmp_path) as database:
        database.execute("PRAGMA user_version = 3")
    for use in (
        lambda log: log.append(record(2)),
        lambda log: log.page(1),
        lambda log: log.verify(),
    ):
        with pytest.raises(AuditError, match=r"newer NS-LLM \(its format is 3"):
            use(log_in(tmp_path))


def test_a_database_that_was_replaced_while_open_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "other", 2)
    with log_in(tmp_path) as log:
        log.append(record(1))
        for path in tmp_path.glob("audit.db-*"):
            path.unlink()
        (tmp_path / "other" / "audit.db").replace(tmp_path / "audit.db")
        log.append(record(2))
        verification = log.verify()
    assert not verification.intact
    assert {"break"} <= {fault.kind for fault in verification.faults}
