"""Which models the audit record of an answer names."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from lsp.editor import home_with_models
from nsllm import home
from nsllm.app import Application
from nsllm.governance.audit import AuditLog
from nsllm.governance.records import ModelHash, Rejected, record_of, sha256_of
from nsllm.governance.rulebook import Rulebook
from nsllm.models.registry import MANIFEST_FILE, Manifest
from nsllm.provenance import generators_of, origin_of
from nsllm.runtime import ModelRuntime
from nsllm.settings import Generation, Remote, Settings
from nsllm.types import Answer, AnswerMode, Judgement, Question, Scores, Verdict

GENERATOR = "smollm2-135m-instruct"
REMOTE = Remote(url="http://gpu-box:8000/v1", model="qwen")


def answer(mode: AnswerMode) -> Answer:
    judgement = Judgement(scores=Scores(), findings=(), verdict=Verdict.PASS)
    return Answer(
        id="a",
        question="q",
        text="t",
        mode=mode,
        model=None,
        passages=(),
        judgement=judgement,
        timings_ms={},
    )


def named(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, mode: AnswerMode, *rejected: AnswerMode
) -> list[ModelHash]:
    """Return the generators in the record of an answer; every model is installed."""
    settings = Settings(remote=REMOTE)
    models = ModelRuntime(settings)

    def installed(name: str) -> object:
        task = "generation" if name in {GENERATOR, "mine"} else "other"
        source = SimpleNamespace(sha256=sha256_of(name))
        return SimpleNamespace(
            manifest=SimpleNamespace(id=name, task=task, source=source, adapter_sha256=None)
        )

    monkeypatch.setattr(models.registry, "installed", installed)
    texts = [Rejected(text="t", mode=one, rule="r", reason="r") for one in rejected]
    origin = origin_of(
        Path("/w"),
        "cli",
        settings,
        Rulebook(settings.governance),
        models,
        generators=generators_of(answer(mode), texts, chosen),
    )
    return [one for one in record_of(answer(mode), origin).models if one.task == "generation"]


def test_the_generator_that_wrote_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    [one] = named(monkeypatch, "mine", "generate")
    assert (one.id, one.sha256) == ("mine", sha256_of("mine"))
    [own] = named(monkeypatch, None, "generate")
    assert own.id == GENERATOR


def test_a_generator_on_another_machine_is_named_with_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [one] = named(monkeypatch, "remote", "generate")
    assert (one.id, one.sha256, one.address) == ("qwen", "", REMOTE.url)


def test_of_a_quotation_the_one_that_measured_it_and_the_one_that_was_rejected_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [m.id for m in named(monkeypatch, "mine", "extract")] == [GENERATOR]
    both = named(monkeypatch, "mine", "extract", "generate", "generate")
    assert [m.id for m in both] == [GENERATOR, "mine"]


@pytest.mark.models
@pytest.mark.timeout(300)
async def test_a_question_that_chose_its_model_is_recorded_with_it(
    isolated_home: Path, models_home: Path, tmp_path: Path
) -> None:
    home_with_models(isolated_home, models_home)
    folder = isolated_home / "models" / "mine"
    shutil.copytree(isolated_home / "models" / GENERATOR, folder)
    path = folder / MANIFEST_FILE
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    source = msgspec.structs.replace(manifest.source, sha256="f" * 64)
    path.unlink()
    path.write_bytes(
        msgspec.json.encode(msgspec.structs.replace(manifest, id="mine", source=source))
    )
    workspace = tmp_path / "harrow"
    workspace.mkdir()
    (workspace / "a.md").write_text("Readings are kept for 30 days.", encoding="utf-8")
    settings = Settings(generation=Generation(max_tokens=8))
    application = Application(workspace, settings, ModelRuntime(settings))
    try:
        await application.index()
        question = Question(text="How long are readings kept?", mode="generate", model="mine")
        await application.ask(question)
    finally:
        await application.aclose()
    with AuditLog(home.audit_path(), settings.audit) as log:
        [record] = log.records()
    wrote = {model.id: model.sha256 for model in record.models if model.task == "generation"}
    assert wrote["mine"] == "f" * 64
