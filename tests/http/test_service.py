"""The workspaces of a server: indexed to the end, followed, and not said to be ready too early."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index.hashing import HashingEmbedder, make_chunker
from nsllm.app import Application
from nsllm.errors import IndexBusyError
from nsllm.frontends.http import service as module
from nsllm.frontends.http.service import Service
from nsllm.models.registry import Registry
from nsllm.runtime import ModelRuntime


class Embedders:
    """One for each model; each waits while it may not go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.embedded = 0

    def of(self, models: ModelRuntime) -> HashingEmbedder:
        embedder = HashingEmbedder(models.settings.models.embedder)
        embed = embedder.embed

        def held(texts: Sequence[str]) -> NDArray[np.float32]:
            self.begun.set()
            assert self.may_go_on.wait(60)
            self.embedded += len(texts)
            return embed(texts)

        embedder.embed = held  # type: ignore[method-assign]
        return embedder

    def hold(self) -> None:
        """Let the next texts wait."""
        self.begun.clear()
        self.may_go_on.clear()

    async def wait(self) -> None:
        """Wait until texts wait."""
        assert await asyncio.to_thread(self.begun.wait, 60)


@pytest.fixture
def embedders(monkeypatch: pytest.MonkeyPatch) -> Embedders:
    made = Embedders()

    def embedder(models: ModelRuntime) -> HashingEmbedder:
        return made.of(models)

    monkeypatch.setattr(ModelRuntime, "embedder", embedder)
    monkeypatch.setattr(ModelRuntime, "chunker", lambda _models: make_chunker())
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    for name in ("a", "b"):
        (made / f"{name}.md").write_text(f"Text of {name}.", encoding="utf-8")
    return made


@pytest.fixture
async def service(embedders: Embedders, folder: Path) -> AsyncIterator[Service]:
    made = Service([folder])
    yield made
    embedders.may_go_on.set()
    await made.aclose()
    await asyncio.get_running_loop().shutdown_default_executor()


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def ready(service: Service) -> None:
    await until(lambda: service.readiness() == "ready")


async def leave(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_rebuild_is_done_though_its_client_leaves(
    service: Service, embedders: Embedders
) -> None:
    service.start()
    await ready(service)
    embedders.hold()
    embedders.embedded = 0
    await leave(await begun(service, embedders))
    assert service.describe()[0].state == "indexing"
    embedders.may_go_on.set()
    await until(lambda: service.describe()[0].state == "ready")
    assert embedders.embedded == 2


async def test_questions_are_answered_during_a_rebuild(
    service: Service, embedders: Embedders
) -> None:
    service.start()
    await ready(service)
    embedders.hold()
    rebuilding = await begun(service, embedders)
    assert service.readiness() == "ready"
    async with asyncio.timeout(60), service.use() as application:
        assert len(application._open_index().all_chunks()) == 2
    embedders.may_go_on.set()
    await rebuilding


async def test_who_asks_for_a_rebuild_that_runs_waits_for_that_one(
    service: Service, embedders: Embedders
) -> None:
    service.start()
    await ready(service)
    embedders.embedded = 0
    embedders.hold()
    first = await begun(service, embedders)
    second = asyncio.ensure_future(service.index(None, rebuild=True))
    await leave(first)
    embedders.may_go_on.set()
    await second
    assert embedders.embedded == 2


async def test_a_rebuild_that_fails_is_made_up_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.start()
    await ready(service)
    index = Application.index

    async def fail(
        application: Application, *given: Any, rebuild: bool = False, **more: Any
    ) -> Any:
        if rebuild:
            raise IndexBusyError("Busy.", hint="Wait.")
        return await index(application, *given, **more)

    monkeypatch.setattr(Application, "index", fail)
    with pytest.raises(IndexBusyError):
        await service.index(None, rebuild=True)
    assert "Busy." in (service.describe()[0].problem or "")
    await until(lambda: service.describe()[0].state == "ready")
    assert service.describe()[0].problem is None
    assert service.readiness() == "ready"


async def test_another_embedder_is_ready_once_all_is_embedded_anew(
    service: Service, embedders: Embedders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "installed", lambda _registry, name: name)
    service.start()
    await ready(service)
    embedders.hold()
    await service.switch("all-mpnet-base-v2")
    await embedders.wait()
    assert service.readiness() == "indexing"
    embedders.embedded = 0
    embedders.may_go_on.set()
    await ready(service)
    assert embedders.embedded == 2


async def test_what_changes_during_the_first_index_is_found(
    service: Service, embedders: Embedders, folder: Path
) -> None:
    embedders.hold()
    service.start()
    await embedders.wait()
    (folder / "new.md").write_text("New.", encoding="utf-8")
    await asyncio.sleep(0.5)
    embedders.may_go_on.set()
    await until(lambda: service.describe()[0].documents == 3)


async def test_a_failure_that_nobody_foresaw_is_told_and_tried_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index = Application.index
    may_succeed = asyncio.Event()
    tries = 0

    async def fail(application: Application, *given: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        if not may_succeed.is_set():
            raise ValueError("embedded null byte")
        return await index(application, *given, **more)

    monkeypatch.setattr(Application, "index", fail)
    service.start()
    await until(lambda: tries > 2 and service.readiness() == "failed")
    assert "ValueError" in (service.describe()[0].problem or "")
    [record] = caplog.records
    assert record.exc_info
    may_succeed.set()
    await ready(service)
    assert service.describe()[0].problem is None


async def test_a_workspace_that_cannot_be_watched_is_indexed_again_and_again(
    service: Service,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_paths: Path, **_options: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.awatch", refuse)
    service.start()
    await ready(service)
    await until(lambda: service.describe()[0].state == "failed")
    assert "watch limit" in (service.describe()[0].problem or "")
    (folder / "new.md").write_text("New.", encoding="utf-8")
    await until(lambda: service.describe()[0].documents == 3)
    [record] = caplog.records
    assert "is not kept up to date" in record.message


async def begun(service: Service, embedders: Embedders) -> "asyncio.Future[None]":
    """Start a rebuild, and wait until it embeds."""
    rebuilding = asyncio.ensure_future(service.index(None, rebuild=True))
    await embedders.wait()
    return rebuilding


async def test_a_question_waits_while_a_failed_first_index_is_tried_again(
    service: Service, embedders: Embedders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until an attempt has gone well there is nothing to search."""
    work = Application.index
    failures = iter([IndexBusyError("Somebody indexes it.", hint="Wait.")])

    async def index(self: Application, *arguments: Any, **options: Any) -> Any:
        for error in failures:
            raise error
        return await work(self, *arguments, **options)

    monkeypatch.setattr(Application, "index", index)
    embedders.hold()
    service.start()
    await embedders.wait()  # in the second attempt

    async def documents() -> int:
        async with service.use():
            return service.describe()[0].documents

    asked = asyncio.ensure_future(documents())
    await asyncio.sleep(0.1)
    assert not asked.done()
    embedders.may_go_on.set()
    assert await asked == 2
