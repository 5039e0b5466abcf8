"""A failure that nobody foresaw is told until the same kind of work succeeds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nsllm.frontends.lsp.configuration import Configuration
from nsllm.frontends.lsp.server import Server


@pytest.fixture
async def server(
    isolated_home: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    server = Server()
    monkeypatch.setattr(server.protocol, "notify", lambda method, params: None)
    server.open({"workspaceFolders": [{"uri": workspace.as_uri(), "name": "harrow"}]})
    yield server
    await server.aclose()


async def judge(*, well: bool) -> None:
    if not well:
        raise LookupError("nobody foresaw this")


async def count() -> None:
    pass


async def test_a_failure_in_the_background_is_told_until_such_work_succeeds(
    server: Server,
) -> None:
    failed = server.background.start(judge(well=False))
    await until_told(failed)
    assert "nobody foresaw this" in server.status.snapshot()["message"]
    await until_told(server.background.start(count()))
    assert server.status.snapshot()["health"] == "error"
    await until_told(server.background.start(judge(well=True)))
    assert server.status.snapshot()["health"] == "ok"


async def test_a_change_of_settings_that_failed_is_told_until_one_succeeds(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def load(*_: object) -> None:
        raise LookupError("nobody foresaw this")

    for notified in (True, False):
        with monkeypatch.context() as patched:
            patched.setattr(Configuration, "load", load)
            if notified:
                with pytest.raises(LookupError) as caught:
                    await server.workspaces.reconfigure()
                # As the protocol does with what a notification raises.
                server.report_failure(caught.value)
            else:
                await until_told(server.background.start(server.workspaces.reconfigure()))
        assert server.status.snapshot()["health"] == "error"
        await server.workspaces.reconfigure()
        assert server.status.snapshot()["health"] == "ok"


async def until_told(task: "asyncio.Task[None]") -> None:
    """Wait for a task and for those who are told of its end."""
    await asyncio.wait([task])
    await asyncio.sleep(0)
