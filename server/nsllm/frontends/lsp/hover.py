"""Hover on a finding: the claim against its evidence, with the score."""

from typing import TYPE_CHECKING

from lsprotocol import types

from nsllm.frontends.lsp.diagnostics import location_of, to_range
from nsllm.frontends.lsp.governor import Part, Report
from nsllm.frontends.lsp.quotes import claim_span, quote
from nsllm.types import Finding

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server


def register(server: "Server") -> None:
    """Serve the request."""

    def hover(params: types.HoverParams) -> types.Hover | None:
        uri = params.text_document.uri
        report, buffer = server.governor.report(uri), server.documents.get(uri)
        if report is None or buffer is None:
            return None
        offset = buffer.lines.offset((params.position.line, params.position.character))
        here = [
            (part, finding)
            for part, finding in report.findings()
            if finding.start <= offset <= finding.end and finding.start < finding.end
        ]
        if not here:
            return None
        # The narrowest finding names what is under the cursor most exactly: it sets the range.
        narrowest = min((finding for _, finding in here), key=lambda f: f.end - f.start)
        texts = [_describe(report, part, finding, buffer.text) for part, finding in here]
        return types.Hover(
            contents=types.MarkupContent(
                kind=_format(server), value="\n\n---\n\n".join(dict.fromkeys(texts))
            ),
            range=to_range(buffer.lines, (narrowest.start, narrowest.end)),
        )

    server.handle(types.TEXT_DOCUMENT_HOVER, hover)


def _describe(report: Report, part: Part, finding: Finding, text: str) -> str:
    claim = text[slice(*claim_span(text, finding))]
    lines = [f"**{finding.message}**  ", f"`{finding.rule}` · {finding.severity.value}"]
    quoted = quote(finding, claim)
    if quoted and finding.evidence:
        lines += ["", "The text:", "", _quote(claim)]
        lines += ["", "The nearest source:", "", _quote(finding.evidence.text)]
        location = location_of(quoted, report.root)
        if location:
            first = quoted.start_line
            lines += ["", f"[{quoted.path}:{first}]({location.uri}#L{first})"]
    elif scores := _scores(part):
        lines += ["", scores]
    return "\n".join(lines)


def _scores(part: Part) -> str:
    scores = part.judgement.scores
    named = {
        name: getattr(scores, name) for name in ("grounding", "relevance", "coherence", "overall")
    }
    return " · ".join(f"{name} {value:.2f}" for name, value in named.items() if value is not None)


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().splitlines())


def _format(server: "Server") -> types.MarkupKind:
    offered = server.capabilities.get("textDocument", {}).get("hover", {}).get("contentFormat")
    plain_only = offered and types.MarkupKind.Markdown.value not in offered
    return types.MarkupKind.PlainText if plain_only else types.MarkupKind.Markdown
