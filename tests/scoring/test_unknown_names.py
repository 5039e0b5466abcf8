"""Code names that a workspace has nowhere, found by checking a text against it."""

from pathlib import Path

import pytest

from nsllm.app import Application
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings

pytestmark = pytest.mark.models


async def test_names_that_the_workspace_lacks_are_found(
    models_home: Path, isolated_home: Path, tmp_path: Path
) -> None:
    isolated_home.mkdir(parents=True, exist_ok=True)
    (isolated_home / "models").symlink_to(models_home / "models")
    root = tmp_path / "orchard"
    root.mkdir()
    (root / "guide.md").write_text(
        "# Guide\n\nCall `open_gate()` with `max_width`, or run `orchard --dry-run`.\n", "utf-8"
    )
    settings = Settings()
    app = Application(root, settings, ModelRuntime(settings))
    try:
        await app.index()
        text = "Call `open_gate()` with `max_height`, see guide.md, or pass --wet-run to orchard."
        judgement = await app.check(text)
    finally:
        await app.aclose()
    found = [f for f in judgement.findings if f.rule == "grounding.unknown-identifier"]
    assert [text[f.start : f.end] for f in found] == ["max_height", "--wet-run"]
    assert found[0].message == "The workspace has no identifier max_height."
