"""The models in use: what has to be fetched again, and what a damaged one answers."""

from pathlib import Path

import msgspec
import pytest

from lsp.editor import home_with_models
from nsllm import home
from nsllm.errors import ModelCorruptError
from nsllm.models import install
from nsllm.runtime import READER, ModelRuntime
from nsllm.settings import Settings

pytestmark = pytest.mark.models

GENERATOR = "smollm2-135m-instruct"
EMBEDDER = "all-minilm-l6-v2"


@pytest.fixture
def runtime(models_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRuntime:
    monkeypatch.setenv("NSLLM_HOME", str(home_with_models(tmp_path / "home", models_home)))
    return ModelRuntime(Settings())


def cut_off(model: str) -> Path:
    """Cut the largest file of a model in half; the linked original stays whole."""
    folder = home.models_folder() / model
    path = max(folder.iterdir(), key=lambda each: each.stat().st_size)
    body = path.read_bytes()
    path.unlink()
    path.write_bytes(body[: len(body) // 2])
    return path


def test_nothing_is_missing_where_all_is_whole(runtime: ModelRuntime) -> None:
    assert runtime.missing() == []


def test_what_an_older_importer_made_is_offered_again(
    runtime: ModelRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = msgspec.structs.replace(install.IMPORTERS["llama"], version=99)
    monkeypatch.setitem(install.IMPORTERS, "llama", newer)
    assert [model.id for model in runtime.missing()] == [GENERATOR]


@pytest.mark.parametrize("model", [EMBEDDER, READER, GENERATOR])
def test_a_file_that_is_cut_off_is_named_at_the_load(runtime: ModelRuntime, model: str) -> None:
    path = cut_off(model)
    load = {EMBEDDER: runtime.embedder, GENERATOR: runtime.writer}.get(model, runtime.reader)
    with pytest.raises(ModelCorruptError, match=path.name) as error:
        load()
    assert f"nsllm models pull {model}" in error.value.hint
    assert [missing.id for missing in runtime.missing()] == [model]


async def test_a_damaged_generator_costs_a_quotation_only_its_perplexity(
    runtime: ModelRuntime,
) -> None:
    cut_off(GENERATOR)
    assert await runtime.perplexity("Why?", [], "It is so.") is None
