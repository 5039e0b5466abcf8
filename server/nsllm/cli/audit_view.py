"""How the audit log looks on a terminal."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from nsllm.frontends.wire_audit import head, local_time
from nsllm.governance.chain import Fault, Verification
from nsllm.governance.records import AuditRecord
from nsllm.types import Severity, Verdict

_VERDICT_STYLE = {Verdict.PASS: "green", Verdict.WARN: "yellow", Verdict.REJECT: "red"}
_SEVERITY_STYLE = {Severity.INFO: "cyan", Severity.WARN: "yellow", Severity.REJECT: "red"}
_LABEL = 10


def print_list(console: Console, records: Sequence[tuple[int, AuditRecord]]) -> None:
    """Print one line for each record, within the terminal's width."""
    digits = max(len(str(number)) for number, _ in records)
    for number, record in records:
        line = Text(f"{number:>{digits}}  ", style="dim")
        line.append(f"{local_time(record.time)}  ", style="default")
        line.append(f"{_kind(record):<8}  ", style=_style(record))
        what = " ".join(_subject(record).split())
        line.append(what, style="default")
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line)


def print_record(console: Console, number: int, record: AuditRecord) -> None:
    """Print all that is kept of one answer or acceptance."""
    _field(console, "record", f"{number}, {record.id}")
    asked = f" by {record.client}" if record.client else ""
    _field(console, "time", f"{local_time(record.time)}{asked}")
    _field(console, "workspace", record.workspace)
    if record.accepted:
        _field(console, "accepted", f"{record.accepted.rule} in {record.accepted.uri}")
        _field(console, "reason", record.accepted.reason)
        _field(console, "words", record.text)
        return
    _field(console, "question", record.question)
    console.print(Text(f"\n{record.text}\n"))
    how = f"written by {record.model}" if record.model else "quoted from the sources"
    tokens = f", {record.tokens} tokens generated" if record.tokens else ""
    _field(console, "made", f"{how}, {record.timings_ms.get('total', 0) / 1000:.1f} s{tokens}")
    decided = f", decided by {', '.join(record.decided_by)}" if record.decided_by else ""
    _field(console, "verdict", f"{record.verdict.value}{decided}", _VERDICT_STYLE[record.verdict])
    for finding in record.findings:
        _field(console, "finding", f"{finding.rule}: {finding.message}")
    for rejected in record.rejected:
        text = f"{rejected.rule}: {rejected.reason} “{' '.join(rejected.text.split())}”"
        _field(console, "rejected", text)
    for source in record.evidence:
        place = f"{source.path}:{source.start_line}-{source.end_line}"
        _field(console, "source", f"{place}  sha256 {source.sha256[:16]}…")
    for model in record.models:
        weights = f"at {model.address}" if model.address else f"sha256 {model.sha256[:16]}…"
        _field(console, "model", f"{model.id} ({model.task})  {weights}")
    for name, digest in (("settings", record.settings_sha256), ("rules", record.rules_sha256)):
        if digest:
            _field(console, name, f"sha256 {digest[:16]}…")
    if record.cached_from:
        _field(console, "copy of", record.cached_from)
    if record.redacted:
        _field(console, "redacted", ", ".join(record.redacted))
    _field(console, "version", record.version)


def print_verification(console: Console, result: Verification, path: Path, seal: Path) -> None:
    """Print what verifying showed, and the head to note elsewhere."""
    entries = f"{result.entries:,} {'entry' if result.entries == 1 else 'entries'}"
    if result.intact and not result.entries and not result.head.number:
        console.print(Text("There is no audit log yet."))
    elif result.intact:
        console.print(Text("✓ ", style="green") + Text(f"{entries}, each as it was written."))
    else:
        console.print(
            Text("✗ ", style="bold red") + Text("The audit log is not as it was written.")
        )
        for fault in result.faults:
            console.print(Text(f"  {_place(fault)}", style="red") + Text(fault.message))
    if result.checkpoint:
        gone = result.checkpoint
        console.print(Text(f"  Retention removed the entries up to {gone.through}.", style="dim"))
    for remark in result.notes:
        console.print(Text(f"  {remark}", style="yellow"))
    if result.entries:
        console.print(Text(f"  log   {path}\n  seal  {seal}", style="dim"))
        console.print(Text("  head  ", style="dim") + Text(head(result)))


def _field(console: Console, name: str, value: str, style: str = "default") -> None:
    lines = [value]
    if console.is_terminal:
        lines = wrap(value, max(20, console.width - _LABEL - 1)) or [""]
    indented = f"\n{'':<{_LABEL}} ".join(lines)
    console.print(Text(f"{name:<{_LABEL}} ", style="dim") + Text(indented, style=style))


def _kind(record: AuditRecord) -> str:
    return "accepted" if record.accepted else record.verdict.value


def _style(record: AuditRecord) -> str:
    return "cyan" if record.accepted else _VERDICT_STYLE[record.verdict]


def _subject(record: AuditRecord) -> str:
    if record.accepted:
        return f"{record.accepted.rule}: {record.accepted.reason}"
    return record.question


def _place(fault: Fault) -> str:
    if fault.first is None:
        return ""
    if fault.last in {None, fault.first}:
        return f"entry {fault.first}: "
    return f"entries {fault.first} to {fault.last}: "
