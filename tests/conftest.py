"""Fixtures that every area of the tests shares."""

import os
from pathlib import Path

import pytest

EMBEDDER = "all-minilm-l6-v2"
GENERATOR = "smollm2-135m-instruct"
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def models_home() -> Path:
    """An NSLLM_HOME with both embedded models; `scripts/test.py` pulls them into it."""
    home = Path(os.environ.get("NSLLM_TEST_MODELS", REPOSITORY / ".nsllm" / "test-home"))
    for model in (EMBEDDER, GENERATOR):
        if not (home / "models" / model).is_dir():
            pytest.fail(f"{home} lacks {model}: run python3 scripts/test.py, which pulls it")
    return home


@pytest.fixture(scope="session")
def embedder_folder(models_home: Path) -> Path:
    return models_home / "models" / EMBEDDER


@pytest.fixture(scope="session")
def generator_folder(models_home: Path) -> Path:
    return models_home / "models" / GENERATOR


@pytest.fixture(autouse=True)
def isolated_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty NSLLM_HOME, so that none reads or writes the user's own."""
    home = tmp_path / "nsllm-home"
    for name in [name for name in os.environ if name.startswith("NSLLM_")]:
        if name != "NSLLM_TEST_MODELS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("NSLLM_HOME", str(home))
    return home
