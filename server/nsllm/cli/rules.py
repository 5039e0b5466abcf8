"""`nsllm rules`: which rules hold, why, and whether they do what their examples say."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from nsllm import settings
from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.console import note, out, print_json
from nsllm.errors import UsageError
from nsllm.governance.examples import (
    Outcome,
    check_rules,
    judge_unmeasured,
    needs_models,
    outcome,
    read_examples,
)
from nsllm.governance.rulebook import Configured, Rulebook
from nsllm.settings import RuleExample
from nsllm.types import Judgement

app = typer.Typer(help="The rules that texts are judged by.", no_args_is_help=True)
_PATH = typer.Option("--path", help="As they hold for this document of the workspace.")


class RuleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as `--json` prints it; `origins` says where an option was set."""

    id: str
    summary: str
    advice: str
    options: dict[str, Any]
    origins: dict[str, str]


@app.command("list")
def list_rules(
    workspace: Annotated[Path, session.Workspace] = Path(),
    path: Annotated[str | None, _PATH] = None,
    json: Annotated[bool, session.Json] = False,
) -> None:
    """List the rules, and how they are set."""
    rulebook = _rulebook(workspace)
    rules = rulebook.configured(path).values()
    if json:
        print_json([_record(configured) for configured in rules])
        return
    width = max(len(configured.rule.id) for configured in rules)
    for configured in rules:
        state = _state(configured)
        style = "dim" if state == "off" else "default"
        out.print(Text(f"{configured.rule.id:<{width}}  {state}", style=style))
    for name, reason in rulebook.failed.items():
        out.print(Text(f"{name:<{width}}  failed: {reason}", style="red"))


@app.command()
def show(
    rule: Annotated[str, typer.Argument(help="The rule's id.")],
    workspace: Annotated[Path, session.Workspace] = Path(),
    path: Annotated[str | None, _PATH] = None,
    json: Annotated[bool, session.Json] = False,
) -> None:
    """Show what a rule finds, its options, and where each was set."""
    rulebook = _rulebook(workspace)
    configured = rulebook.configured(path).get(rule)
    if configured is None:
        raise UsageError(f"There is no rule {rule}.", hint="`nsllm rules list` lists them.")
    record = _record(configured)
    if json:
        print_json(record)
        return
    out.print(Text(rule, style="bold"))
    out.print(Text(f"{record.summary} {record.advice}".strip()))
    profile = rulebook.profile_of(path)
    for option, value in record.options.items():
        origin = record.origins.get(option, f"profile {profile}")
        out.print(Text(f"  {option} = {_toml(value)}").append(f"  ({origin})", style="dim"))


@app.command("test")
def run_examples(
    files: Annotated[
        list[Path] | None, typer.Argument(help="TOML files with [[examples]].", metavar="FILE...")
    ] = None,
    workspace: Annotated[Path, session.Workspace] = Path(),
    json: Annotated[bool, session.Json] = False,
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Run the examples in nsllm.toml and in the files, and exit with 1 if one fails."""
    loaded = settings.load(workspace)
    rulebook = Rulebook(loaded.governance)
    examples = (*loaded.governance.examples, *(e for f in files or () for e in read_examples(f)))
    check_rules(examples, rulebook)
    if not examples:
        raise UsageError(
            "There is no example to run.",
            hint="Write `[[governance.examples]]` into nsllm.toml; docs/RULES.md shows one.",
        )
    outcomes = [
        outcome(example, judgement)
        for example, judgement in zip(
            examples, _judge(examples, rulebook, workspace, yes=yes), strict=True
        )
    ]
    if json:
        print_json({"outcomes": [_described(one) for one in outcomes]})
    else:
        _print(outcomes)
    if not all(one.passed for one in outcomes):
        raise typer.Exit(1)


def _judge(
    examples: tuple[RuleExample, ...], rulebook: Rulebook, workspace: Path, *, yes: bool
) -> list[Judgement]:
    """Judge each example; models are loaded only if a rule looks at what they measure."""
    if not any(needs_models(example, rulebook) for example in examples):
        return [judge_unmeasured(example, rulebook) for example in examples]

    async def work(application: Application) -> list[Judgement]:
        await session.fetch_missing(application, yes=yes, quiet=True)
        return [
            await application.score(
                example.text, example.passages, path=example.path, numbered=True
            )
            if needs_models(example, rulebook)
            else judge_unmeasured(example, rulebook)
            for example in examples
        ]

    return session.run(workspace, work)


def _print(outcomes: list[Outcome]) -> None:
    for one in outcomes:
        line = Text("ok    " if one.passed else "FAIL  ", style="green" if one.passed else "red")
        line.append(one.example.rule, style="default")
        line.append(f"  “{_short(one.example.text)}”", style="dim")
        out.print(line)
        if not one.passed:
            out.print(Text(f"      expected {one.example.expect}, got {one.got}"))
            for finding in one.findings:
                out.print(Text(f"      {finding.severity.value}: {finding.message}", style="dim"))
    failed = sum(not one.passed for one in outcomes)
    note(f"{len(outcomes)} examples, {failed} failed")


def _described(one: Outcome) -> dict[str, Any]:
    return {
        "rule": one.example.rule,
        "text": one.example.text,
        "expect": one.example.expect,
        "got": one.got,
        "passed": one.passed,
    }


def _rulebook(workspace: Path) -> Rulebook:
    return Rulebook(settings.load(workspace).governance)


def _record(configured: Configured) -> RuleRecord:
    return RuleRecord(
        id=configured.rule.id,
        summary=configured.rule.summary,
        advice=configured.rule.advice,
        options=msgspec.to_builtins(configured.options),
        origins=dict(configured.origins),
    )


def _state(configured: Configured) -> str:
    options = configured.options
    if not options.enabled:
        return "off"
    parts = [f"{options.severity.value}"]
    if options.worse is not None:
        sign = "<" if options.worse == "below" else ">"
        parts = [f"warn {sign} {options.warn:g}"]
        if options.severity.value == "reject":
            parts.append(f"reject {sign} {options.reject:g}")
    if options.applies_to != ("answer", "document"):
        parts.append(" and ".join(f"{target}s" for target in options.applies_to))
    return ", ".join([*parts, *options.paths])


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59].rstrip() + "…"
