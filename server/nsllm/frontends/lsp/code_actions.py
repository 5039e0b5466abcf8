"""What can be done about a finding, one key away."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from lsprotocol import types

from nsllm.frontends.lsp.answers import SCHEME
from nsllm.frontends.lsp.buffers import Buffer
from nsllm.frontends.lsp.diagnostics import location_of, to_diagnostic, to_range
from nsllm.frontends.lsp.governor import Part, Report
from nsllm.frontends.lsp.mutes import comment
from nsllm.frontends.lsp.positions import Lines, Span
from nsllm.frontends.lsp.quotes import Quote, claim_span, quote
from nsllm.scoring.claims import MARKER
from nsllm.types import Finding

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

_STOP = re.compile(r"[.!?…。！？]+$")
_REPLACE = "Replace with what the source says"
_CITE = "Insert the citation"
OPEN_EVIDENCE = "nsllm.openEvidence"
ASK_AGAIN = "nsllm.askAgain"
ACCEPT_FINDING = "nsllm.acceptFinding"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in its document, and where the document is."""

    report: Report
    part: Part
    finding: Finding
    buffer: Buffer
    path: str
    """Relative to the workspace; empty for an answer's own document."""
    workspace: str | None

    @property
    def text(self) -> str:
        """The words that the finding is about."""
        return self.buffer.text[slice(*self.span)]

    @property
    def span(self) -> Span:
        """Where these stand: the whole claim, also where the finding is on some of its words."""
        return claim_span(self.buffer.text, self.finding)


def register(server: "Server") -> None:
    """Serve the request."""

    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        report, buffer = server.governor.report(uri), server.documents.get(uri)
        wanted = params.context.only
        if report is None or buffer is None or (wanted and not _is_wanted(wanted)):
            return []
        chosen = _span(buffer.lines, params.range)
        place = server.workspaces.place(uri)
        folder = server.workspaces.at(report.root)
        actions: list[types.CodeAction] = []
        for part, finding in report.findings():
            if finding.start <= chosen[1] and chosen[0] <= finding.end:
                case = Case(
                    report=report,
                    part=part,
                    finding=finding,
                    buffer=buffer,
                    path=place[1] if place else "",
                    workspace=folder.uri if folder else None,
                )
                actions += _actions(server, case)
        return actions

    server.handle(types.TEXT_DOCUMENT_CODE_ACTION, code_action)


def _actions(server: "Server", case: Case) -> Iterator[types.CodeAction]:
    diagnostic = to_diagnostic(case.report, case.part, case.finding, case.buffer.lines)
    # An answer's own document is read-only: what edits it cannot be offered there.
    edits = [] if case.buffer.uri.startswith(SCHEME) else list(_edits(case))
    for title, span, text in edits:
        change = types.TextEdit(range=to_range(case.buffer.lines, span), new_text=text)
        yield types.CodeAction(
            title=title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnostic],
            edit=_workspace_edit(server, case.buffer, change),
            is_preferred=True if title == _preferred(case.finding.rule) else None,
        )
    for title, command, argument in _commands(case):
        yield types.CodeAction(
            title=title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnostic],
            command=types.Command(title=title, command=command, arguments=[argument]),
        )


def _preferred(rule: str) -> str:
    """Return the title of what mends a finding best: a claim without a source may well be true."""
    return _CITE if rule == "citation.missing" else _REPLACE


def _edits(case: Case) -> Iterator[tuple[str, Span, str]]:
    """Yield titles with the span to replace and the new text."""
    span = case.span
    quoted = quote(case.finding, case.text)
    if quoted:
        yield _REPLACE, span, quoted.text
        citation = _citation(case, quoted)
        if citation and not MARKER.search(case.text):
            stop = _STOP.search(case.text)
            at = span[1] - (len(stop[0]) if stop and citation[:1] == "(" else 0)
            yield _CITE, (at, at), f" {citation}"
    if case.finding.rule.startswith(("grounding", "citation.missing")):
        yield "Remove the claim", _with_space(case.buffer.text, span), ""
    yield "Mute this rule here", *_mute(case)


def _commands(case: Case) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Yield titles with commands of the client and their argument."""
    quoted = quote(case.finding, case.text)
    location = location_of(quoted, case.report.root) if quoted else None
    if location:
        start, end = location.range.start, location.range.end
        lines = {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        }
        yield "Open the evidence", OPEN_EVIDENCE, {"uri": location.uri, "range": lines}
    region = case.part.region
    if region and region.question:
        argument: dict[str, object] = {"question": region.question, "workspace": case.workspace}
        yield "Ask again", ASK_AGAIN, argument
    accepted: dict[str, object] = {
        "uri": case.buffer.uri,
        "rule": case.finding.rule,
        "text": case.text,
    }
    yield "Accept with a reason…", ACCEPT_FINDING, accepted


def _citation(case: Case, quoted: Quote) -> str | None:
    """Return the marker of the quote in its answer, or a link to it."""
    if not quoted.path:
        return None
    for marker, (path, first, last) in enumerate(case.part.passages, start=1):
        if path == quoted.path and first <= quoted.start_line <= last:
            return f"[{marker}]"
    if not case.path.lower().endswith((".md", ".markdown", ".mdx")):
        return f"({quoted.path}:{quoted.start_line})"
    above = "../" * case.path.count("/")
    target = f"{above}{quoted.path}#L{quoted.start_line}".replace(" ", "%20")
    return f"([{quoted.path}]({target}))"


def _mute(case: Case) -> tuple[Span, str]:
    lines = case.buffer.lines
    start, end = lines.span(lines.line_at(case.finding.start))
    row = case.buffer.text[start:end]
    indent = row[: len(row) - len(row.lstrip())]
    newline = "\r\n" if "\r\n" in case.buffer.text else "\n"
    return (start, start), f"{indent}{comment(case.path, case.finding.rule)}{newline}"


def _with_space(text: str, span: Span) -> Span:
    """Widen a span by the space before it, or behind it where it begins a line."""
    start, end = span
    if start > 0 and text[start - 1] == " ":
        return start - 1, end
    return start, end + 1 if text[end : end + 1] == " " else end


def _workspace_edit(
    server: "Server", buffer: Buffer, change: types.TextEdit
) -> types.WorkspaceEdit:
    if not server.supports("workspace.workspaceEdit.documentChanges"):
        return types.WorkspaceEdit(changes={buffer.uri: [change]})
    document = types.OptionalVersionedTextDocumentIdentifier(uri=buffer.uri, version=buffer.version)
    return types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(text_document=document, edits=[change])]
    )


def _span(lines: Lines, lsp_range: types.Range) -> Span:
    start = lines.offset((lsp_range.start.line, lsp_range.start.character))
    return start, lines.offset((lsp_range.end.line, lsp_range.end.character))


def _is_wanted(kinds: object) -> bool:
    return any(str(getattr(k, "value", k)) in {"", "quickfix"} for k in list(kinds))  # type: ignore[call-overload]
