"""Findings as diagnostics: pulled where the client can, pushed where it cannot."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from lsprotocol import types

from nsllm.frontends.lsp.asking import Refresh
from nsllm.frontends.lsp.governor import Part, Report
from nsllm.frontends.lsp.positions import Lines, Span
from nsllm.frontends.lsp.quotes import Quote, claim_span, place_of, quote
from nsllm.frontends.lsp.rule_pages import page_of
from nsllm.frontends.lsp.uris import uri_of
from nsllm.types import Finding, Severity

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

SOURCE = "nsllm"
_SEVERITIES = {
    Severity.REJECT: types.DiagnosticSeverity.Error,
    Severity.WARN: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


def register(server: "Server") -> None:
    """Serve the request, and tell the client of new reports."""
    can_pull = "textDocument.diagnostic"
    can_refresh = "workspace.diagnostics.refreshSupport"
    refresh = Refresh(server, types.WORKSPACE_DIAGNOSTIC_REFRESH)

    async def diagnostic(params: types.DocumentDiagnosticParams) -> object:
        uri = params.text_document.uri
        if not server.governor.is_fresh(uri) and not server.supports(can_refresh):
            # This client will not be told to ask again: it gets the new state, later.
            await server.governor.settled(uri)
        items = of_document(server, uri)
        result_id = _identify(server, items)
        if params.previous_result_id == result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)
        return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=result_id)

    def judged(uri: str) -> None:
        if not server.supports(can_pull):
            push(uri)
        elif server.supports(can_refresh):
            refresh.soon()

    def push(uri: str) -> None:
        buffer = server.documents.get(uri)
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri=uri,
                version=buffer.version if buffer else None,
                diagnostics=of_document(server, uri),
            )
        )

    def closed(uri: str) -> None:
        if not server.supports(can_pull):
            push(uri)

    server.handle(types.TEXT_DOCUMENT_DIAGNOSTIC, diagnostic)
    server.governor.listen(judged)
    server.documents.listen(lambda _uri: None, closed)


def of_document(server: "Server", uri: str) -> list[types.Diagnostic]:
    """Return what is known to be wrong with an open document now."""
    report, buffer = server.governor.report(uri), server.documents.get(uri)
    if report is None or buffer is None:
        return []
    return [
        to_diagnostic(report, part, finding, buffer.lines) for part, finding in report.findings()
    ]


def to_diagnostic(report: Report, part: Part, finding: Finding, lines: Lines) -> types.Diagnostic:
    """Translate a finding of a document with these lines."""
    about = lines.text[slice(*claim_span(lines.text, finding))]
    data: dict[str, Any] = {"rule": finding.rule, "text": about}
    if part.region and part.region.answer_id:
        data["answer_id"] = part.region.answer_id
    related = None
    quoted = quote(finding, data["text"])
    if quoted:
        data["evidence"] = msgspec.to_builtins(finding.evidence)
        data["replacement"] = quoted.text
        location = location_of(quoted, report.root)
        if location:
            message = f"The source: {_short(quoted.text)}"
            related = [types.DiagnosticRelatedInformation(location=location, message=message)]
    page = page_of(finding.rule)
    return types.Diagnostic(
        range=to_range(lines, _shown(lines, part, finding)),
        message=finding.message,
        severity=_SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(href=page) if page else None,
        source=SOURCE,
        related_information=related,
        data=data,
    )


def location_of(quoted: Quote, root: Path | None) -> types.Location | None:
    """Return where a quote stands: whole lines of its document."""
    path = place_of(quoted, root)
    if path is None:
        return None
    return types.Location(
        uri=uri_of(path),
        range=types.Range(
            start=types.Position(line=quoted.start_line - 1, character=0),
            end=types.Position(line=quoted.end_line, character=0),
        ),
    )


def to_range(lines: Lines, span: Span) -> types.Range:
    """Translate a span."""
    (first, start), (last, end) = lines.position(span[0]), lines.position(span[1])
    return types.Range(
        start=types.Position(line=first, character=start),
        end=types.Position(line=last, character=end),
    )


def _shown(lines: Lines, part: Part, finding: Finding) -> Span:
    """Return the span to underline: a finding on no words is shown on its part's first line."""
    if finding.start < finding.end:
        return finding.start, finding.end
    line_end = lines.span(lines.line_at(part.span[0]))[1]
    return part.span[0], min(part.span[1], line_end)


def _identify(server: "Server", items: list[types.Diagnostic]) -> str:
    """Return an id that is the same for the same diagnostics."""
    encoded = server.protocol.encode(items)
    return hashlib.sha256(encoded).hexdigest()[:16]


def _short(line: str) -> str:
    return line if len(line) <= 200 else f"{line[:199]}…"
