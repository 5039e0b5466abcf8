"""A line above each generated region: verdict, score, sources."""

from typing import TYPE_CHECKING

from lsprotocol import types

from nsllm.frontends.lsp.asking import Refresh
from nsllm.frontends.lsp.diagnostics import to_range
from nsllm.frontends.lsp.governor import Part
from nsllm.types import Verdict

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

_VERDICTS = {Verdict.PASS: "passed", Verdict.WARN: "has warnings", Verdict.REJECT: "is rejected"}


_NAMED = 3
"""As many sources as fit beside the scores; editors cut a longer line off."""


def register(server: "Server") -> None:
    """Serve the request."""

    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        uri = params.text_document.uri
        report, buffer = server.governor.report(uri), server.documents.get(uri)
        if report is None or buffer is None:
            return []
        return [
            types.CodeLens(
                range=to_range(buffer.lines, (part.span[0], part.span[0])),
                # A lens without a command is a label: it shows, and does nothing.
                command=types.Command(title=title(part), command=""),
            )
            for part in report.parts
            if part.region
        ]

    refresh = Refresh(server, types.WORKSPACE_CODE_LENS_REFRESH)

    def judged(_uri: str) -> None:
        if server.supports("workspace.codeLens.refreshSupport"):
            refresh.soon()

    server.handle(types.TEXT_DOCUMENT_CODE_LENS, code_lens)
    server.governor.listen(judged)


def title(part: Part) -> str:
    """Say what was made of a region, and from what."""
    parts = [f"Generated text {_VERDICTS[part.judgement.verdict]}"]
    scores = part.judgement.scores
    for name in ("overall", "grounding"):
        value = getattr(scores, name)
        if value is not None:
            parts.append(f"{name} {value:.2f}")
    findings = len(part.judgement.findings)
    if findings:
        parts.append(f"{findings} finding" + ("s" if findings > 1 else ""))
    paths = dict.fromkeys(path for path, _, _ in part.passages) if part.passages else {}
    if part.region and not paths:
        paths = dict.fromkeys(part.region.sources)
    if paths:
        parts.append(f"from {_some(list(paths))}")
    return " · ".join(parts)


def _some(paths: list[str]) -> str:
    more = len(paths) - _NAMED
    named = ", ".join(paths[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named
