"""The examples of docs/API.md do what the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from http_live import Live, events_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "API.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8642"
pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, language
    return found


def run(command: list[str], live: Live) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, "NSLLM_TOKEN": live.token},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", examples("bash"))
def test_the_examples_with_curl(live: Live, example: str) -> None:
    shell = shutil.which("bash")
    if shell is None or shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    printed = run([shell, "-c", example.replace(ADDRESS, live.url)], live)
    assert "30 days" in printed
    if "text/event-stream" in example:
        assert events_of(printed)[-1][0] == "answer"


@pytest.mark.parametrize("example", examples("python"))
def test_the_examples_in_python(live: Live, example: str) -> None:
    printed = run([sys.executable, "-c", example.replace(ADDRESS, live.url)], live)
    assert "30 days" in printed
    assert "pass" in printed or "warn" in printed


def test_the_example_in_typescript(live: Live) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here")
    # It has no types of its own, so it is a module of JavaScript as it stands.
    [example] = examples("typescript")
    script = example.replace(ADDRESS, live.url)
    assert "30 days" in run([node, "--input-type=module", "--eval", script], live)
