"""For people: places, findings, evidence, in 80 columns."""

import textwrap

from rich.console import Console
from rich.text import Text

from nsllm.cli.checked import CheckedFile, Located, Region, Report
from nsllm.types import Severity, Verdict

_COLUMNS = 80
_STYLES = {Severity.INFO: "cyan", Severity.WARN: "yellow", Severity.REJECT: "bold red"}
_VERDICT_STYLES = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.REJECT: "bold red"}


def write(console: Console, report: Report, *, explain: bool = False) -> None:
    """Print each finding under its place, and a line that sums up."""
    for file in report.files:
        for located, region in zip(file.findings, file.regions(), strict=True):
            _write_finding(console, report, file, located, region)
            if explain:
                _write_explanation(console, located)
    if explain:
        for file in report.files:
            _write_decision(console, file)
    for path, reason in report.skipped:
        console.print(Text(f"{path}: not checked: {reason}", style="dim"))
    _write_sum(console, report)


def _write_finding(
    console: Console, report: Report, file: CheckedFile, located: Located, region: Region
) -> None:
    finding = located.finding
    head = Text(f"{file.shown}:{region.line}:{region.column}", style="bold")
    head.append(f" {finding.severity.value} ", style=_STYLES[finding.severity])
    head.append(finding.rule, style="dim")
    console.print(head)
    _write_indented(console, finding.message)
    if located.words:
        _write_indented(console, f"“{_short(located.words)}”", style="dim")
    if finding.evidence:
        place = report.place_of(finding.evidence)
        where = f"{place}:{finding.evidence.start_line} " if place else ""
        _write_indented(console, f"{where}says “{_short(finding.evidence.text)}”", style="dim")


def _write_explanation(console: Console, located: Located) -> None:
    if located.explanation is None:
        return
    _write_indented(console, f"Why: {located.explanation.decided}")
    for change in located.explanation.changes:
        _write_indented(console, f"- {change}", indent="      ", hanging="        ")


def _write_decision(console: Console, file: CheckedFile) -> None:
    """Say which rules decided a file's verdict, and what it would be without them."""
    verdict = file.judgement.verdict
    line = Text(f"{file.shown}: ").append(verdict.value, style=_VERDICT_STYLES[verdict])
    deciding = [f.finding.rule for f in file.findings if f.finding.severity.value == verdict.value]
    if deciding:
        line.append(f", decided by {_listed(deciding)}")
        others = {f.finding.severity for f in file.findings} - {Severity.INFO}
        if verdict is Verdict.REJECT:
            line.append("; without: " + ("warn" if Severity.WARN in others else "pass"))
    console.print(line)


def _write_sum(console: Console, report: Report) -> None:
    severities = [located.finding.severity for file in report.files for located in file.findings]
    counts = [
        f"{severities.count(severity)} {severity.value}"
        for severity in reversed(Severity)
        if severity in severities
    ]
    files = f"{len(report.files)} file{'' if len(report.files) == 1 else 's'}"
    line = Text(f"{files} checked: ")
    line.append(report.verdict.value, style=_VERDICT_STYLES[report.verdict])
    console.print(line.append(f" ({', '.join(counts) or 'no findings'})"))


def _write_indented(
    console: Console,
    text: str,
    *,
    style: str = "default",
    indent: str = "    ",
    hanging: str | None = None,
) -> None:
    filled = textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=hanging or indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text(filled, style=style))


def _listed(rules: list[str]) -> str:
    counted = ((rule, rules.count(rule)) for rule in dict.fromkeys(rules))
    return ", ".join(rule if count == 1 else f"{rule} ({count}×)" for rule, count in counted)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 2 * _COLUMNS else flat[: 2 * _COLUMNS - 1].rstrip() + "…"
