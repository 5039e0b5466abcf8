"""Generated requests: a small run of scripts/fuzz_http.py, which does thousands."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from http_live import Live
from nsllm.frontends.http import catalogue

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz_http.py"
pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(900),
]


def test_generated_requests_are_answered_as_described(start: Callable[..., Live]) -> None:
    server = start(NSLLM_GENERATION_MAX_TOKENS="1").ready()
    token = server.home / "server" / "token"
    command = [str(SCRIPT), "--url", server.url, "--token-file", str(token)]
    done = subprocess.run(
        [sys.executable, *command, "--examples", "1", "--phases", "fuzzing", "--max-time", "40"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    counts = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counts, done.stdout[-8000:]
    assert counts[1] == counts[2]
    assert int(counts[1]) > len(catalogue.OPERATIONS)
