"""A classifier of another maker in use: chosen by setting, and marked if not calibrated."""

from pathlib import Path

import pytest

from lsp.editor import home_with_models
from models.classifiers import NLI, write_classifier
from nsllm.app import Application
from nsllm.errors import SettingsError, UnknownModelError
from nsllm.models import install
from nsllm.runtime import ModelRuntime
from nsllm.settings import Models, Settings
from nsllm.types import Judgement, Verdict

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

EVIDENCE = "All readings are kept for thirty days in the archive."
CLAIM = "Readings are kept for thirty days."
OTHER = "Readings are kept for sixty days."
SETTINGS = Settings(models=Models(grounding="nli", toxicity="hate"))


@pytest.fixture
def imported(isolated_home: Path, models_home: Path, tmp_path: Path) -> Path:
    """An NSLLM_HOME with two classifiers beside the embedded models."""
    home_with_models(isolated_home, models_home)
    install.import_file(write_classifier(tmp_path / "nli", NLI))
    install.import_file(write_classifier(tmp_path / "hate", ("nothate", "hate"), "words"))
    return isolated_home


async def judged(workspace: Path, text: str, settings: Settings = SETTINGS) -> Judgement:
    application = Application(workspace, settings, ModelRuntime(settings))
    try:
        return await application.score(text, [EVIDENCE])
    finally:
        await application.aclose()


async def test_both_measure_in_place_of_the_embedded_ones(imported: Path, tmp_path: Path) -> None:
    good = await judged(tmp_path, CLAIM)
    bad = await judged(tmp_path, f"{OTHER} All those people are vermin.")
    assert good.scores.grounding is not None
    assert good.scores.grounding > 0.7
    assert bad.scores.grounding is not None
    assert bad.scores.grounding < 0.1
    assert bad.scores.toxicity == pytest.approx(0.982, abs=0.001)
    assert bad.verdict is Verdict.REJECT
    [found] = [f for f in bad.findings if f.rule == "grounding.claim" and f.end < len(OTHER)]
    assert OTHER[found.start : found.end] == "sixty days"


async def test_scores_are_marked_as_uncalibrated_until_models_toml_calibrates_them(
    imported: Path, tmp_path: Path
) -> None:
    notes = [f for f in (await judged(tmp_path, OTHER)).findings if f.rule == "model.uncalibrated"]
    assert {word for f in notes for word in ("nli", "hate") if word in f.message} == {"nli", "hate"}
    raw = (await judged(tmp_path, OTHER)).scores.grounding
    entry = """
        [models.{0}]
        task = "{1}"
        family = "onnx"
        parameters = 1
        licence = "MIT"
        context_length = 48
        calibration = {{ scale = 1.0, shift = 2.0 }}
        [[models.{0}.sources]]
        kind = "file"
        path = "{2}"
        """
    own = [("nli", "grounding"), ("hate", "toxicity")]
    (imported / "models.toml").write_text(
        "".join(entry.format(*one, (tmp_path / one[0]).as_posix()) for one in own), "utf-8"
    )
    calibrated = await judged(tmp_path, OTHER)
    assert [f for f in calibrated.findings if f.rule == "model.uncalibrated"] == []
    assert raw is not None
    assert calibrated.scores.grounding is not None
    assert calibrated.scores.grounding > raw


@pytest.mark.parametrize(
    ("chosen", "error", "met"),
    [
        (Models(toxicity="nli"), SettingsError, "`models.toxicity` is nli, which is for grounding"),
        (Models(grounding="gone"), UnknownModelError, "no model gone"),
    ],
)
def test_a_model_that_cannot_measure_it_is_named(
    imported: Path, chosen: Models, error: type[Exception], met: str
) -> None:
    with pytest.raises(error, match=met):
        ModelRuntime(Settings(models=chosen)).classifiers()
