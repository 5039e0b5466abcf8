"""The `nsllm` program: its commands, and how their failures end."""

import contextlib
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from nsllm import __version__, home
from nsllm.cli import (
    ask,
    audit,
    bench,
    cache,
    check,
    doctor,
    index,
    lsp,
    mcp,
    models,
    rules,
    score,
    serve,
    setup,
)
from nsllm.cli.console import print_error, speak_utf8
from nsllm.errors import NsllmError

app = typer.Typer(
    name="nsllm",
    help="Governed answers over your own documents, from a language model on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(ask.ask)
app.command()(index.index)
app.command()(index.search)
app.command()(check.check)
app.command()(score.score)
app.command()(setup.setup)
app.command()(doctor.doctor)
app.command()(lsp.lsp)
app.command()(mcp.mcp)
app.command()(serve.serve)
app.add_typer(models.app, name="models")
app.add_typer(serve.tokens_app, name="tokens")
app.add_typer(cache.app, name="cache")
app.add_typer(audit.app, name="audit")
app.add_typer(rules.app, name="rules")
app.add_typer(bench.app, name="bench")


def _print_version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Read the options of the program itself."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; no exception leaves this function."""
    speak_utf8()
    json = "--json" in arguments
    try:
        # Typer prints what is wrong with the arguments, and ends by SystemExit in any case.
        app(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except NsllmError as error:
        print_error(error, json=json)
        return error.exit_code
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the last stop: a user gets a sentence, we a log
        print_error(_log_crash(error), json=json)
        return NsllmError.exit_code
    return 0


def _log_crash(error: Exception) -> NsllmError:
    path = home.data_folder() / "crash.log"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat()} nsllm {__version__}\n")
            file.writelines(traceback.format_exception(error))
    return NsllmError(
        f"Something went wrong inside NS-LLM ({type(error).__name__}: {error}).",
        hint=f"This is a bug. The details are in {path}; please report them.",
    )
