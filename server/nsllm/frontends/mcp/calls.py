"""What tools and resources are served from, and who asks for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import msgspec
from mcp.server.context import ServerRequestContext

from nsllm.app import Application
from nsllm.frontends.http.service import Service
from nsllm.frontends.http.slots import Slots
from nsllm.frontends.http.tokens import SCOPES, Client
from nsllm.frontends.sessions import Sessions
from nsllm.settings import Server

_T = TypeVar("_T")

Report = Callable[[float, str], Awaitable[None]]
"""Tells a client that waits how far its call is; does nothing where the client did not ask."""

RequestContext = ServerRequestContext[Any, Any]

_LOCAL = Client(name="", scopes=frozenset(SCOPES))
"""The client that started the server and talks to it over its pipes."""


class Context:
    """What all calls share."""

    def __init__(self, service: Service, settings: Server) -> None:
        self.service = service
        self.sessions = Sessions()
        self._slots = Slots(settings.concurrency, settings.queue)
        self._limit_s = settings.request_timeout_s

    @asynccontextmanager
    async def use(self, workspace: str | None, report: Report) -> AsyncIterator[Application]:
        """Lend a workspace's Application within a slot and the time of the settings.

        Raises:
            RequestRefused: no slot was free, or it took too long.
        """
        name = self.service.name(workspace)
        async with self._slots.take(self._limit_s):
            state = self.service.describe(name)[0].state
            if state == "failed":
                # What was in the way, such as a missing model, may be mended by now.
                await self.service.index(name, rebuild=False)
            elif state == "indexing":
                await report(0, "Waiting until the documents are indexed")
            async with self.service.use(name) as application:
                yield application


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a tool."""

    context: Context
    client: Client
    body: Any
    report: Report

    @property
    def client_name(self) -> str:
        """How the audit log and the limits name the client."""
        return f"mcp:{self.client.name}" if self.client.name else "mcp"


def client_of(context: RequestContext) -> Client:
    """Return whose request it is."""
    if context.request is None:
        return _LOCAL
    client: Client | None = context.request.scope["state"]["exchange"].client
    return client or _LOCAL


async def to_the_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Await work that is cancelled once and may then clean up.

    The SDK cancels by a scope that goes on to interrupt every await, also those of the cleaning.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({task})
        raise
    return task.result()
