"""`nsllm check`: govern texts that exist already, against a workspace."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.checked import ORDER, CheckedFile, Located, Report
from nsllm.cli.console import out, progress
from nsllm.cli.formats import github, records, sarif, text
from nsllm.cli.targets import Target, targets
from nsllm.documents.reader import Skipped
from nsllm.frontends.checked import check as checked
from nsllm.governance.explain import explain as explain_finding
from nsllm.governance.redaction import redact, redact_finding
from nsllm.types import Finding, Progress, Verdict


class Format(StrEnum):
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class FailOn(StrEnum):
    """The verdict from which the exit status is 1."""

    WARN = "warn"
    REJECT = "reject"


_RENDERERS = {
    Format.JSON: records.render,
    Format.SARIF: sarif.render,
    Format.GITHUB: github.render,
}


def check(
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders, or - for standard input.", metavar="PATH..."),
    ],
    workspace: Annotated[Path, session.Workspace] = Path(),
    format: Annotated[Format, typer.Option(help="How to print the findings.")] = Format.TEXT,  # noqa: A002 - the option's name
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 from this verdict on.")
    ] = FailOn.REJECT,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, and what would change the verdict.")
    ] = False,
    generated: Annotated[
        bool, typer.Option("--generated", help="A model wrote the texts: no claim may be new.")
    ] = False,
    stdin_filename: Annotated[
        Path | None, typer.Option(help="The file that standard input is the text of.")
    ] = None,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Check texts against the documents of a workspace, and exit with 1 if they fail."""
    quiet = format is not Format.TEXT

    async def work(application: Application) -> Report:
        documents = application.settings.documents
        found = list(targets(paths, workspace, documents, stdin_filename=stdin_filename))
        await session.fetch_missing(application, yes=yes, quiet=quiet)
        with progress(quiet=quiet) as listener:
            await application.index(listener)
            files = []
            texts = [target for target in found if isinstance(target, Target)]
            for done, target in enumerate(texts, start=1):
                files.append(
                    await _check(application, target, explain=explain, generated=generated)
                )
                total = len(texts)
                listener(Progress(task="checking", done=done, total=total, unit="files"))
        return Report(
            files=tuple(files),
            skipped=tuple((s.path, s.reason) for s in found if isinstance(s, Skipped)),
            rules=tuple(application.rulebook.rules.values()),
            workspace=workspace,
        )

    report = session.run(workspace, work)
    if format is Format.TEXT:
        text.write(out, report, explain=explain)
    else:
        sys.stdout.write(_RENDERERS[format](report))
        sys.stdout.flush()
    if ORDER.index(report.verdict) >= ORDER.index(Verdict(fail_on.value)):
        raise typer.Exit(1)


async def _check(
    application: Application, target: Target, *, explain: bool, generated: bool
) -> CheckedFile:
    """Judge a text, and locate what was found in it."""
    judgement = await checked(application, target.text, target.path, generated=generated)
    return CheckedFile(
        shown=target.shown,
        text=target.text,
        judgement=judgement,
        findings=tuple(_locate(application, target, judgement.findings, explain=explain)),
    )


def _locate(
    application: Application, target: Target, findings: Sequence[Finding], *, explain: bool
) -> list[Located]:
    # What is printed goes into logs and artefacts: they must not become stores of secrets. Many are
    # told by what stands around them, so the words of a finding are cut from the whole text, and
    # what was replaced there is replaced in its message.
    body = redact(target.text)
    return [
        Located(
            finding=finding,
            words=body.between(finding.start, finding.end),
            explanation=explain_finding(finding, application.rulebook, target.path)
            if explain
            else None,
        )
        for finding in (redact_finding(found, body.secrets) for found in findings)
    ]
