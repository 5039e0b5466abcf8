"""Who may call the server."""

import os
import stat
import sys
from pathlib import Path

import pytest

from nsllm.errors import SettingsError, UsageError
from nsllm.frontends.http.tokens import SCOPES, Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "server")


def test_the_owners_token_is_made_once_and_allows_everything(tokens: Tokens) -> None:
    assert tokens.prepare()
    token = tokens.owner_path.read_text("utf-8").strip()
    assert not tokens.prepare()
    assert tokens.owner_path.read_text("utf-8").strip() == token
    client = tokens.find(token)
    assert client is not None
    assert all(client.may(scope) for scope in SCOPES)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_may_read_the_files(tokens: Tokens) -> None:
    os.umask(0)
    tokens.prepare()
    tokens.add("ci", ("ask",))
    for path in tokens.owner_path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(tokens.owner_path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_may_read_is_closed_at_the_next_start(tokens: Tokens) -> None:
    tokens.prepare()
    tokens.owner_path.chmod(0o644)
    tokens.prepare()
    if sys.platform != "win32":
        assert stat.S_IMODE(tokens.owner_path.stat().st_mode) == 0o600


def test_a_named_token_allows_its_scopes_and_is_kept_as_a_hash(tokens: Tokens) -> None:
    token = tokens.add("ci", ("ask", "index"))
    client = tokens.find(token)
    assert client is not None
    assert client.name == "ci"
    assert [scope for scope in SCOPES if client.may(scope)] == ["ask", "index"]
    for path in tokens.owner_path.parent.iterdir():
        assert token not in path.read_text("utf-8")


def test_a_removed_token_is_refused_by_a_server_that_runs(tokens: Tokens) -> None:
    running = Tokens(tokens.owner_path.parent)
    token = tokens.add("ci", ("ask",))
    assert running.find(token) is not None
    tokens.remove("ci")
    assert running.find(token) is None


@pytest.mark.parametrize("token", ["", "nsllm_", "ünïcode", "\udcff", "a" * 10_000])
def test_what_is_no_token_is_nobodys(tokens: Tokens, token: str) -> None:
    tokens.prepare()
    assert tokens.find(token) is None


def test_an_empty_token_file_admits_nobody(tokens: Tokens) -> None:
    tokens.prepare()
    tokens.owner_path.write_text("\n", encoding="utf-8")
    assert tokens.find("") is None


@pytest.mark.parametrize("name", ["", "owner", "../x", "a b", "-x", "x" * 65])
def test_a_name_that_is_none_is_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(UsageError):
        tokens.add(name, ("ask",))


def test_a_name_is_used_once(tokens: Tokens) -> None:
    tokens.add("ci", ("ask",))
    with pytest.raises(UsageError, match="ci"):
        tokens.add("ci", ("ask",))


def test_a_damaged_file_is_named_and_admits_nobody(tokens: Tokens) -> None:
    token = tokens.add("ci", ("ask",))
    path = tokens.owner_path.parent / "tokens.json"
    path.write_text("[{", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tokens\.json"):
        tokens.find(token)


def test_a_token_may_be_given_as_a_file_that_is_only_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{'5e' * 32}\n")
    secret.chmod(0o444)
    tokens = Tokens(tmp_path / "server", given=str(secret))
    assert not tokens.prepare()
    client = tokens.find("5e" * 32)
    assert client is not None
    assert client.name == "owner"
    assert not (tmp_path / "server" / "token").exists()
    if sys.platform != "win32":
        assert stat.S_IMODE(secret.stat().st_mode) == 0o444


@pytest.mark.parametrize("content", [None, "", "short\n", f"{'5e' * 32} and more"])
def test_a_given_file_without_a_token_is_named(tmp_path: Path, content: str | None) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_text(content)
    with pytest.raises(SettingsError, match="token_file"):
        Tokens(tmp_path / "server", given=str(secret)).prepare()


def test_a_token_without_scopes_allows_none_of_them(tokens: Tokens) -> None:
    client = tokens.find(tokens.add("prometheus", ()))
    assert client is not None
    assert not any(client.may(scope) for scope in SCOPES)
    assert client.may(None)
