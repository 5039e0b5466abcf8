"""How `nsllm serve` and `nsllm tokens` start, and what they refuse."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from http_live import Live

OK, USAGE, ENVIRONMENT = 0, 2, 3


def nsllm(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "nsllm", *arguments],
        env={**os.environ, "NSLLM_HOME": str(home), "COLUMNS": "200", **variables},
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=280,
    )


pytestmark = pytest.mark.timeout(600)


def test_to_serve_others_takes_tokens(isolated_home: Path) -> None:
    done = nsllm(isolated_home, "serve", "--host", "0.0.0.0", NSLLM_SERVER_REQUIRE_TOKEN="false")
    assert done.returncode == USAGE
    assert "without a token" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_workspace_cannot_open_the_server(isolated_home: Path, tmp_path: Path) -> None:
    """Its nsllm.toml is read for questions; what it says of the server is not."""
    workspace = tmp_path / "harrow"
    workspace.mkdir()
    (workspace / "nsllm.toml").write_text('[server]\nhost = "0.0.0.0"\nrequire_token = false\n')
    done = nsllm(isolated_home, "serve", str(workspace))
    # It comes as far as the models, which are not here: had it read the file, it had refused.
    assert done.returncode == ENVIRONMENT
    assert "models" in done.stderr
    assert "without a token" not in done.stderr


def test_a_folder_that_is_not_there(isolated_home: Path) -> None:
    done = nsllm(isolated_home, "serve", "gone")
    assert done.returncode == USAGE
    assert "gone" in done.stderr


def test_tokens_are_made_listed_and_removed(isolated_home: Path) -> None:
    owner = nsllm(isolated_home, "tokens", "show")
    assert owner.returncode == OK
    assert nsllm(isolated_home, "tokens", "show").stdout == owner.stdout
    made = nsllm(isolated_home, "tokens", "add", "ci", "--scope", "ask", "--scope", "index")
    assert made.returncode == OK
    assert made.stdout.startswith("nsllm_")
    [listed] = json.loads(nsllm(isolated_home, "tokens", "list", "--json").stdout)
    assert (listed["name"], listed["scopes"]) == ("ci", ["ask", "index"])
    wrong = nsllm(isolated_home, "tokens", "add", "x", "--scope", "everything")
    assert wrong.returncode == USAGE
    assert "everything" in wrong.stderr
    assert nsllm(isolated_home, "tokens", "remove", "ci").returncode == OK
    assert nsllm(isolated_home, "tokens", "remove", "ci").returncode == USAGE


@pytest.mark.models
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_port_that_is_taken(live: Live, harrow: Path) -> None:
    done = nsllm(live.home, "serve", str(harrow), "--port", str(live.port))
    assert done.returncode == ENVIRONMENT
    assert str(live.port) in done.stderr
    assert "Traceback" not in done.stderr
