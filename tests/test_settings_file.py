"""Changing one setting leaves the rest of the user's file alone."""

import tomllib

import pytest

from nsllm import home, settings
from nsllm.errors import SettingsError
from nsllm.settings_file import remember


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# mine\n[retrieval]\ntop_k = 3\n",
        "[models]\n# note\nthreads = 2\n\n[retrieval]\ntop_k = 3\n",
        '[models]\ngenerator = "old" # why\n\n[retrieval]\ntop_k = 3\n',
        '[models]\nthreads = 2\n\n[[governance.overrides]]\npaths = ["*.md"]\n',
        "models.threads = 2\n[retrieval]\ntop_k = 3\n",
        "models = { threads = 2 }\n",
        '["models"]\nthreads = 2\n',
        "[retrieval]\r\ntop_k = 3\r\n",
    ],
)
def test_one_value_changes(before: str) -> None:
    path = home.settings_folder() / settings.FILE_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(before.encode())
    assert remember("models", "generator", "new") == path
    after = tomllib.loads(path.read_text("utf-8"))
    expected = tomllib.loads(before)
    expected.setdefault("models", {})["generator"] = "new"
    assert after == expected
    for kept in ("# mine", "# note", "# why", "\r\n"):
        assert (kept in before) == (kept in path.read_bytes().decode())
    assert settings.load().models.generator == "new"


def test_a_broken_file_is_not_touched() -> None:
    path = home.settings_folder() / settings.FILE_NAME
    path.parent.mkdir(parents=True)
    path.write_text("[models\n", encoding="utf-8")
    with pytest.raises(SettingsError):
        remember("models", "generator", "new")
    assert path.read_text("utf-8") == "[models\n"
