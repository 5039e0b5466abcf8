"""Findings in documents: shown, explained, mended, muted; with text that makes columns hard."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from lsp.conftest import WORKSPACE, write_workspace
from lsp.editor import PUSHED, Editor, until
from nsllm.frontends.lsp.positions import ENCODINGS, Encoding, Lines

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]

CLAIM = "The Team plan costs 95 euros a month and covers 50 relays."
WRONG = "95"
SOURCE = "The Team plan costs 80 euros a month and covers 50 relays."
TEXT = f"# Notiz 📓\r\n\r\nEin 😀 vorweg? {CLAIM} Und 🎉 Schluss!\r\n"


async def governed(editor: Editor, name: str, text: str = TEXT) -> str:
    """Open a document, mark its claim as generated, and wait for the findings."""
    uri = editor.open(editor.folder / "docs" / name, text)
    start = text.index(CLAIM)
    lsp_range = Lines(text, "utf-16").range((start, start + len(CLAIM)))
    await editor.ask("nsllm/check", uri=uri, range=lsp_range, generated=True)
    await editor.ask("nsllm/region", uri=uri)
    return uri


async def actions(editor: Editor, uri: str) -> dict[str, types.CodeAction]:
    [diagnostic] = (await editor.pull(uri)).items
    found = await editor.text_document_code_action_async(
        types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            range=diagnostic.range,
            context=types.CodeActionContext(diagnostics=[diagnostic]),
        )
    )
    assert all(action.kind == types.CodeActionKind.QuickFix for action in found)
    return {action.title: action for action in found}


def applied(text: str, action: types.CodeAction, encoding: Encoding = "utf-16") -> str:
    """Return the text after the edit of an action."""
    [change] = action.edit.document_changes[0].edits
    lines = Lines(text, encoding)
    ends = [(p.line, p.character) for p in (change.range.start, change.range.end)]
    start, end = (lines.offset(point) for point in ends)
    return text[:start] + change.new_text + text[end:]


async def test_the_range_is_exact_among_emoji_and_crlf(editor: Editor) -> None:
    uri = await governed(editor, "exact.md")
    [diagnostic] = (await editor.pull(uri)).items
    line = TEXT.split("\r\n")[2]
    before = line[: line.index(WRONG)]
    column = len(before.encode("utf-16-le")) // 2
    assert column == len(before) + 1
    assert (diagnostic.range.start.line, diagnostic.range.start.character) == (2, column)
    assert (diagnostic.range.end.line, diagnostic.range.end.character) == (2, column + len(WRONG))
    assert diagnostic.data["evidence"]["path"] == "docs/plans.md"
    assert diagnostic.data["replacement"] == SOURCE
    editor.close(uri)


async def test_replacing_the_claim_with_the_source_mends_it(editor: Editor) -> None:
    uri = await governed(editor, "replace.md")
    action = (await actions(editor, uri))["Replace with what the source says"]
    assert action.is_preferred
    mended = applied(TEXT, action)
    assert mended == TEXT.replace(CLAIM, SOURCE)
    [change] = action.edit.document_changes[0].edits
    editor.edit(uri, 2, change.new_text, change.range)
    assert not (await editor.pull(uri)).items
    await editor.ask("nsllm/region", uri=uri)
    assert not (await editor.pull(uri)).items
    editor.close(uri)


async def test_every_action_does_what_its_title_says(editor: Editor) -> None:
    uri = await governed(editor, "actions.md")
    offered = await actions(editor, uri)
    assert applied(TEXT, offered["Remove the claim"]) == TEXT.replace(f" {CLAIM}", "")
    muted = applied(TEXT, offered["Mute this rule here"])
    assert muted == TEXT.replace("Ein 😀", "<!-- nsllm-ignore grounding.claim -->\r\nEin 😀")
    cited = applied(TEXT, offered["Insert the citation"])
    assert cited == TEXT.replace(CLAIM, f"{CLAIM[:-1]} ([docs/plans.md](../docs/plans.md#L3)).")
    opening = offered["Open the evidence"].command
    assert opening.command == "nsllm.openEvidence"
    assert opening.arguments[0]["uri"] == (editor.folder / "docs" / "plans.md").as_uri()
    assert opening.arguments[0]["range"]["start"]["line"] == 2
    accepting = offered["Accept with a reason…"].command
    assert accepting.command == "nsllm.acceptFinding"
    assert list(accepting.arguments) == [{"uri": uri, "rule": "grounding.claim", "text": CLAIM}]
    editor.close(uri)


async def test_a_muted_finding_is_gone_from_its_line_only(editor: Editor) -> None:
    uri = await governed(editor, "muted.md")
    action = (await actions(editor, uri))["Mute this rule here"]
    text = applied(TEXT, action)
    editor.edit(uri, 2, f"{text}\r\n{CLAIM}\r\n")
    await editor.ask("nsllm/region", uri=uri)
    [diagnostic] = (await editor.pull(uri)).items
    assert diagnostic.range.start.line == 5
    editor.close(uri)


async def test_hover_sets_the_claim_against_the_evidence(editor: Editor) -> None:
    uri = await governed(editor, "hover.md")
    [diagnostic] = (await editor.pull(uri)).items
    place = types.TextDocumentIdentifier(uri=uri)
    at = types.Position(line=2, character=diagnostic.range.start.character + 1)
    hover = await editor.text_document_hover_async(
        types.HoverParams(text_document=place, position=at)
    )
    assert hover.range == diagnostic.range
    for part in (CLAIM, SOURCE, "grounding 0.", "docs/plans.md:3"):
        assert part in hover.contents.value
    beside = types.HoverParams(text_document=place, position=types.Position(line=0, character=3))
    assert await editor.text_document_hover_async(beside) is None
    editor.close(uri)


async def test_an_inserted_answer_has_a_lens_with_verdict_and_sources(editor: Editor) -> None:
    answer = await editor.ask(
        "nsllm/hybridQuery", question="How long are readings kept?", mode="extract"
    )
    uri = editor.open(editor.folder / "inserted.md", f"# Notes\n\n{answer['text']}\n")
    [region] = (await editor.ask("nsllm/region", uri=uri))["regions"]
    assert region["answer_id"] == answer["id"]
    place = types.TextDocumentIdentifier(uri=uri)
    [lens] = await editor.text_document_code_lens_async(types.CodeLensParams(text_document=place))
    assert lens.range.start.line == 2
    assert lens.command.title.startswith("Generated text passed")
    assert "docs/storage.md" in lens.command.title
    editor.close(uri)


async def test_a_region_is_judged_again_when_its_source_changes(editor: Editor) -> None:
    answer = await editor.ask(
        "nsllm/hybridQuery", question="How many relays does one server take?", mode="extract"
    )
    assert "64" in answer["text"]
    uri = editor.open(editor.folder / "relying.md", f"{answer['text']}\n")
    [region] = (await editor.ask("nsllm/region", uri=uri))["regions"]
    assert region["verdict"] == "pass"
    source = editor.open(editor.folder / "code" / "limits.py", WORKSPACE["code/limits.py"])
    editor.edit(source, 2, WORKSPACE["code/limits.py"].replace("64", "128"))

    async def rejected() -> bool:
        return bool((await editor.pull(uri)).items)

    await until(rejected)
    editor.close(source)
    editor.close(uri)


async def test_own_words_are_not_governed_unless_asked(editor: Editor) -> None:
    uri = editor.open(editor.folder / "own.md", "The Lite plan costs 12 euros a month.\n")
    assert (await editor.ask("nsllm/region", uri=uri))["regions"] == []
    assert not (await editor.pull(uri)).items
    editor.close(uri)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_client_that_cannot_pull_is_pushed_to(
    editor_home: Path, tmp_path: Path, encoding: Encoding
) -> None:
    """With the setting `check.folders`, and in each encoding that a client may offer."""
    folder = write_workspace(tmp_path / "harrow")
    capabilities: dict[str, Any] = {**PUSHED, "general": {"positionEncodings": [encoding]}}
    editor = Editor()
    settings = {"check": {"folders": ["docs/**"]}}
    await editor.start(editor_home, [folder], capabilities, settings=settings)
    try:
        await editor.indexed(len(WORKSPACE))
        text = f"😀 {CLAIM}\n"
        uri = editor.open(folder / "docs" / "pushed.md", text)
        await until(lambda: editor.diagnostics.get(uri))
        [diagnostic] = editor.diagnostics[uri]
        lines = Lines(text, encoding)
        found = [(p.line, p.character) for p in (diagnostic.range.start, diagnostic.range.end)]
        place = text.index(WRONG)
        assert [lines.offset(point) for point in found] == [place, place + len(WRONG)]
        editor.close(uri)
        await until(lambda: not editor.diagnostics[uri])
    finally:
        await editor.leave()
