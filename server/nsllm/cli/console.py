"""The terminal: results on stdout, everything else on stderr."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from nsllm import types
from nsllm.errors import NsllmError
from nsllm.frontends import wire

# Without emoji codes: `:a:` in an answer or an address is text.
out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def speak_utf8() -> None:
    """Write UTF-8 to files and pipes, whatever the machine's own encoding, as JSON has to be.

    A terminal keeps its encoding, and shows a mark for what that lacks.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in stream.encoding.lower():
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class WireError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as `--json` prints it."""

    code: str
    message: str
    hint: str


def print_json(record: object) -> None:
    """Print one wire record as the JSON document of a command."""
    sys.stdout.write(wire.to_json(record, indent=sys.stdout.isatty()) + "\n")
    sys.stdout.flush()


def print_error(error: NsllmError, *, json: bool) -> None:
    """Print what was met and what to do."""
    if json:
        wired = WireError(code=error.code, message=error.message, hint=error.hint)
        print_json({"error": msgspec.to_builtins(wired) | error.details})
    err.print(Text("error: ", style="bold red") + Text(error.message, style="default"))
    if error.hint:
        err.print(Text("  " + error.hint, style="dim"))


def note(message: str) -> None:
    """Print a line about what goes on."""
    err.print(Text(message, style="dim"))


def confirm(question: str) -> bool:
    """Ask yes or no; where nobody can answer, the answer is no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    err.print(Text(f"{question} [Y/n] "), end="")
    return input().strip().lower() in {"", "y", "yes"}


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[types.ProgressListener]:
    """Show progress bars while the block runs; only on a terminal, and on stderr."""
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=quiet or not err.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def listen(step: types.Progress) -> None:
        if step.task not in tasks:
            if bars.disable and not quiet:
                note(step.task)
            tasks[step.task] = bars.add_task(step.task, total=step.total, amount="")
        bars.update(tasks[step.task], completed=step.done, total=step.total, amount=_amount(step))

    with bars:
        yield listen


def size(count_bytes: int) -> str:
    """Write a number of bytes as people do."""
    return f"{count_bytes / 1e9:.1f} GB" if count_bytes >= 1e9 else f"{count_bytes / 1e6:.1f} MB"


def _amount(step: types.Progress) -> str:
    if step.unit == "bytes":
        return size(step.done) + (f" of {size(step.total)}" if step.total else "")
    return f"{step.done:,} of {step.total:,} {step.unit}" if step.total else ""
