"""Code names that a workspace has nowhere, found by checking a text against it."""

from pathlib import Path

import pytest

from nsllm.app import Application
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings

pytestmark = pytest.mark.models


async def unknown(
    models_home: Path,
    isolated_home: Path,
    root: Path,
    *,
    document: str,
    text: str,
    generated: bool = True,
) -> list[str]:
    """Return the messages on the names of `text` that a workspace of one document lacks."""
    isolated_home.mkdir(parents=True, exist_ok=True)
    (isolated_home / "models").symlink_to(models_home / "models")
    root.mkdir()
    (root / "guide.md").write_text(document, "utf-8")
    settings = Settings()
    app = Application(root, settings, ModelRuntime(settings))
    try:
        await app.index()
        judgement = await app.check(text, generated=generated)
    finally:
        await app.aclose()
    found = [f for f in judgement.findings if f.rule == "grounding.unknown-identifier"]
    # The message names the kind as well, and a method without its parentheses.
    assert all(text[f.start : f.end].removesuffix("()") in f.message for f in found)
    return [text[f.start : f.end] for f in found]


async def test_a_method_is_known_by_its_own_name_whatever_it_is_called_on(
    models_home: Path, isolated_home: Path, tmp_path: Path
) -> None:
    """The workspace defines `get`; what a text calls its object is the text's own matter."""
    document = "# Gates\n\n```python\nclass Gate:\n    def get(self, key): ...\n```\n"
    text = "Read a limit with `gate.get()`, and all of them with `gate.get_many()`."
    names = await unknown(
        models_home, isolated_home, tmp_path / "orchard", document=document, text=text
    )
    assert names == ["gate.get_many()"]


async def test_a_method_is_not_known_by_a_longer_word_that_holds_its_name(
    models_home: Path, isolated_home: Path, tmp_path: Path
) -> None:
    document = "# Gates\n\nA widget targets the budget of a gate.\n"
    text = "Read a limit with `gate.get()`."
    names = await unknown(
        models_home, isolated_home, tmp_path / "orchard", document=document, text=text
    )
    assert names == ["gate.get()"]


async def test_names_that_the_workspace_lacks_are_found(
    models_home: Path, isolated_home: Path, tmp_path: Path
) -> None:
    document = "# Guide\n\nCall `open_gate()` with `max_width`, or run `orchard --dry-run`.\n"
    text = "Call `open_gate()` with `max_height`, see guide.md, or pass --wet-run to orchard."
    names = await unknown(
        models_home, isolated_home, tmp_path / "orchard", document=document, text=text
    )
    assert names == ["max_height", "--wet-run"]


async def test_names_of_what_the_workspace_never_speaks_of_are_another_s(
    models_home: Path, isolated_home: Path, tmp_path: Path
) -> None:
    document = "# Gates\n\nA gate has a limit, which `orchard` sets.\n"
    text = "`gate.widen()` calls `torch.widen()`; run `orchard --deep` or `pipx --deep`."
    names = await unknown(
        models_home,
        isolated_home,
        tmp_path / "orchard",
        document=document,
        text=text,
        generated=False,
    )
    assert names == ["gate.widen()", "--deep"]


@pytest.mark.parametrize("name", ["foo_" * 80 + "bar", "config_" + "名" * 90])
async def test_a_name_that_is_too_long_for_a_file_is_judged_like_any_other(
    models_home: Path, isolated_home: Path, tmp_path: Path, name: str
) -> None:
    names = await unknown(
        models_home,
        isolated_home,
        tmp_path / "orchard",
        document="# Gates\n\nA gate has `get_one()`.\n",
        text=f"Call `{name}` to open the gate.",
    )
    assert names == [name]
