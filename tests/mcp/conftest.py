"""`nsllm mcp` in a process of its own, and the SDK's client."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lsp.conftest import write_workspace
from lsp.editor import home_with_models
from mcp import Client, StdioServerParameters

Connect = Callable[..., AbstractAsyncContextManager[Client]]


def program(home: Path, *arguments: str | Path, **variables: str) -> StdioServerParameters:
    """Return how a client starts the server."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NSLLM_")}
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "nsllm", "mcp", *map(str, arguments)],
        # One thread: where tests share the cores, more of them only wait for each other.
        env={**environment, "NSLLM_HOME": str(home), "NSLLM_MODELS_THREADS": "1", **variables},
    )


@asynccontextmanager
async def kept(server: Any, **options: Any) -> AsyncIterator[Client]:
    """Keep a client in a task of its own: fixtures begin and end in different ones."""
    ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
    done = asyncio.Event()

    async def run() -> None:
        try:
            async with Client(server, **options) as client:
                ready.set_result(client)
                await done.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    task = asyncio.create_task(run())
    try:
        yield await ready
    finally:
        done.set()
        await task


@pytest.fixture(scope="module")
def harrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five documents, one that is ignored, and a secret beside the workspace."""
    folder = write_workspace(tmp_path_factory.mktemp("mcp") / "harrow")
    (folder / ".gitignore").write_text("private/\n", encoding="utf-8")
    (folder / "private").mkdir()
    (folder / "private" / "plans.md").write_text("SECRET\n", encoding="utf-8")
    (folder / "picture.md").write_bytes(b"\x00\x01SECRET")
    (folder.parent / "beside.md").write_text("SECRET\n", encoding="utf-8")
    if sys.platform != "win32":
        (folder / "link.md").symlink_to(folder.parent / "beside.md")
    return folder


@pytest.fixture(scope="module")
def mcp_home(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An NSLLM_HOME with the models."""
    return home_with_models(tmp_path_factory.mktemp("mcp-home"), models_home)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(mcp_home: Path, harrow: Path) -> AsyncIterator[Client]:
    """A client over stdio, shared by the tests of a module."""
    async with kept(program(mcp_home, harrow)) as connected:
        yield connected


@pytest.fixture
def connect(isolated_home: Path, harrow: Path) -> Connect:
    """Connect to a server of the test's own, without models unless a home with them is given."""

    def begin(
        *arguments: str | Path, home: Path = isolated_home, mode: str = "auto", **variables: str
    ) -> AbstractAsyncContextManager[Client]:
        return kept(program(home, *(arguments or (harrow,)), **variables), mode=mode)

    return begin
