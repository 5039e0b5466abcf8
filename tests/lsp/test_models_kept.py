"""What a change of settings closes, and what those are given who ask meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.server import Server


@pytest.fixture
async def server(
    isolated_home: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    """A server without models and without a client, on one folder."""
    server = Server()
    monkeypatch.setattr(server.protocol, "notify", lambda method, params: None)
    server.open({"workspaceFolders": [{"uri": workspace.as_uri(), "name": "harrow"}]})
    await server.workspaces.begin()
    yield server
    await server.aclose()


async def test_only_a_change_of_the_models_own_settings_closes_them(server: Server) -> None:
    models = await server.workspaces.models()
    [folder] = server.workspaces
    settings: dict[str, Any] = {"retrieval": {"top_k": 3}, "generation": {"mode": "extract"}}
    await server.workspaces.reconfigure({"nsllm": settings})
    assert folder.settings.retrieval.top_k == 3
    assert await server.workspaces.models() is models
    for section, change in (
        ("models", {"threads": 1}),
        ("remote", {"model": "other"}),
        ("generation", {"max_tokens": 99}),
    ):
        settings = settings | {section: change}
        await server.workspaces.reconfigure({"nsllm": settings})
        assert await server.workspaces.models() is not models
        models = await server.workspaces.models()


async def test_who_asks_while_models_close_is_given_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing, go_on = asyncio.Event(), asyncio.Event()

    async def aclose(_folder: Folder) -> None:
        closing.set()
        await go_on.wait()

    models = await server.workspaces.models()
    monkeypatch.setattr(Folder, "aclose", aclose)
    releasing = asyncio.ensure_future(server.workspaces.release_models())
    await closing.wait()
    others = await server.workspaces.models()
    go_on.set()
    await releasing
    assert others is not models
    assert await server.workspaces.models() is others


async def test_who_asks_while_a_folder_closes_is_given_another_application(
    workspace: Path,
) -> None:
    opened: list[Closable] = []

    async def open_application(_folder: Folder) -> Any:
        opened.append(Closable())
        return opened[-1]

    folder = Folder(workspace.as_uri(), workspace, open_application, asyncio.ensure_future)
    await folder.application()
    folder.buffer_changed("a.md", "new", lambda: None)
    closing = asyncio.ensure_future(folder.aclose())
    await asyncio.sleep(0)
    application = await folder.application()
    await closing
    assert await folder.application() is application
    assert [one.is_closed for one in opened] == [True, False]
    await folder.aclose()


class Closable:
    """Stands in for an Application."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True
