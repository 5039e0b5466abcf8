"""What is one matter for the editor is told once: a pass of judging, a request over all folders."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nsllm.frontends.lsp import asking, index
from nsllm.frontends.lsp.work import Background, WorkBoard


async def test_documents_that_are_judged_together_are_refreshed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A document that is judged after that is told of by itself."""
    asked: list[str] = []

    async def ask(_server: object, method: str, _params: object) -> None:
        asked.append(method)

    monkeypatch.setattr(asking, "ask", ask)
    monkeypatch.setattr(asking, "_GATHER_S", 0)
    ends: list[BaseException | None] = []
    background = Background(lambda _kind, error: ends.append(error))
    server: Any = SimpleNamespace(background=background)
    refresh = asking.Refresh(server, "refresh")
    for count in (1, 2):
        for _ in range(5):
            refresh.soon()
        while len(asked) < count:
            await asyncio.sleep(0)
        await server.background.aclose()
        assert asked == ["refresh"] * count
    assert set(ends) <= {None}


async def test_indexing_all_folders_is_one_progress(tmp_path: Path) -> None:
    class Workspaces(list[Any]):
        async def sync_now(self, *_given: object, **_options: object) -> None:
            """Nothing to index."""

        def is_indexing(self, _folder: object) -> bool:
            return False

    told: list[Any] = []
    handlers: dict[str, Callable[[object], Any]] = {}
    folder = SimpleNamespace(path=tmp_path, report=None, describe=dict)
    server: Any = SimpleNamespace(
        handle=handlers.__setitem__,
        workspaces=Workspaces([folder, folder]),
        work=WorkBoard(lambda _method, params: told.append(params.value["kind"])),
    )
    index.register(server)
    answer = await handlers["nsllm/index"]({"action": "sync", "workDoneToken": "t"})
    assert len(answer["folders"]) == 2
    assert told == ["begin", "end"]
