"""Open an Application for one command, and fetch the models that it lacks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer

from nsllm import settings
from nsllm.app import Application
from nsllm.cli.console import confirm, err, note, progress, size
from nsllm.errors import ModelMissingError
from nsllm.runtime import ModelRuntime

_T = TypeVar("_T")
_INTERRUPTED = 130
"""What shells give a program that Ctrl-C ended."""

Workspace = typer.Option("--workspace", "-w", help="Folder to ask; default: the current one.")
Json = typer.Option("--json", help="Print one JSON document to stdout.")
Yes = typer.Option("--yes", "-y", help="Download what is missing without asking.")


def run(
    workspace: Path,
    work: Callable[[Application], Awaitable[_T]],
    *,
    overrides: Mapping[str, Any] | None = None,
) -> _T:
    """Open the workspace, await the work, and close everything, whatever happens."""

    async def main() -> _T:
        loaded = settings.load(workspace, overrides=overrides)
        application = Application(workspace, loaded, ModelRuntime(loaded))
        try:
            return await work(application)
        finally:
            await application.aclose()

    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(_INTERRUPTED) from None


async def fetch_missing(application: Application, *, yes: bool, quiet: bool) -> None:
    """Download the models that the settings name and that are not here, after saying so.

    Raises:
        ModelMissingError: the user said no, cannot be asked, or forbade downloads.
    """
    missing = application.models.missing()
    if not missing:
        return
    for model in missing:
        note(f"{model.id}: {size(model.download_bytes)} from {model.origin}, {model.licence}")
    names = " and ".join(model.id for model in missing)
    allowed = application.settings.models.download
    if not allowed or not (yes or confirm(f"Download {names} now?")):
        raise ModelMissingError(
            f"The models {names} are not on this machine.",
            hint="Run `nsllm models pull`, or pass --yes to download them when they are missing.",
        )
    with progress(quiet=quiet) as listener:
        for model in missing:
            await application.models.pull(model.id, listener)
