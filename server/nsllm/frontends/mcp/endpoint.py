"""The server over streamable HTTP: one path, behind the same gate as the HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from nsllm.frontends.http.gate import Exchange, Gate, Scope
from nsllm.frontends.http.metrics import Metrics
from nsllm.frontends.http.problems import RequestRefused
from nsllm.frontends.http.slots import Slots
from nsllm.frontends.http.tokens import EVERYONE, Tokens
from nsllm.frontends.http.traces import spans
from nsllm.settings import Server as Settings

PATH = "/mcp"


class Endpoint:
    """An ASGI application for requests that the gate has let through."""

    def __init__(self, server: "Server[dict[str, Any]]") -> None:
        # The gate has checked Host and Origin.
        self._manager = StreamableHTTPSessionManager(server, security_settings=None)
        self._streams: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Keep sessions during the block."""
        self._loop = asyncio.get_running_loop()
        async with self._manager.run():
            yield

    def behind_gate(self, settings: Settings, tokens: Tokens) -> Gate:
        """Return the application with token, Host, Origin and body checked."""
        metrics = Metrics(Slots(settings.concurrency, settings.queue))
        span = spans(settings.traces_endpoint)
        return Gate(self, settings=settings, tokens=tokens, metrics=metrics, span=span)

    def stop(self) -> None:
        """End the streams on which clients listen: they would go on for ever."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_streams)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request.

        Raises:
            RequestRefused: the path is another one, or the token does not allow asking.
        """
        exchange: Exchange = scope["state"]["exchange"]
        if exchange.path != PATH:
            raise RequestRefused(
                404, "path", "There is nothing at this path.", hint=f"The MCP server is at {PATH}."
            )
        exchange.route = PATH
        client = exchange.client or EVERYONE
        if not client.may("ask"):
            raise RequestRefused(
                403,
                "scope",
                "The token does not allow this: it lacks the scope `ask`.",
                hint="Use another token, or make one: nsllm tokens add NAME --scope ask",
            )
        # The SDK gives a session to nobody but the user who began it.
        scopes: list[str] = sorted(client.scopes)
        token = AccessToken(token=client.name, client_id=client.name, scopes=scopes)
        scope["user"] = AuthenticatedUser(token)
        task = asyncio.current_task()
        if exchange.method == "GET" and task is not None:
            self._streams.add(task)
        try:
            await self._manager.handle_request(scope, receive, send)
        finally:
            if task is not None:
                self._streams.discard(task)

    def _end_streams(self) -> None:
        for task in self._streams:
            task.cancel()
