"""Documents have brackets of their own, which number no passage of an answer."""

from pathlib import Path

import pytest

from nsllm import settings
from nsllm.app import Application
from nsllm.errors import WorkerError
from nsllm.runtime import ModelRuntime
from nsllm.types import Answer, Question, Verdict

pytestmark = pytest.mark.models
TEXT = "# Annealing\n\nThe method of Smith [12] needs 40 seconds to anneal a plate.\n"
CODE = "# Plates\n\nThe first plate to anneal is always `plates[0]`, as Smith [99] says.\n"


async def answer(
    models_home: Path, isolated_home: Path, root: Path, *, document: str, text: str
) -> Answer:
    isolated_home.mkdir(parents=True, exist_ok=True)
    (isolated_home / "models").symlink_to(models_home / "models")
    root.mkdir()
    (root / "guide.md").write_text(document, "utf-8")
    loaded = settings.load(root)
    app = Application(root, loaded, ModelRuntime(loaded))
    try:
        await app.index()
        return await app.ask(Question(text=text, mode="extract"))
    finally:
        await app.aclose()


@pytest.mark.parametrize(
    ("document", "text", "quoted"),
    [
        (TEXT, "How long does the method of Smith need to anneal a plate?", "Smith [12] needs"),
        (CODE, "Which plate is the first to anneal?", "`plates[0]`, as Smith [99]"),
    ],
)
async def test_a_quotation_with_brackets_is_certain(
    models_home: Path, isolated_home: Path, tmp_path: Path, document: str, text: str, quoted: str
) -> None:
    found = await answer(
        models_home, isolated_home, tmp_path / "plates", document=document, text=text
    )
    assert quoted in found.text
    assert found.judgement.verdict is Verdict.PASS
    assert [f.rule for f in found.judgement.findings if f.rule.startswith("citation")] == []
    assert found.judgement.scores.grounding == 1.0


async def test_a_generator_that_dies_costs_a_quotation_only_its_perplexity(
    models_home: Path, isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> float:
        raise WorkerError("The worker died.", hint="Ask again.")

    monkeypatch.setattr(ModelRuntime, "perplexity", die)
    question = "How long does the method of Smith need to anneal a plate?"
    found = await answer(
        models_home, isolated_home, tmp_path / "plates", document=TEXT, text=question
    )
    assert "40 seconds" in found.text
    assert found.judgement.scores.perplexity is None
