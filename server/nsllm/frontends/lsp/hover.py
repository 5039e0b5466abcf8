"""Hover on a finding: the claim against its evidence, with the score."""

import re
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
        style = _style(server)
        texts = [
            _describe(report, part, finding, text=buffer.text, style=style)
            for part, finding in here
        ]
        return types.Hover(
            contents=types.MarkupContent(
                kind=style.kind, value=style.between.join(dict.fromkeys(texts))
            ),
            range=to_range(buffer.lines, (narrowest.start, narrowest.end)),
        )

    server.handle(types.TEXT_DOCUMENT_HOVER, hover)


def _describe(
    report: Report, part: Part, finding: Finding, *, text: str, style: "_Markdown | _Plain"
) -> str:
    claim = text[slice(*claim_span(text, finding))]
    lines = [style.title(finding.message), style.rule(finding.rule, finding.severity.value)]
    quoted = quote(finding, claim)
    if quoted and finding.evidence:
        lines += ["", "The text:", "", style.quote(claim)]
        lines += ["", "The nearest source:", "", style.quote(finding.evidence.text)]
        location = location_of(quoted, report.root)
        if location:
            lines += ["", style.place(str(quoted.path), quoted.start_line, location.uri)]
    elif scores := _scores(part):
        lines += ["", scores]
    return "\n".join(lines)


def _scores(part: Part) -> str:
    scores = part.judgement.scores
    named = {
        name: getattr(scores, name) for name in ("grounding", "relevance", "coherence", "overall")
    }
    return " · ".join(f"{name} {value:.2f}" for name, value in named.items() if value is not None)


class _Markdown:
    """For clients that show Markdown; what is quoted in it loads nothing and is no HTML."""

    kind = types.MarkupKind.Markdown
    between = "\n\n---\n\n"

    def title(self, message: str) -> str:
        return f"**{_inert(message)}**  "

    def rule(self, rule: str, severity: str) -> str:
        return f"`{rule}` · {severity}"

    def quote(self, text: str) -> str:
        return _prefixed("> ", _inert(text))

    def place(self, path: str, line: int, uri: str) -> str:
        label = re.sub(r"[\\`\[\]]", r"\\\g<0>", path).replace("<", "&lt;")
        return f"[{label}:{line}]({uri}#L{line})"


class _Plain:
    """For clients that show the characters as they are."""

    kind = types.MarkupKind.PlainText
    between = "\n\n"

    def title(self, message: str) -> str:
        return message

    def rule(self, rule: str, severity: str) -> str:
        return f"{rule} · {severity}"

    def quote(self, text: str) -> str:
        return _prefixed("  ", text)

    def place(self, path: str, line: int, uri: str) -> str:  # noqa: ARG002 - Markdown's link
        return f"{path}:{line}"


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(f"{prefix}{line}" for line in text.strip().splitlines())


def _inert(text: str) -> str:
    """Return Markdown without images, which a client would fetch, and without HTML.

    Code spans are no exception, though the escapes show in them: where one ends is the client's
    say. `<` becomes an entity, since a backslash may be taken for the end of an address before it.
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text.replace("![", r"!\["))


def _style(server: "Server") -> _Markdown | _Plain:
    offered = server.capabilities.get("textDocument", {}).get("hover", {}).get("contentFormat")
    plain_only = offered and types.MarkupKind.Markdown.value not in offered
    return _Plain() if plain_only else _Markdown()
