"""`nsllm models`: what there is, what is here, what is used."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from nsllm import settings
from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.console import note, out, print_json, progress, size
from nsllm.errors import UsageError
from nsllm.frontends import wire
from nsllm.generation.exam import ExamResult
from nsllm.models import install
from nsllm.models.foreign import ForeignModel
from nsllm.models.registry import InstalledModel, Model, Registry, setting_of
from nsllm.models.verify import verify as verify_files
from nsllm.settings_file import remember

app = typer.Typer(
    help="List, fetch, import, choose, verify and remove models.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(help="Id of a model, as `nsllm models list` shows it.")]


class Measured(StrEnum):
    """What a classifier measures."""

    GROUNDING = "grounding"
    TOXICITY = "toxicity"


@app.command("list")
def list_models(json: Annotated[bool, session.Json] = False) -> None:
    """Show all models, whether they are here, and what they have shown in the exam."""

    async def work(application: Application) -> list[wire.WireModel]:
        return wire.models(application.models)

    found = session.run(Path(), work)
    if json:
        print_json(found)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "task", "size", "here", "exam", "licence"):
        table.add_column(column)
    for model in found:
        here = "in use" if model.in_use else "yes" if model.installed else "no"
        if model.remote is not msgspec.UNSET:
            here = f"{'in use, ' if model.in_use else ''}text is sent to {model.remote}"
        exam = (
            f"{model.exam.score:.2f} {'pass' if model.exam.passed else 'fail'}"
            if model.exam
            else ""
        )
        table.add_row(model.id, model.task, size(model.disk_bytes), here, exam, model.licence)
    out.print(table)


@app.command()
def pull(
    ids: Annotated[list[str] | None, typer.Argument(help="Default: what an answer takes.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", hidden=True)] = False,  # noqa: ARG001
) -> None:
    """Download and import models: to ask for it is consent enough, so nothing is asked."""

    async def work(application: Application) -> None:
        if not ids:
            await session.fetch(application, application.models.missing())
        for name in ids or ():
            with progress() as listener:
                await application.models.pull(name, listener)
        for name in ids or application.models.needed():
            note(f"{name} is here.")

    session.run(Path(), work)


@app.command("import")
def import_model(
    path: Annotated[
        Path,
        typer.Argument(help="A GGUF file, or the folder of a BERT embedder or ONNX classifier."),
    ],
    id: Annotated[str | None, typer.Option(help="Default: from the file or folder.")] = None,  # noqa: A002
    task: Annotated[
        Measured | None, typer.Option(help="What a classifier measures; default: by its labels.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A classifier's label that means support, or toxicity; repeatable."),
    ] = None,
) -> None:
    """Import a model of one's own; a generator sits the reading exam at once."""

    async def work(application: Application) -> None:
        with progress() as listener:
            installed = install.import_file(
                path,
                model_id=id,
                task=task.value if task else None,
                labels=label or (),
                listener=listener,
            )
            name = installed.manifest.id
            application.models.reload_registry()
            if installed.manifest.task == "generation":
                _print_exam(name, await application.models.examine(name, listener))
        if installed.manifest.family == "onnx":
            _print_head(installed)
        note(f"{name} is here. Use it: nsllm models use {name}")

    session.run(Path(), work)


@app.command()
def use(model: Id) -> None:
    """Make a model the one that answers, that embeds, or that measures grounding or toxicity."""
    remote = settings.load().remote
    registry = Registry.load().with_remote(remote)
    path = remember("models", setting_of(registry.get(model)), model)
    note(f"{model} is used from now on ({path}).")
    if registry.get(model).is_remote:
        note(f"Questions and passages leave this machine from now on: to {remote.url}")
    elif registry.installed(model) is None:
        note(f"It is not here yet: nsllm models pull {model}")


@app.command()
def verify(model: Id) -> None:
    """Check every file of a model, and let a generator sit the reading exam again."""

    async def work(application: Application) -> None:
        registry = application.models.registry
        if registry.get(model).is_remote:
            with progress() as listener:
                _print_exam(model, await application.models.examine(model, listener))
            return
        installed = registry.installed(registry.get(model).id)
        if installed is None:
            raise UsageError(f"{model} is not here.", hint=f"Fetch it: nsllm models pull {model}")
        verify_files(installed)
        note(f"{model}: every file is as it was imported.")
        if installed.manifest.task == "generation":
            with progress() as listener:
                result = await application.models.examine(model, listener)
            _print_exam(model, result)

    session.run(Path(), work)


@app.command()
def remove(model: Id) -> None:
    """Delete a model from this machine."""
    install.remove(model)
    note(f"{model} is removed.")


@app.command()
def info(model: Id, json: Annotated[bool, session.Json] = False) -> None:
    """Show all that is known of a model."""

    async def work(application: Application) -> wire.WireModel:
        known: Model = application.models.registry.get(model)
        return wire.model(application.models, known)

    found = session.run(Path(), work)
    if json:
        print_json(found)
        return
    for name in found.__struct_fields__:
        out.print(f"{name:<15} {getattr(found, name)}", markup=False)


def _print_head(installed: InstalledModel) -> None:
    """Say what was made of a classifier's labels: a wrong guess shows here, not in scores."""
    head = ForeignModel(installed.folder).head
    meaning = "is toxic" if head.measure == "toxicity" else "is supported"
    if head.inverted:
        meaning = "is not supported"
    names = " or ".join(head.labels[number] for number in head.wanted)
    of = "each token" if head.outputs == "token" else "a text"
    note(
        f"{installed.id}, {head.measure}: {names} means that {of} {meaning}; the other labels are "
        f"{', '.join(n for i, n in enumerate(head.labels) if i not in head.wanted) or 'none'}. "
        "Its scores are not calibrated: see docs/MODELS.md."
    )


def _print_exam(name: str, result: ExamResult) -> None:
    verdict = "passed" if result.passed else "not passed: mode auto quotes instead of writing"
    note(
        f"{name}, reading exam: facts {result.facts:.0%}, citations {result.citations:.0%}, "
        f"honest 'not found' {result.not_found:.0%}: {verdict} ({settings.FILE_NAME} can overrule)."
    )
