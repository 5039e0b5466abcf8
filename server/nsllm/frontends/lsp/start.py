"""Start the language server on stdio, TCP or WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from nsllm.frontends.lsp.handshake import initialize_result
from nsllm.frontends.lsp.transport import (
    StdioStreams,
    Writer,
    frame,
    read_header,
    stream_bodies,
)

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

_NOT_INITIALIZED = -32002
_HOST = "127.0.0.1"


def serve_stdio() -> int:
    """Serve one client on stdin and stdout, and return the exit status."""
    streams = StdioStreams()
    opened = _open(streams)
    if opened is None:
        return 1
    params, early = opened
    return asyncio.run(_serve(streams, _chain(early, streams.bodies()), params))


def serve_tcp(port: int) -> int:
    """Serve one client on a local TCP port, and return the exit status.

    Its first bytes must be a header of the protocol: any page in a browser can send a request of
    HTTP here, whose header has a `Content-Length` too.
    """

    async def main() -> int:
        first: asyncio.Future[tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]]
        first = asyncio.get_running_loop().create_future()

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            beginning = b"" if first.done() else await read_header(reader)
            if beginning and not first.done():
                first.set_result((beginning, reader, writer))
            else:
                writer.close()

        async with await asyncio.start_server(connect, _HOST, port):
            beginning, reader, writer = await first
            status = await _serve(writer, stream_bodies(reader, beginning))
            writer.close()
            return status

    return asyncio.run(main())


def serve_websocket(port: int) -> int:
    """Serve one client on a local WebSocket, and return the exit status."""
    from websockets.asyncio.server import serve as listen
    from websockets.frames import CloseCode

    async def main() -> int:
        first: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

        async def connect(connection: "ServerConnection") -> None:
            if first.done():
                await connection.close(CloseCode.TRY_AGAIN_LATER, "Another client is served.")
            else:
                first.set_result(connection)
                await connection.wait_closed()

        # Browsers let any page connect, and name the page: who names one is not served.
        # A document may be as long as its editor lets it be, and so may a message.
        async with listen(connect, _HOST, port, origins=[None], max_size=None):
            return await _serve_connection(await first)

    return asyncio.run(main())


async def _serve_connection(connection: "ServerConnection") -> int:
    from pygls.io_ import WebSocketWriter

    async def bodies() -> AsyncIterator[bytes]:
        async for message in connection:
            yield message.encode() if isinstance(message, str) else message

    status = await _serve(WebSocketWriter(connection), bodies(), headers=False)
    await connection.close()
    return status


def _open(streams: StdioStreams) -> tuple[Mapping[str, Any], list[bytes]] | None:
    """Answer `initialize`, and return its parameters and the messages that came with it."""
    while (bodies := streams.read()) is not None:
        for index, body in enumerate(bodies):
            message = json.loads(body)
            if message.get("method") == "initialize":
                params = message.get("params") or {}
                answer: dict[str, Any] = {"result": initialize_result(params)}
                streams.write(_response(message["id"], answer))
                return params, bodies[index + 1 :]
            if message.get("method") == "exit":
                return None
            if "id" in message:
                refusal = {"code": _NOT_INITIALIZED, "message": "Send `initialize` first."}
                streams.write(_response(message["id"], {"error": refusal}))
    return None


def _response(message_id: object, outcome: Mapping[str, Any]) -> bytes:
    return frame(json.dumps({"jsonrpc": "2.0", "id": message_id, **outcome}).encode())


async def _chain(early: list[bytes], late: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for body in early:
        yield body
    async for body in late:
        yield body


async def _serve(
    writer: Writer | Any,
    bodies: AsyncIterator[bytes],
    opening: Mapping[str, Any] | None = None,
    *,
    headers: bool = True,
) -> int:
    from nsllm.frontends.lsp.server import serve

    return await serve(writer, bodies, opening, headers=headers)
