"""How an answer looks on a terminal."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from nsllm.types import Answer, Finding, Scores, Severity, Verdict

_VERDICT_STYLE = {
    Verdict.PASS: "bold green",
    Verdict.WARN: "bold yellow",
    Verdict.REJECT: "bold red",
}
_SEVERITY_STYLE = {Severity.INFO: "cyan", Severity.WARN: "yellow", Severity.REJECT: "red"}
_SNIPPET = 76
_SCORES = ("relevance", "coherence", "grounding", "perplexity", "toxicity", "overall")


def print_answer(console: Console, answer: Answer, workspace: Path) -> None:
    """Print sources, scores, findings and verdict; the text itself has been streamed."""
    if answer.passages:
        title = "Sources" if answer.found else "Nearest passages"
        console.print(Text(f"\n{title}", style="bold"))
    for marker, passage in enumerate(answer.passages, start=1):
        chunk = passage.chunk
        place = Text(f"  [{marker}] ", style="dim")
        target = (workspace / chunk.path).resolve().as_uri()
        place.append(f"{chunk.path}:{chunk.start_line}", style=f"cyan link {target}")
        place.append(f"  {passage.score:.2f}", style="dim")
        console.print(place)
        console.print(Text("      " + _snippet(chunk.text), style="dim"))
    _print_judgement(console, answer)
    spent = sum(ms for stage, ms in answer.timings_ms.items() if stage != "total")
    console.print(
        Text(f"\n{_how(answer)}, {answer.timings_ms.get('total', spent) / 1000:.1f} s", style="dim")
    )


def _how(answer: Answer) -> str:
    if answer.mode == "generate":
        return f"written by {answer.model}"
    return "quoted from the sources" if answer.found else "nothing to quote"


def _print_judgement(console: Console, answer: Answer) -> None:
    judgement = answer.judgement
    console.print(Text("\nScores  ", style="bold") + _scores(judgement.scores))
    verdict = judgement.verdict
    console.print(
        Text("Verdict ", style="bold") + Text(verdict.value, style=_VERDICT_STYLE[verdict])
    )
    for finding in judgement.findings:
        console.print(_finding(finding, answer.text))


def _scores(scores: Scores) -> Text:
    line = Text()
    for name in _SCORES:
        value = getattr(scores, name)
        if value is not None:
            line.append(f"{name} ", style="dim").append(f"{value:.2f}  ")
    return line


def _finding(finding: Finding, text: str) -> Text:
    line = Text("  ")
    line.append(f"{finding.rule}: ", style=_SEVERITY_STYLE[finding.severity])
    line.append(finding.message)
    if 0 < finding.end - finding.start < len(text):
        line.append(f" “{_snippet(text[finding.start : finding.end])}”", style="dim")
    return line


def _snippet(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SNIPPET - 6 else flat[: _SNIPPET - 7].rstrip() + "…"
