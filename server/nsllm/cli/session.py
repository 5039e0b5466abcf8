"""Open an Application for one command, and fetch the models that it lacks."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import typer

from nsllm import settings
from nsllm.app import Application
from nsllm.cli.console import confirm, err, note, progress, size
from nsllm.errors import ModelMissingError
from nsllm.models.registry import Model, Task
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
    # The audit log keeps the folder's name for readers elsewhere, to whom "." says nothing.
    folder = workspace.resolve()

    async def main() -> _T:
        loaded = settings.load(folder, overrides=overrides)
        application = Application(folder, loaded, ModelRuntime(loaded))
        try:
            return await work(application)
        finally:
            await application.aclose()

    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        err.print("interrupted")
        raise typer.Exit(_INTERRUPTED) from None


async def fetch_missing(
    application: Application, *, yes: bool, quiet: bool, tasks: Collection[Task] = ()
) -> None:
    """Download the models that the settings name and that are not here, after saying so.

    `tasks`: what they are wanted for; none named: all that an answer takes.

    Raises:
        ModelMissingError: the user said no, cannot be asked, or forbade downloads.
    """
    missing = [one for one in application.models.missing() if not tasks or one.task in tasks]
    if not missing:
        return
    names = " and ".join(model.id for model in missing)
    if application.settings.models.download:
        _announce(application, missing)
        if yes or confirm(f"Download {names} now?"):
            await _pull(application, missing, quiet=quiet)
            return
    raise ModelMissingError(
        f"These models are not ready on this machine: {names}.",
        hint="Run `nsllm models pull`, or pass --yes to download what is missing "
        "(the setting models.download must allow it).",
    )


async def fetch(application: Application, models: Sequence[Model]) -> None:
    """Download and import models that the user asked for."""
    _announce(application, models)
    await _pull(application, models, quiet=False)


def _announce(application: Application, models: Sequence[Model]) -> None:
    """Say what is fetched, from where and how large; a base that is fetched brings its adapters."""
    fetched = {model.id for model in models}
    for model in models:
        if model.base in fetched:
            what = f"made of {model.base}"
        else:
            source = application.models.registry.fetched_for(model)
            what = f"{size(source.download_bytes)} from {source.origin}"
        note(f"{model.id}: {what}, {model.licence}")


async def _pull(application: Application, models: Sequence[Model], *, quiet: bool) -> None:
    with progress(quiet=quiet) as listener:
        for model in models:
            await application.models.pull(model.id, listener)
