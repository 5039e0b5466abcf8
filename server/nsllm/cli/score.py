"""`nsllm score`: judge texts that come with their passages."""

import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.console import progress
from nsllm.errors import UsageError
from nsllm.frontends import wire
from nsllm.frontends.lines import decode_lines
from nsllm.types import Progress


def score(
    file: Annotated[
        Path, typer.Argument(help="JSON Lines of {id, question?, answer, passages}; - for stdin.")
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here.")] = None,
    perplexity: Annotated[
        bool, typer.Option(help="Also run each answer through the generator.")
    ] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Score and judge answers against the passages that come with them."""

    # What is wrong with a line shows before a result of an earlier run is overwritten.
    samples = list(decode_lines(file, wire.Sample))
    stream = _open(output)

    async def work(application: Application) -> None:
        await session.fetch_missing(application, yes=yes, quiet=True)
        with progress() as listener:
            for done, sample in enumerate(samples):
                judged = await application.score(
                    sample.answer,
                    sample.passages,
                    question=sample.question,
                    perplexity=perplexity,
                )
                stream.write(wire.to_json(wire.judgement(sample.id, judged)) + "\n")
                step = Progress(task="scoring", done=done + 1, total=len(samples), unit="steps")
                listener(step)

    try:
        session.run(Path(), work)
    finally:
        if stream is not sys.stdout:
            stream.close()


def _open(output: Path | None) -> TextIO:
    if output is None:
        return sys.stdout
    try:
        return output.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written: {error.strerror}.", hint="Choose another place."
        ) from error
