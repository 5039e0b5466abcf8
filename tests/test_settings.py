"""Settings: layers, validation, trust."""

import os
from pathlib import Path

import pytest

from nsllm import home, settings
from nsllm.errors import SettingsError


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nsllm.toml").write_text(text, encoding="utf-8")


def test_defaults_need_no_file(tmp_path: Path) -> None:
    assert settings.load(tmp_path) == settings.Settings()


def test_later_layers_win(tmp_path: Path) -> None:
    write(home.settings_folder(), "[retrieval]\ntop_k = 3\ncandidates = 20\n")
    write(tmp_path, "[retrieval]\ntop_k = 4\n")
    assert settings.load(tmp_path).retrieval.top_k == 4
    assert settings.load(tmp_path).retrieval.candidates == 20
    environment = {"NSLLM_RETRIEVAL_TOP_K": "6", "NSLLM_MODELS_DOWNLOAD": "false"}
    loaded = settings.load(tmp_path, environment=environment)
    assert loaded.retrieval.top_k == 6
    assert loaded.models.download is False
    overrides = {"retrieval": {"top_k": 7}}
    assert (
        settings.load(tmp_path, overrides=overrides, environment=environment).retrieval.top_k == 7
    )


def test_lists_in_variables(tmp_path: Path) -> None:
    environment = {
        "NSLLM_DOCUMENTS_EXCLUDE": os.pathsep.join(["*.log", "build/"]),
        "NSLLM_SERVER_CORS_ORIGINS": "https://wiki.example.org, http://localhost:8080",
    }
    loaded = settings.load(tmp_path, environment=environment)
    assert loaded.documents.exclude == ("*.log", "build/")
    origins = ("https://wiki.example.org", "http://localhost:8080")
    assert loaded.server.cors_origins == origins


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[retrieval]\ntop_k = 0\n", "retrieval.top_k"),
        ("[retrieval]\ntop_kk = 1\n", "retrieval.top_kk"),
        ("[nope]\n", "nope"),
        ("[audit]\nkeep_days = 1000000\n", "audit.keep_days"),
        ('[generation]\nmode = "guess"\n', "generation.mode"),
        ("[retrieval]\ntop_k = 'many'\n", "retrieval.top_k"),
        ("[documents]\nexclude = ['docs\\']\n", "documents"),
        ("[check]\nfolders = ['!']\n", "check"),
        ("[[governance.overrides]]\npaths = ['!']\n", "governance.overrides[0]"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        settings.load(tmp_path)
    assert f"`{key}`" in caught.value.message
    assert str(tmp_path / "nsllm.toml") in caught.value.message


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "[retrieval\n")
    with pytest.raises(SettingsError, match=r"nsllm\.toml"):
        settings.load(tmp_path)


def test_an_untrusted_workspace_cannot_choose_models(tmp_path: Path) -> None:
    write(tmp_path, '[models]\ngenerator = "evil"\n[retrieval]\ntop_k = 2\n')
    loaded = settings.load(tmp_path, trusted=False)
    assert loaded.models == settings.Models()
    assert loaded.retrieval.top_k == 2
