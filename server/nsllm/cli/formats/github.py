"""For GitHub Actions: workflow commands, which the pull request shows at their lines."""

from nsllm.cli.checked import Report
from nsllm.types import Severity

_COMMANDS = {Severity.REJECT: "error", Severity.WARN: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    """Return one workflow command a finding; columns are given where it is on one line."""
    lines = []
    for file in report.files:
        for located, region in zip(file.findings, file.regions("utf-16"), strict=True):
            finding = located.finding
            fields = {"file": file.shown, "line": region.line, "endLine": region.end_line}
            if region.line == region.end_line:
                fields |= {"col": region.column, "endColumn": region.end_column}
            fields["title"] = f"nsllm {finding.rule}"
            listed = ",".join(f"{key}={_property(str(value))}" for key, value in fields.items())
            message = finding.message
            if finding.evidence:
                message += f"\nThe source: {finding.evidence.text}"
            lines.append(f"::{_COMMANDS[finding.severity]} {listed}::{_data(message)}\n")
    lines += [
        f"::warning file={_property(path)}::{_data(f'Not checked: {reason}')}\n"
        for path, reason in report.skipped
    ]
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
