"""A small workspace, and editors on it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lsp.editor import PULLING, Editor, home_with_models

WORKSPACE = {
    "docs/storage.md": (
        "# Storage\n\nReadings are kept for 30 days. Older readings move to the archive at night.\n"
        "\nThe archive is compressed with zstd, and stays readable without Harrow.\n"
    ),
    "docs/relays.md": (
        "# Relays\n\nA relay sends its readings every 10 seconds.\n\n"
        "The status light blinks green while a relay is pairing.\n"
    ),
    "docs/alarms.md": (
        "# Alarms\n\nAn alarm is raised after three readings above the limit.\n"
        "Alarms reach the on-call engineer by e-mail.\n"
    ),
    "docs/plans.md": "# Plans\n\nThe Team plan costs 80 euros a month and covers 50 relays.\n",
    "code/limits.py": "# Relays that one server takes.\nMAX_RELAYS = 64\n",
}


def write_workspace(folder: Path) -> Path:
    for name, text in WORKSPACE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Five documents about a small product."""
    return write_workspace(tmp_path / "harrow")


Starter = Callable[..., Awaitable[Editor]]


@pytest_asyncio.fixture
async def start(isolated_home: Path, workspace: Path) -> AsyncIterator[Starter]:
    """Start editors without models; each is closed at the end."""
    editors: list[Editor] = []

    async def begin(
        capabilities: dict[str, Any] = PULLING, *, home: Path = isolated_home, **others: Any
    ) -> Editor:
        editor = Editor()
        editors.append(editor)
        await editor.start(home, others.pop("folders", [workspace]), capabilities, **others)
        return editor

    yield begin
    for editor in editors:
        if editor.process.returncode is None:
            await editor.leave()
        else:
            await editor.stop()


@pytest.fixture(scope="session")
def editor_home(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An NSLLM_HOME with the models, which tests that share an editor may write to."""
    return home_with_models(tmp_path_factory.mktemp("editor-home"), models_home)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def editor(
    editor_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Editor]:
    """An editor whose workspace is indexed, shared by the tests of a module."""
    folder = write_workspace(tmp_path_factory.mktemp("harrow"))
    shared = Editor()
    shared.folder = folder
    await shared.start(editor_home, [folder])
    await shared.indexed(len(WORKSPACE))
    yield shared
    await shared.leave()
