"""`nsllm setup`."""

from pathlib import Path

import pytest

from cli.conftest import Run


@pytest.mark.models
def test_it_says_that_everything_is_there(nsllm: Run, with_models: Path) -> None:
    assert with_models.is_dir()
    done = nsllm("setup")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "nsllm-passage-reader" in done.stdout


def test_without_models_and_a_terminal_it_says_what_to_do(nsllm: Run) -> None:
    done = nsllm("setup")
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert "all-minilm-l6-v2" in said
    assert "--yes" in said
