"""`nsllm cache`: what is kept of answers and embeddings, and how to be rid of it."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from nsllm import home, settings
from nsllm.cache.store import CacheStatus, CacheStore
from nsllm.cli import session
from nsllm.cli.console import note, out, print_json, size
from nsllm.errors import MachineError

app = typer.Typer(
    help="Show or clear what is kept of answers and embeddings.", no_args_is_help=True
)


@app.command()
def info(
    workspace: Annotated[Path, session.Workspace] = Path(),
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Show what the cache of a workspace holds."""
    limit = settings.load(workspace).cache.size_bytes
    with closing(CacheStore(home.cache_path(workspace), limit)) as store:
        status = store.status()
    if json:
        print_json(status)
        return
    out.print(describe(status), markup=False)
    out.print(status.path, markup=False)
    if status.problem:
        note(status.problem)


@app.command()
def clear(workspace: Annotated[Path, session.Workspace] = Path()) -> None:
    """Remove all that is kept for a workspace, also for processes that run."""
    with closing(CacheStore(home.cache_path(workspace), 0)) as store:
        removed = store.clear()
        problem = store.status().problem
    if problem:
        raise MachineError(problem, hint="End the processes that use it, and remove the file.")
    note(f"{removed:,} entries were removed.")


def describe(status: CacheStatus) -> str:
    """Say in a line what a cache holds."""
    if not status.limit_bytes:
        return "off (cache.size_bytes is 0)"
    held = ", ".join(f"{count:,} {kind}s" for kind, count in status.entries.items())
    return f"{held}, {size(status.size_bytes)} of {size(status.limit_bytes)}"
