"""Index work that nobody waits for any more ends, and begins nothing."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index.hashing import HashingEmbedder, make_chunker
from nsllm.app import Application
from nsllm.index.builder import SLICE_TEXTS
from nsllm.index.lock import WriteLock
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings
from nsllm.types import Progress

MANY = 4 * SLICE_TEXTS


class HeldEmbedder(HashingEmbedder):
    """Where it is held, it waits with the first texts until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.begun.set()
        assert self.may_go_on.wait(60)
        return super().embed(texts)

    def hold(self) -> None:
        """Forget what was embedded, and wait with what comes next."""
        self.texts.clear()
        self.begun.clear()
        self.may_go_on.clear()


@pytest.fixture
def embedder() -> HeldEmbedder:
    return HeldEmbedder()


@pytest.fixture
def application(
    workspace: Path, embedder: HeldEmbedder, monkeypatch: pytest.MonkeyPatch
) -> Application:
    monkeypatch.setattr(ModelRuntime, "embedder", lambda _models: embedder)
    monkeypatch.setattr(ModelRuntime, "chunker", lambda _models: make_chunker())
    settings = Settings()
    return Application(workspace, settings, ModelRuntime(settings))


def write(workspace: Path, count: int) -> None:
    for n in range(count):
        (workspace / f"{n}.md").write_text(f"Text of page {n}.", encoding="utf-8")


async def leave(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def end_of_threads() -> None:
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_a_rebuild_that_waits_for_another_process_does_nothing_once_abandoned(
    workspace: Path, application: Application, embedder: HeldEmbedder
) -> None:
    write(workspace, 2)
    await application.index()
    index = application._open_index()
    embedder.texts.clear()
    with WriteLock(index.folder).held():
        rebuilding = asyncio.ensure_future(application.index(rebuild=True))
        await asyncio.sleep(0.3)
        await leave(rebuilding)
    await end_of_threads()
    assert embedder.texts == []
    assert len(index.all_chunks()) == 2
    application.close()


async def test_a_rebuild_that_waits_for_another_thread_does_nothing_once_abandoned(
    workspace: Path, application: Application, embedder: HeldEmbedder
) -> None:
    write(workspace, 2)
    await application.index()
    index = application._open_index()
    embedder.texts.clear()
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with index._lock.held():
            holding.set()
            let_go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(60)
    rebuilding = asyncio.ensure_future(application.index(rebuild=True))
    await asyncio.sleep(0.3)
    await leave(rebuilding)
    let_go.set()
    thread.join()
    await end_of_threads()
    assert embedder.texts == []
    assert len(index.all_chunks()) == 2
    application.close()


async def test_who_stops_following_stops_embedding(
    workspace: Path, application: Application, embedder: HeldEmbedder
) -> None:
    """A burst of changes is left at the next slice, and the next synchronisation goes on."""
    write(workspace, 1)
    async with aclosing(application.watch()) as reports:
        await anext(reports)
        embedder.hold()
        write(workspace, MANY)
        following = asyncio.ensure_future(anext(reports))
        assert await asyncio.to_thread(embedder.begun.wait, 60)
        await leave(following)
        embedder.may_go_on.set()
        await end_of_threads()
    assert len(embedder.texts) <= SLICE_TEXTS
    with WriteLock(application._open_index().folder, timeout_s=0.1).held() as taken:
        assert taken
    application.close()


async def test_the_listener_of_who_follows_hears_of_the_first_synchronisation_only(
    workspace: Path, application: Application
) -> None:
    write(workspace, 1)
    heard: list[Progress] = []
    async with aclosing(application.watch(heard.append)) as reports:
        assert (await anext(reports)).added == 1
        assert heard
        heard.clear()
        (workspace / "new.md").write_text("New.", encoding="utf-8")
        assert (await anext(reports)).added == 1
    assert heard == []
    application.close()
