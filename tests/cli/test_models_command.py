"""`nsllm models` with a classifier of another maker."""

import json
from pathlib import Path

from cli.conftest import Run
from models.classifiers import NLI, write_classifier


def test_the_commands_import_choose_and_show_it(nsllm: Run, workspace: Path) -> None:
    write_classifier(workspace / "own" / "nli", NLI)
    done = nsllm("models", "import", "own/nli")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "entailment means that a text is supported" in said
    assert "the other labels are contradiction, neutral" in said
    assert nsllm("models", "use", "nli").returncode == 0
    shown = json.loads(nsllm("models", "info", "nli", "--json").stdout)
    assert (shown["task"], shown["in_use"], shown["calibrated"]) == ("grounding", True, False)
    refused = nsllm("models", "import", "own/nli", "--id", "x", "--label", "entails")
    assert refused.returncode == 2
    assert "has no label entails" in " ".join(refused.stderr.split())
