"""What the status says of work that failed or was given up, and that it says so no longer."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from nsllm.errors import ModelMissingError, NsllmError
from nsllm.frontends.lsp.buffers import Buffer, Buffers
from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.governor import Governor, Report
from nsllm.frontends.lsp.server import Server
from nsllm.types import Progress, ProgressListener

URI = "nsllm-answer:/1.md"
OTHER = "nsllm-answer:/2.md"


class Judge:
    """Judges documents, unless its model is missing."""

    def __init__(self) -> None:
        self.missing = True
        self.told: list[NsllmError | None] = []
        self.buffers = Buffers()
        self.governor = Governor(
            self.buffers, lambda _uri: None, start=_start, fail=self.told.append
        )
        self.governor.fix("nsllm-answer:", self._report)

    def open(self, uri: str) -> None:
        item = {"uri": uri, "text": "A text.", "version": 1}
        self.buffers.did_open({"textDocument": item})

    async def judge(self, uri: str) -> None:
        self.governor.schedule(uri, 0)
        await self.governor.settled(uri)

    async def _report(self, buffer: Buffer) -> Report:
        if self.missing:
            raise ModelMissingError("The model is not here.", hint="Fetch it.")
        return Report(uri=buffer.uri, version=buffer.version, text=buffer.text, parts=())


async def test_once_documents_can_be_judged_again_the_status_is_well() -> None:
    judge = Judge()
    for uri in (URI, OTHER):
        judge.open(uri)
        await judge.judge(uri)
    assert len(judge.told) == 2
    judge.missing = False
    await judge.judge(URI)
    assert None not in judge.told
    await judge.judge(OTHER)
    assert judge.told[2:] == [None]


async def test_a_document_that_is_closed_troubles_nobody() -> None:
    judge = Judge()
    judge.open(URI)
    await judge.judge(URI)
    judge.governor.forget(URI)
    assert judge.told[1:] == [None]


async def test_an_index_whose_building_is_cancelled_is_not_said_to_be_built(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def sync(self: Folder, listener: ProgressListener, *, rebuild: bool) -> None:
        listener(Progress(task="Indexing", unit="files", done=1, total=9))
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Folder, "sync", sync)
    server = Server()
    monkeypatch.setattr(server.protocol, "notify", lambda method, params: None)
    server.open({"workspaceFolders": [{"uri": workspace.as_uri(), "name": "harrow"}]})
    [folder] = server.workspaces
    rebuilding = asyncio.ensure_future(
        server.workspaces.sync_now(folder, lambda _step: None, rebuild=True)
    )
    await begun.wait()
    await asyncio.sleep(0)
    assert server.status.snapshot()["busy"]
    rebuilding.cancel()
    await asyncio.gather(rebuilding, return_exceptions=True)
    assert server.status.snapshot()["busy"] == []
    await server.aclose()


def _start(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(work)
