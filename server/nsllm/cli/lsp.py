"""`nsllm lsp`: the language server."""

from typing import Annotated

import typer

from nsllm.errors import UsageError


def lsp(
    tcp: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve one client on this local port.")
    ] = None,
    ws: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The same over a WebSocket.")
    ] = None,
    stdio: Annotated[bool, typer.Option(help="Serve on stdin and stdout; the default.")] = False,
) -> None:
    """Run the language server, which editors start themselves."""
    from nsllm.frontends.lsp import start

    if sum((tcp is not None, ws is not None, stdio)) > 1:
        raise UsageError("`nsllm lsp` serves one client.", hint="Give one of --tcp, --ws, --stdio.")
    if tcp is not None:
        status = start.serve_tcp(tcp)
    elif ws is not None:
        status = start.serve_websocket(ws)
    else:
        status = start.serve_stdio()
    raise typer.Exit(status)
