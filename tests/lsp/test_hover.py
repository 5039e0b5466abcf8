"""What a hover quotes is text: it loads nothing, and a client that shows no markup gets none."""

import re
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from nsllm.frontends.lsp.governor import Part, Report
from nsllm.frontends.lsp.server import Server
from nsllm.types import Evidence, Finding, Judgement, Scores, Severity, Verdict

URI = "file:///work/notes.md"
IMAGE = re.compile(r"!\[")
HTML = re.compile(r"<[A-Za-z/!?]")

HOSTILE = [
    "See ![the plan](https://tracker.example/x.png).",
    "See ![the plan][1] and ![1].\n\n[1]: https://tracker.example/x.png",
    r"See \![the plan](https://tracker.example/x.png).",
    "See `![a` and ![the plan](https://tracker.example/x.png) and `b`.",
    'See <img src="https://tracker.example/x.png"> and </p><!-- --><?x?>.',
    'See https://a.example/\\<img src="https://tracker.example/x.png">.',
]


async def hover(
    text: str, *, message: str = "Not there.", path: str = "a.md", formats: list[str] | None = None
) -> types.MarkupContent:
    """Hover over a text with a finding on it whose evidence says the same."""
    evidence = Evidence(marker=1, text=text, path=path, start_line=3, end_line=3)
    finding = Finding(
        rule="text.made-up",
        severity=Severity.WARN,
        start=0,
        end=len(text),
        message=message,
        evidence=evidence,
    )
    judgement = Judgement(scores=Scores(), findings=(finding,), verdict=Verdict.WARN)
    part = Part(span=(0, len(text)), judgement=judgement)
    server = Server()
    capabilities: dict[str, Any] = {"hover": {"contentFormat": formats}} if formats else {}
    server.capabilities = {"textDocument": capabilities}
    server.documents.did_open({"textDocument": {"uri": URI, "text": text, "version": 1}})
    report = Report(uri=URI, version=1, text=text, parts=(part,), root=Path("/work").absolute())
    server.governor.report = lambda uri: report  # type: ignore[method-assign]
    params = types.HoverParams(
        text_document=types.TextDocumentIdentifier(uri=URI),
        position=types.Position(line=0, character=1),
    )
    found = server.protocol.fm.features[types.TEXT_DOCUMENT_HOVER](params)
    await server.aclose()
    assert isinstance(found.contents, types.MarkupContent)
    return found.contents


@pytest.mark.parametrize("text", HOSTILE)
async def test_quoted_text_brings_no_image_and_no_html(text: str) -> None:
    contents = await hover(text, message=text.splitlines()[0], path="![x](y) <b>.md")
    assert contents.kind == types.MarkupKind.Markdown
    assert not IMAGE.search(contents.value)
    assert not HTML.search(contents.value)


async def test_other_markup_of_quoted_text_stays() -> None:
    text = "**80** euros, at `a < b`, [as agreed](terms.md)!"
    value = (await hover(text)).value
    assert value.count(f"\n> {text}\n") == 2
    assert "**Not there.**" in value
    assert "[a.md:3](file://" in value


async def test_a_client_that_shows_no_markup_gets_none() -> None:
    text = "The *Team* plan costs ![80](x) euros <now>."
    contents = await hover(text, formats=["plaintext"])
    assert contents.kind == types.MarkupKind.PlainText
    assert contents.value.splitlines() == [
        "Not there.",
        "text.made-up · warn",
        "",
        "The text:",
        "",
        f"  {text}",
        "",
        "The nearest source:",
        "",
        f"  {text}",
        "",
        "a.md:3",
    ]
