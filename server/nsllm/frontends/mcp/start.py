"""Run the server on pipes or over HTTP, until its client leaves or it is told to stop."""

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from mcp.server.stdio import stdio_server

from nsllm.frontends.http import log
from nsllm.frontends.http.service import Service
from nsllm.frontends.mcp.calls import Context
from nsllm.frontends.mcp.server import build
from nsllm.settings import Server

if TYPE_CHECKING:
    from nsllm.frontends.http.tokens import Tokens


def serve_stdio(service: Service, settings: Server) -> None:
    """Serve the client at the other end of stdin and stdout; return when it closes them."""
    # A thread waits for stdin and cannot be woken: a clean end would come with the next line only.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _set_up_log()

    async def main() -> None:
        server = build(Context(service, settings))
        service.start()
        try:
            async with stdio_server() as (incoming, outgoing):
                await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            await service.aclose()

    asyncio.run(main())


async def serve_http(service: Service, settings: Server, tokens: "Tokens") -> None:
    """Serve over streamable HTTP until SIGTERM or Ctrl-C.

    Raises:
        MachineError: the address is taken, or the certificate cannot be used.
    """
    from nsllm.frontends.http.start import listen
    from nsllm.frontends.mcp.endpoint import Endpoint

    _set_up_log()
    endpoint = Endpoint(build(Context(service, settings)))
    service.start()
    try:
        async with endpoint.run():
            app = endpoint.behind_gate(settings, tokens)
            await listen(app, settings, stopping=endpoint.stop)
    finally:
        await service.aclose()


def _set_up_log() -> None:
    log.set_up()
    logging.getLogger("mcp").setLevel(logging.WARNING)
