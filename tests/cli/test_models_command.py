"""`nsllm models` with models of one's own."""

import json
from pathlib import Path

from cli.conftest import Run
from models.classifiers import NLI, write_classifier
from models.tiny import Kind, write_gguf


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


def test_an_imported_generator_sits_the_exam_at_once(nsllm: Run, workspace: Path) -> None:
    write_gguf(
        workspace / "own.gguf",
        Kind.F16,
        architecture="qwen2",
        metadata={"qwen2.context_length": 4096},
    )
    done = nsllm("models", "import", "own.gguf")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "own, reading exam: facts 0%" in said
    assert "own is here. Use it: nsllm models use own" in said
    shown = json.loads(nsllm("models", "info", "own", "--json").stdout)
    assert shown["exam"]["passed"] is False
