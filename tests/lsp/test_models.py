"""Choosing a model where something else decides, and what an answer lacks, all without models."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lsp.conftest import Starter
from lsp.editor import RefusedError
from nsllm.models.registry import MANIFEST_FILE

CHOSEN = "qwen2.5-coder-1.5b-instruct"
SMALL = "smollm2-135m-instruct"
WORKSPACE_FILE = f'[models]\ngenerator = "{SMALL}"\n'


def in_use(answer: dict[str, Any]) -> list[str]:
    return [m["id"] for m in answer["models"] if m["in_use"] and m["task"] == "generation"]


def remembered(home: Path) -> str:
    """Return the generator that the user's own file names."""
    table = tomllib.loads((home / "nsllm.toml").read_text("utf-8"))
    return str(table["models"]["generator"])


async def test_a_model_is_in_use_once_it_is_chosen(start: Starter) -> None:
    editor = await start()
    assert in_use(await editor.ask("nsllm/models", action="list")) == [SMALL]
    assert in_use(await editor.ask("nsllm/models", action="use", id=CHOSEN)) == [CHOSEN]


async def test_without_a_folder_the_users_own_settings_hold(
    start: Starter, isolated_home: Path
) -> None:
    isolated_home.mkdir()
    (isolated_home / "nsllm.toml").write_text(f'[models]\ngenerator = "{CHOSEN}"\n', "utf-8")
    editor = await start(folders=[])
    assert in_use(await editor.ask("nsllm/models", action="list")) == [CHOSEN]
    assert in_use(await editor.ask("nsllm/models", action="use", id=SMALL)) == [SMALL]


@pytest.mark.parametrize("place", ["editor", "workspace"])
async def test_a_choice_that_another_setting_overrules_is_said_to_be_none(
    start: Starter, isolated_home: Path, workspace: Path, place: str
) -> None:
    settings = {"models": {"generator": SMALL}} if place == "editor" else {}
    if place == "workspace":
        (workspace / "nsllm.toml").write_text(WORKSPACE_FILE, "utf-8")
    editor = await start(settings=settings)
    with pytest.raises(RefusedError, match=r"was chosen, but `models\.generator`") as refused:
        await editor.ask("nsllm/models", action="use", id=CHOSEN)
    assert refused.value.data["code"] == "settings"
    for where in ("nsllm.models.generator", "nsllm.toml", "NSLLM_MODELS_GENERATOR"):
        assert where in refused.value.data["hint"]
    assert remembered(isolated_home) == CHOSEN
    assert in_use(await editor.ask("nsllm/models", action="list")) == [SMALL]


async def test_what_an_answer_lacks_is_told_with_its_size_licence_and_source(
    start: Starter,
) -> None:
    editor = await start()
    missing = (await editor.ask("nsllm/models", action="missing"))["missing"]
    assert [model["id"] for model in missing] == [
        "all-minilm-l6-v2",
        "nsllm-passage-reader",
        "nsllm-grounding",
        "nsllm-toxicity",
        "nsllm-coherence",
        SMALL,
    ]
    embedder, reader, grounding = missing[:3]
    assert "the Python index" in embedder["source"]
    assert embedder["licence"] == "Apache-2.0"
    assert embedder["download_bytes"] > 80_000_000
    # Its base is not fetched for anything else.
    assert reader["download_bytes"] > 400_000_000
    # The embedder's download is its own.
    assert (grounding["download_bytes"], "all-minilm-l6-v2" in grounding["source"]) == (0, True)


async def test_a_model_whose_manifest_is_damaged_is_missing_and_keeps_no_list_away(
    start: Starter, isolated_home: Path
) -> None:
    folder = isolated_home / "models" / SMALL
    folder.mkdir(parents=True)
    (folder / MANIFEST_FILE).write_text("{", "utf-8")
    editor = await start()
    models = (await editor.ask("nsllm/models", action="list"))["models"]
    assert [model["installed"] for model in models if model["id"] == SMALL] == [False]
    missing = (await editor.ask("nsllm/models", action="missing"))["missing"]
    assert SMALL in [model["id"] for model in missing]
