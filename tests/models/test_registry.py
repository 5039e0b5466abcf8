"""models.toml and what is installed."""

from pathlib import Path

import pytest

from nsllm.errors import ModelCorruptError, SettingsError, UnknownModelError
from nsllm.models.registry import Registry, built_in_path
from nsllm.models.sources import SplitSource, WheelSource

ENTRY = """
[models.{id}]
task = "generation"
family = "llama"
parameters = 5
licence = "MIT"
context_length = {context}
[[models.{id}.sources]]
kind = "file"
path = "/tmp/x.gguf"
"""


def write(home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "models.toml").write_text(text, encoding="utf-8")


def test_the_embedded_models_are_known() -> None:
    registry = Registry.load()
    embedder, generator = registry.get("all-minilm-l6-v2"), registry.get("smollm2-135m-instruct")
    assert (embedder.task, embedder.dimensions) == ("embedding", 384)
    assert generator in registry.of_task("generation")
    assert embedder not in registry.of_task("generation")
    for model in (embedder, generator):
        assert model.licence == "Apache-2.0"
        assert isinstance(model.sources[0], WheelSource)
        assert model.memory_bytes
        assert model.disk_bytes
        assert model.download_bytes > 80_000_000
        assert model.sources[0].version in model.origin


def test_what_is_fetched_for_a_model_made_of_another_is_its_base() -> None:
    registry = Registry.load()
    reader, generator = registry.get("nsllm-passage-reader"), registry.get("smollm2-135m-instruct")
    base = registry.fetched_for(reader)
    assert base.id == reader.base == "all-mpnet-base-v2"
    assert base.download_bytes > 400_000_000
    assert isinstance(base.sources[0], SplitSource)
    assert registry.fetched_for(generator) is generator


def test_an_unknown_id_names_those_that_exist() -> None:
    with pytest.raises(UnknownModelError) as caught:
        Registry.load().get("gpt-9")
    assert "gpt-9" in caught.value.message
    assert "all-minilm-l6-v2" in caught.value.hint


def test_the_users_file_adds_and_replaces(isolated_home: Path) -> None:
    write(
        isolated_home,
        ENTRY.format(id="own", context=7) + ENTRY.format(id="smollm2-135m-instruct", context=9),
    )
    registry = Registry.load()
    assert registry.get("own").context_length == 7
    assert registry.get("smollm2-135m-instruct").context_length == 9
    assert registry.get("all-minilm-l6-v2").context_length == 256


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("parameters = 5", "parameters = 0", "parameters"),
        ('licence = "MIT"', "", "licence"),
        ('licence = "MIT"', 'licence = "MIT"\ncolour = "red"', "colour"),
        ('kind = "file"', 'kind = "ftp"', "kind"),
        ('task = "generation"', 'task = "painting"', "task"),
        ("[models.own]", '[models."Own Model"]', "regex"),
        ("[models.own]", "[models.own", "cannot be read"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(
    old: str, new: str, named: str, isolated_home: Path
) -> None:
    write(isolated_home, ENTRY.format(id="own", context=7).replace(old, new))
    with pytest.raises(SettingsError) as caught:
        Registry.load()
    assert str(isolated_home / "models.toml") in caught.value.message
    assert named in caught.value.message


def test_a_model_without_a_manifest_is_not_installed(isolated_home: Path) -> None:
    (isolated_home / "models" / "all-minilm-l6-v2").mkdir(parents=True)
    assert Registry.load().installed("all-minilm-l6-v2") is None


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"id": 3}'])
def test_a_damaged_manifest_is_reported_for_its_model_alone(
    body: bytes, isolated_home: Path
) -> None:
    folder = isolated_home / "models" / "all-minilm-l6-v2"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(body)
    registry = Registry.load()
    with pytest.raises(ModelCorruptError, match=r"manifest\.json"):
        registry.installed("all-minilm-l6-v2")
    assert registry.installed("smollm2-135m-instruct") is None


def test_the_file_of_a_checkout_is_at_its_root() -> None:
    assert built_in_path() == Path(__file__).resolve().parents[2] / "models.toml"
