"""`nsllm doctor`: what works here, and what to do about what does not."""

import asyncio
import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.text import Text

from nsllm import __version__, home, settings
from nsllm.cache.store import CacheStore
from nsllm.cli import session
from nsllm.cli.cache import describe
from nsllm.cli.console import out, print_json, size
from nsllm.errors import NsllmError
from nsllm.models import hardware
from nsllm.models.registry import REMOTE
from nsllm.models.verify import check_sizes
from nsllm.runtime import ModelRuntime

State = Literal["ok", "warning", "error"]
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "error": ("✗", "red"),
}
_MODELS_SHOWN = 10
_LOW_DISK_BYTES = 1_000_000_000


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""


def doctor(
    workspace: Annotated[Path, session.Workspace] = Path(),
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Look at Python, libraries, hardware, disk, settings and models."""
    checks = list(_checks(workspace))
    if json:
        print_json(checks)
    else:
        for check in checks:
            mark, style = _MARKS[check.state]
            out.print(Text(f"{mark} ", style=style) + Text(f"{check.name:<12} {check.detail}"))
            if check.hint:
                out.print(Text(f"  {'':<12} {check.hint}", style="dim"))
    if any(check.state == "error" for check in checks):
        raise typer.Exit(NsllmError.exit_code)


def _checks(workspace: Path) -> Iterator[Check]:
    python = f"{sys.version.split()[0]} ({sys.executable})"
    yield Check(name="nsllm", state="ok", detail=__version__)
    yield Check(name="python", state="ok", detail=python)
    yield from _libraries()
    yield from _hardware()
    yield _disk()
    try:
        loaded = settings.load(workspace)
    except NsllmError as error:
        yield Check(name="settings", state="error", detail=error.message, hint=error.hint)
        return
    yield Check(name="settings", state="ok", detail=str(home.settings_folder()))
    yield _cache(workspace, loaded)
    yield from _models(ModelRuntime(loaded))


def _libraries() -> Iterator[Check]:
    required = {"onnxruntime": "nsllm[cpu]", "onnxruntime_genai": "nsllm[cpu]"}
    for name, package in required.items():
        try:
            version = getattr(importlib.import_module(name), "__version__", "unknown version")
        except (ImportError, OSError) as error:
            hint = f"Install {package}, or the extra for your hardware."
            yield Check(name=name, state="error", detail=str(error), hint=hint)
        else:
            yield Check(name=name, state="ok", detail=version)
    try:
        importlib.import_module("annoy")
    except (ImportError, OSError) as error:
        hint = (
            "Search stays exact, and is slower beyond some 100,000 chunks. annoy needs a compiler."
        )
        yield Check(name="annoy", state="warning", detail=str(error), hint=hint)
    else:
        yield Check(name="annoy", state="ok", detail="here")


def _hardware() -> Iterator[Check]:
    machine = hardware.describe()
    yield Check(name="system", state="ok", detail=machine.system)
    yield Check(
        name="processor",
        state="ok",
        detail=f"{machine.processor}, {machine.physical_cores} cores",
    )
    if machine.memory_bytes and machine.free_memory_bytes:
        free, total = size(machine.free_memory_bytes), size(machine.memory_bytes)
        yield Check(name="memory", state="ok", detail=f"{free} of {total} free")
    yield Check(name="providers", state="ok", detail=", ".join(machine.providers) or "none")
    for gpu in machine.gpus:
        yield Check(name="gpu", state="ok", detail=gpu)


def _disk() -> Check:
    folder = home.data_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    low = free < _LOW_DISK_BYTES
    return Check(
        name="disk",
        state="warning" if low else "ok",
        detail=f"{size(free)} free for {folder}",
        hint="Set NSLLM_HOME to a folder on a larger disk." if low else "",
    )


def _cache(workspace: Path, loaded: settings.Settings) -> Check:
    with closing(CacheStore(home.cache_path(workspace), loaded.cache.size_bytes)) as store:
        status = store.status()
    if status.problem:
        hint = "Answers are made anew each time. Remove the file, or free some space."
        return Check(name="cache", state="warning", detail=status.problem, hint=hint)
    return Check(name="cache", state="ok", detail=describe(status))


async def _remote(models: ModelRuntime) -> Check:
    """Ask the other machine for its models; no text of the user's is sent for that."""
    remote = models.settings.remote
    try:
        ids = [card.id for card in await models.remote_writer().models()]
    except NsllmError as error:
        return Check(name="remote", state="error", detail=error.message, hint=error.hint)
    if remote.model not in ids:
        shown = ", ".join(ids[:_MODELS_SHOWN]) or "none"
        return Check(
            name="remote",
            state="error",
            detail=f"{remote.url} has no model {remote.model}",
            hint=f"Set `remote.model`. It has {shown}.",
        )
    uses = models.is_remote()
    said = "questions and passages are sent there" if uses else "not in use: nothing is sent"
    result = models.exam_result(REMOTE)
    exam = f", reading exam {result.score:.2f}" if result else ", has not sat the reading exam"
    return Check(name="remote", state="ok", detail=f"{remote.model} at {remote.url}: {said}{exam}")


def _models(models: ModelRuntime) -> Iterator[Check]:
    if models.settings.remote.url:
        yield asyncio.run(_remote(models))
    for name in models.needed():
        try:
            known = models.registry.get(name)
            if known.is_remote:
                continue
            installed = models.registry.installed(name)
            if installed is None:
                hint = f"Fetch it: nsllm models pull {name}"
                yield Check(
                    name="model", state="warning", detail=f"{known.id}: not here", hint=hint
                )
                continue
            check_sizes(installed)
        except NsllmError as error:
            yield Check(name="model", state="error", detail=error.message, hint=error.hint)
            continue
        result = models.exam_result(name)
        exam = f", reading exam {result.score:.2f}" if result else ""
        yield Check(name="model", state="ok", detail=f"{name}{exam}")
