"""`nsllm serve`: the HTTP API; `nsllm tokens`: who may call it."""

import asyncio
import importlib.util
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast, get_args
from urllib.parse import quote

import typer
from rich.table import Table

from nsllm import settings
from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.console import err, note, out, print_json
from nsllm.errors import MachineError, UsageError
from nsllm.frontends.http.tokens import SCOPES, Scope, Tokens

tokens_app = typer.Typer(help="Make, list and remove the server's tokens.", no_args_is_help=True)

_EXTRA = ("litestar", "uvicorn", "prometheus_client")


def serve(
    workspaces: Annotated[
        list[Path] | None, typer.Argument(help="Folders to serve; default: the current one.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = None,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Serve workspaces over HTTP, until Ctrl-C."""
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise MachineError(
            f"The server's packages are not installed: {', '.join(missing)}.",
            hint="Install them: pip install 'nsllm[server]'",
        )
    from nsllm.frontends.http.hosts import check_binding
    from nsllm.frontends.http.start import serve as run

    folders = workspaces or [Path()]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.", hint="Name the folders to serve.")
    given: dict[str, Any] = {
        name: value for name, value in (("host", host), ("port", port)) if value is not None
    }
    # Not of a workspace: whoever can write a file there must not open the server to others.
    own = settings.load(overrides={"server": given}).server
    check_binding(own)

    async def fetch(application: Application) -> None:
        await session.fetch_missing(application, yes=yes, quiet=False)

    session.run(folders[0], fetch)
    tokens = Tokens(given=own.token_file)
    if own.require_token:
        if tokens.prepare():
            note(f"A token was made: {tokens.owner_path}")
        else:
            note(f"Requests take a token: {tokens.owner_path}")
    asyncio.run(run(folders, own, tokens, listening=partial(_invite, own, tokens)))


def _invite(own: settings.Server, tokens: Tokens, url: str) -> None:
    """Say where the web page is; only a terminal is told the token, no file that keeps the log."""
    # Whoever listens on every address is reached by name, here by its own.
    place = url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:")
    if own.require_token and err.is_terminal:
        place += f"/#token={quote(tokens.owner(), safe='')}"
    note(f"The web page: {place}")


@tokens_app.command("show")
def show_token() -> None:
    """Print the owner's token."""
    tokens = Tokens(given=settings.load().server.token_file)
    tokens.prepare()
    typer.echo(tokens.owner())


@tokens_app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What it allows: {', '.join(SCOPES)}; may be repeated. Without: /metrics only."
        ),
    ] = None,
) -> None:
    """Make a token for a client and print it; it cannot be printed again."""
    scope = scope or []
    unknown = [one for one in scope if one not in get_args(Scope)]
    if unknown:
        raise UsageError(f"There is no scope {unknown[0]}.", hint=f"There are {', '.join(SCOPES)}.")
    chosen = cast("tuple[Scope, ...]", tuple(dict.fromkeys(scope)))
    typer.echo(Tokens().add(name, chosen))


@tokens_app.command("list")
def list_tokens(json: Annotated[bool, session.Json] = False) -> None:
    """Show the named tokens."""
    named = Tokens().named()
    if json:
        rows = [{"name": t.name, "scopes": t.scopes, "created": t.created} for t in named]
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "scopes", "created"):
        table.add_column(column)
    for token in named:
        table.add_row(token.name, ", ".join(token.scopes), token.created)
    out.print(table)


@tokens_app.command("remove")
def remove_token(name: Annotated[str, typer.Argument(help="Of the token.")]) -> None:
    """Remove a token: a server that runs refuses it at once."""
    Tokens().remove(name)
    note(f"The token {name} is refused from now on.")
