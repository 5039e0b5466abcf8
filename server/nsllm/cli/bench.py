"""`nsllm bench`: how fast it is on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from nsllm.app import Application
from nsllm.bench.figures import Quantiles
from nsllm.bench.governance import GovernanceFigures, measure_governance
from nsllm.cli import session
from nsllm.cli.console import out, print_json, progress
from nsllm.models.registry import Task

app = typer.Typer(help="Measure how fast it is on this machine.", no_args_is_help=True)

_TASKS: tuple[Task, ...] = ("embedding", "grounding", "toxicity")


@app.command()
def governance(
    runs: Annotated[int, typer.Option(min=1, help="Answers to judge.")] = 30,
    workspace: Annotated[Path, session.Workspace] = Path(),
    json: Annotated[bool, session.Json] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Time the judging of an answer of 150 words with five passages, stage by stage.

    Models, threads and rules are those of the settings; nothing of yours is read or recorded.
    """

    async def work(application: Application) -> GovernanceFigures:
        await session.fetch_missing(application, yes=yes, quiet=json, tasks=_TASKS)
        with progress(quiet=json) as listener:
            return await measure_governance(
                application.settings, application.models, runs, listener
            )

    figures = session.run(workspace, work)
    if json:
        print_json(figures)
    else:
        _print(figures)


def _print(figures: GovernanceFigures) -> None:
    threads = f"{figures.threads} {'thread' if figures.threads == 1 else 'threads'}"
    out.print(
        f"An answer of {figures.words} words with {figures.passages} passages, "
        f"{figures.runs} runs, {threads}"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("p50", "p95"):
        table.add_column(column, justify="right")
    rows: list[tuple[str, Quantiles]] = [
        *((f"  {stage}", one) for stage, one in figures.stages.items() if stage != "audit"),
        ("verdict", figures.verdict),
        ("audit record", figures.stages["audit"]),
        ("strict: a sentence is held", figures.streaming.held_per_sentence),
        ("strict: the answer ends later by", figures.streaming.added_to_answer),
    ]
    for name, one in rows:
        table.add_row(name, _shown(one.p50_ms), _shown(one.p95_ms))
    out.print(table)


def _shown(ms: float) -> str:
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:.0f} ms"
