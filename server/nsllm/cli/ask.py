"""`nsllm ask`: a governed answer."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.answer import print_answer
from nsllm.cli.console import note, out, print_json, progress
from nsllm.frontends import wire
from nsllm.types import Answer, AnswerEvent, Delta, Mode, Question, Withdrawn


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    workspace: Annotated[Path, session.Workspace] = Path(),
    top_k: Annotated[int | None, typer.Option(min=1, max=50, help="Passages to use.")] = None,
    mode: Annotated[
        str | None, typer.Option(help="auto, generate or extract; default: the setting's.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Id of the generator to use.")] = None,
    json: Annotated[bool, session.Json] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Answer a question from the documents of a workspace."""
    given: dict[str, dict[str, Any]] = {}
    if mode is not None:
        given["generation"] = {"mode": mode}
    if model is not None:
        given["models"] = {"generator": model}

    async def work(application: Application) -> Answer:
        await session.fetch_missing(application, yes=yes, quiet=json)
        if application.models.is_remote():
            note(
                "The question and passages of your documents may leave this machine: to "
                f"{application.settings.remote.url}"
            )
        with progress(quiet=json) as listener:
            await application.index(listener)
        chosen: Mode = application.settings.generation.mode
        count = top_k or application.settings.retrieval.top_k
        return await application.ask(
            Question(text=question, top_k=count, mode=chosen),
            _ignore if json else _show,
            client="cli",
        )

    answer = session.run(workspace, work, overrides=given)
    if json:
        print_json(wire.answer(answer))
    else:
        out.print()
        print_answer(out, answer, workspace)


def _show(event: AnswerEvent) -> None:
    if isinstance(event, Delta):
        out.print(event.text, end="", markup=False)
    elif isinstance(event, Withdrawn):
        out.print()
        note(f"Withdrawn: {event.reason} Another answer follows.")


def _ignore(_event: AnswerEvent) -> None:
    """Nothing is shown before the JSON document."""
