"""`nsllm index` and `nsllm search`."""

import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.console import note, out, print_json, progress
from nsllm.errors import UsageError
from nsllm.frontends import wire
from nsllm.frontends.lines import decode_lines
from nsllm.index.report import IndexReport


def index(
    directory: Annotated[Path, typer.Argument(help="The workspace.")] = Path(),
    watch: Annotated[bool, typer.Option(help="Keep running and follow changes.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Read and embed all anew.")] = False,
    json: Annotated[bool, session.Json] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Index the documents of a workspace, or what changed since the last time."""

    async def work(application: Application) -> IndexReport:
        await session.fetch_missing(application, yes=yes, quiet=json)
        if rebuild or not watch:
            with progress(quiet=json) as listener:
                report = await application.index(listener, rebuild=rebuild)
            if not watch:
                return report
            _print_report(report, json=json)
        with progress(quiet=json) as listener:
            reports = application.watch(listener)
            report = await anext(reports)
        async with aclosing(reports):
            _print_report(report, json=json)
            async for report in reports:
                _print_report(report, json=json)
        return report

    _print_report(session.run(directory, work), json=json)


def search(
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    queries: Annotated[
        Path | None, typer.Option(help="JSON Lines of {id, query}; - for standard input.")
    ] = None,
    workspace: Annotated[Path, session.Workspace] = Path(),
    top_k: Annotated[int | None, typer.Option(min=1, max=50, help="Passages to find.")] = None,
    json: Annotated[bool, session.Json] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Find the passages of a workspace nearest to a query."""
    if (query is None) == (queries is None):
        raise UsageError(
            "`nsllm search` takes a query or --queries FILE.", hint="Give one of the two."
        )

    async def work(application: Application) -> None:
        await session.fetch_missing(application, yes=yes, quiet=True)
        with progress(quiet=json or queries is not None) as listener:
            await application.index(listener)
        if query is not None:
            found = wire.hits("query", await application.search(query, top_k))
            print_json(found) if json else _print_hits(found)
            return
        for line in _queries(queries):
            found = wire.hits(line.id, await application.search(line.query, top_k))
            sys.stdout.write(wire.to_json(found) + "\n")

    session.run(workspace, work)


def _queries(path: Path | None) -> Iterator[wire.Query]:
    yield from decode_lines(path, wire.Query)


def _print_hits(found: wire.WireHits) -> None:
    for hit in found.hits:
        out.print(f"{hit.score:.3f}  {hit.path}:{hit.start_line}-{hit.end_line}", markup=False)
    if not found.hits:
        note("Nothing found.")


def _print_report(report: IndexReport, *, json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(report))
        return
    out.print(
        f"{report.documents} documents, {report.chunks} chunks: {report.added} added, "
        f"{report.changed} changed, {report.removed} removed ({report.duration_s:.1f} s)"
    )
    if report.rebuilt_because:
        note(f"The index was rebuilt: {report.rebuilt_because}")
    for skipped in report.skipped:
        note(f"left out {skipped.path}: {skipped.reason}")
