"""Installed models against their manifests."""

from pathlib import Path

import pytest

from models.tiny import write_bert
from nsllm.errors import ModelCorruptError
from nsllm.models.install import import_file
from nsllm.models.registry import InstalledModel
from nsllm.models.verify import check_sizes, verify


@pytest.fixture
def installed(tmp_path: Path) -> InstalledModel:
    write_bert(tmp_path / "bert")
    return import_file(tmp_path / "bert", "mine")


def test_a_sound_model_passes(installed: InstalledModel) -> None:
    (installed.folder / "exam.json").write_text("{}")  # others keep their notes here
    seen: list[int] = []
    verify(installed, lambda progress: seen.append(progress.done))
    assert seen[-1] == installed.manifest.disk_bytes


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(installed: InstalledModel, name: str) -> None:
    (installed.folder / name).unlink()
    with pytest.raises(ModelCorruptError, match=f"{name} is missing") as caught:
        check_sizes(installed)
    assert "nsllm models pull mine" in caught.value.hint


def test_a_shorter_file_is_noticed_by_its_size(installed: InstalledModel) -> None:
    path = installed.folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelCorruptError, match=r"model\.onnx has \d+ bytes in place of"):
        check_sizes(installed)


def test_one_flipped_bit_is_noticed_by_its_hash(installed: InstalledModel) -> None:
    path = installed.folder / "model.onnx"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    check_sizes(installed)
    with pytest.raises(ModelCorruptError, match=r"model\.onnx has the SHA-256"):
        verify(installed)
