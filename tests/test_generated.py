"""What is generated is not stale, and what must appear twice is the same."""

import importlib.util
import json
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "generate_settings", ROOT / "scripts" / "generate_settings.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_editors_settings_and_the_table_are_the_schemas(generator: ModuleType) -> None:
    found = [str(path) for path in generator.stale()]
    assert found == [], "run: python scripts/generate_settings.py"


def test_a_changed_default_is_noticed(generator: ModuleType) -> None:
    text = (ROOT / "package.json").read_text(encoding="utf-8")
    package = json.loads(text)
    blocks = package["contributes"]["configuration"]
    block = next(one for one in blocks if "nsllm.retrieval.top_k" in one["properties"])
    block["properties"]["nsllm.retrieval.top_k"]["default"] = 6
    assert generator.manifest(json.dumps(package)) == text


def test_every_setting_is_described(generator: ModuleType) -> None:
    for _, own in generator.sections().values():
        for setting in own:
            assert setting.description.endswith("."), setting.key


def test_the_extension_has_the_servers_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert package["version"] == project["version"] == lock["version"]
