"""`nsllm mcp`: the server for MCP clients."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from nsllm import settings
from nsllm.cli.console import note
from nsllm.errors import MachineError, UsageError

PORT = 8643
"""The port after that of `nsllm serve`, so that both can run."""

_HOST = "127.0.0.1"


def mcp(
    workspaces: Annotated[
        list[Path] | None, typer.Argument(help="Folders to serve; default: the current one.")
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve over streamable HTTP on this machine.")
    ] = False,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Serve on stdin and stdout; the default.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help=f"Port for --http, by default {PORT}; 0 takes a free one."
        ),
    ] = None,
    untrusted: Annotated[
        bool,
        typer.Option(
            "--untrusted",
            help="Let the folders' own nsllm.toml not decide about models, audit and limits.",
        ),
    ] = False,
) -> None:
    """Run the MCP server, which clients such as VS Code start themselves."""
    if http and stdio:
        raise UsageError("`nsllm mcp` serves in one way.", hint="Give --http or --stdio.")
    if port is not None and not http:
        raise UsageError("--port is for --http.", hint="Add --http, or leave --port out.")
    folders = workspaces or [Path()]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.", hint="Name the folders to serve.")
    _check_installed(http=http)
    from nsllm.frontends.http.service import Service
    from nsllm.frontends.http.tokens import Tokens
    from nsllm.frontends.mcp import start

    address = {"host": _HOST, "port": PORT if port is None else port}
    # Not of a workspace: whoever can write a file there must not open the server to others.
    own = settings.load(overrides={"server": address}).server

    if not http:
        start.serve_stdio(Service(folders, trusted=not untrusted), own)
        return
    tokens = Tokens(given=own.token_file)
    if own.require_token:
        made = tokens.prepare()
        note(f"{'A token was made' if made else 'Requests take a token'}: {tokens.owner_path}")

    async def serve() -> None:
        await start.serve_http(Service(folders, trusted=not untrusted), own, tokens)

    asyncio.run(serve())


def _check_installed(*, http: bool) -> None:
    needed = {"mcp": ["mcp"], "server": ["litestar", "uvicorn", "prometheus_client"]}
    extras = ["mcp", "server"] if http else ["mcp"]
    missing = [
        name for extra in extras for name in needed[extra] if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise MachineError(
            f"The MCP server's packages are not installed: {', '.join(missing)}.",
            hint=f"Install them: pip install 'nsllm[{','.join(extras)}]'",
        )
