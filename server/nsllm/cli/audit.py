"""`nsllm audit`: what was answered, whether the log is whole, and what of it goes."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.text import Text

from nsllm import home
from nsllm.cli import session
from nsllm.cli.audit_view import print_list, print_record, print_verification
from nsllm.cli.console import confirm, note, out, print_json
from nsllm.errors import UsageError
from nsllm.frontends import wire, wire_audit
from nsllm.governance.anchor import GENESIS, Head
from nsllm.governance.audit import AuditLog
from nsllm.settings import MOST_DAYS

app = typer.Typer(
    help="Read the record of all answers, check that it is whole, export and prune it.",
    no_args_is_help=True,
)

_HEAD = re.compile(r"(?:(\d+):)?([0-9a-fA-F]{64})")


@app.command("list")
def list_records(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 20,
    before: Annotated[int | None, typer.Option(help="Only those below this number.")] = None,
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Show the latest records, newest first."""
    found = _log().page(limit, before)
    if json:
        print_json([wire_audit.record(number, record) for number, record in found])
    elif found:
        print_list(out, found)
        if len(found) == limit and found[-1][0] > 1:
            note(f"Older ones: nsllm audit list --before {found[-1][0]}")
    else:
        note("No answer is recorded yet." if before is None else "There is nothing before that.")


@app.command()
def show(
    record: Annotated[str, typer.Argument(help="A number of the list, or (the begin of) an id.")],
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Show one record in full."""
    found = _log().find(record)
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'No'} records are called {record}.",
            hint="`nsllm audit list` shows the numbers.",
        )
    number, one = found[0]
    if json:
        print_json(wire_audit.record(number, one))
    else:
        print_record(out, number, one)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="A head that was noted elsewhere, as verify prints it.")
    ] = None,
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Check that every entry is there and as it was written; exit 1 if not."""
    result = _log().verify(_head_of(head))
    if json:
        print_json(wire_audit.verification(result))
    else:
        print_verification(out, result, home.audit_path(), home.seal_folder())
    if not result.intact:
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here; default: stdout.")
    ] = None,
) -> None:
    """Write all entries as JSON Lines, oldest first, with their digests."""
    stream = _open(output)
    count = 0
    try:
        for line in _lines():
            stream.write(line + "\n")
            count += 1
    finally:
        if stream is not sys.stdout:
            stream.close()
    if output is not None:
        note(f"{count:,} entries are in {output}.")


@app.command()
def prune(
    older_than: Annotated[
        int, typer.Option(min=0, max=MOST_DAYS, help="Remove what is older, in days.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove old entries for good; the rest stays verifiable, and says that they are gone."""
    if not yes and not confirm(f"Remove all entries older than {older_than} days for good?"):
        raise UsageError("Nothing was removed.", hint="Say yes, or pass --yes.")
    removed = _log().prune(datetime.now(UTC) - timedelta(days=older_than))
    out.print(Text(f"{removed:,} entries were removed." if removed else "Nothing is that old."))


def _log() -> AuditLog:
    return AuditLog(home.audit_path())


def _lines() -> Iterator[str]:
    previous: bytes | None = None
    for entry in _log().entries():
        before = GENESIS if entry.number == 1 else previous
        yield wire.to_json(wire_audit.entry(entry, before))
        previous = entry.digest


def _head_of(text: str | None) -> Head | None:
    if text is None:
        return None
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text} is no head of an audit log.",
            hint="It is a number, a colon and 64 hexadecimal digits, as `verify` prints it.",
        )
    return Head(number=int(match[1] or 0), digest=bytes.fromhex(match[2]))


def _open(output: Path | None) -> TextIO:
    if output is None:
        return sys.stdout
    try:
        return output.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written: {error.strerror}.", hint="Choose another place."
        ) from error
