"""Every request of docs/PROTOCOL.md, against the real server with the real models."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from lsp.conftest import WORKSPACE
from lsp.editor import Editor, RefusedError, until

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "How long are readings kept?"
WRONG = "The Team plan costs 95 euros a month and covers 50 relays."


async def test_an_answer_comes_with_its_sources_and_verdict(editor: Editor) -> None:
    answer = await editor.ask(
        "nsllm/hybridQuery",
        question=QUESTION,
        mode="extract",
        workDoneToken="work-1",
        partialResultToken="part-1",
    )
    assert "30 days" in answer["text"]
    assert answer["mode"] == "extract"
    assert answer["verdict"] in {"pass", "warn"}
    assert answer["workspace"] == editor.folder.as_uri()
    assert answer["uri"] == f"nsllm-answer:/{answer['id']}.md"
    first = answer["sources"][0]
    assert (first["marker"], first["path"]) == (1, "docs/storage.md")
    assert {"grounding", "relevance", "coherence", "perplexity"} <= answer["scores"].keys()
    assert answer["timings_ms"]["total"] > 0
    kinds = [value["kind"] for value in editor.progress["part-1"]]
    assert kinds == ["sources", "delta"]
    assert editor.progress["part-1"][0]["sources"] == answer["sources"]
    assert editor.progress["part-1"][1]["text"] == answer["text"]
    work = [value["kind"] for value in editor.progress["work-1"]]
    assert (work[0], work[-1]) == ("begin", "end")


async def test_an_answer_has_a_document_of_its_own(editor: Editor) -> None:
    answer = await editor.ask("nsllm/hybridQuery", question=QUESTION, mode="extract")
    text = (await editor.ask("nsllm/answer", uri=answer["uri"]))["text"]
    assert text.startswith(f"# {QUESTION}\n\n{answer['text']}\n")
    assert "[1] docs/storage.md:" in text
    editor.open(answer["uri"], text)
    [region] = (await editor.ask("nsllm/region", uri=answer["uri"]))["regions"]
    assert region["answer_id"] == answer["id"]
    assert region["verdict"] == answer["verdict"]
    assert region["range"]["start"] == {"line": 2, "character": 0}
    editor.close(answer["uri"])


async def test_what_is_not_there_is_not_found(editor: Editor) -> None:
    answer = await editor.ask(
        "nsllm/hybridQuery", question="Who won the chess tournament of 1924?", mode="extract"
    )
    # What was looked at is named, as a place to go on from; nothing of it is cited.
    assert answer["sources"]
    assert "[" not in answer["text"]
    assert [finding["rule"] for finding in answer["findings"]] == ["answer.not-found"]


async def test_a_search_finds_the_passage(editor: Editor) -> None:
    hits = (await editor.ask("nsllm/search", query="pairing light", top_k=2))["hits"]
    assert len(hits) == 2
    assert hits[0]["path"] == "docs/relays.md"
    assert "blinks green" in hits[0]["text"]
    assert hits[0]["score"] >= hits[1]["score"]


async def test_a_text_is_checked_against_the_workspace(editor: Editor) -> None:
    right = await editor.ask("nsllm/check", text="Readings are kept for 30 days.")
    assert right["verdict"] == "pass"
    assert right["scores"]["grounding"] == 1.0
    # No other test's buffer says this: one that was just closed may still count for a moment.
    claim = "An alarm is raised after seven readings above the limit."
    text = f"Hello. {claim}"
    wrong = await editor.ask("nsllm/check", text=text)
    assert wrong["verdict"] in {"warn", "reject"}
    [finding] = wrong["findings"]
    assert finding["rule"] == "grounding.claim"
    assert text[finding["start"] : finding["end"]] == "seven"
    assert finding["evidence"]["path"] == "docs/alarms.md"
    assert finding["evidence"]["start_line"] <= 3 <= finding["evidence"]["end_line"]


async def test_a_document_is_checked_and_its_findings_become_diagnostics(editor: Editor) -> None:
    """CRLF and characters of two UTF-16 units before the claim: the range is exact."""
    text = f"# Prices 💶💶\r\n\r\n💡 Note well: 💡 yes.\r\n\r\n{WRONG}\r\n"
    uri = editor.open(editor.folder / "docs" / "new.md", text)
    judged = await editor.ask("nsllm/check", uri=uri, workDoneToken="check-1")
    start = text.index(WRONG)
    [finding] = [f for f in judged["findings"] if f["start"] >= start]
    first, last = (finding["range"][end]["character"] for end in ("start", "end"))
    assert finding["range"]["start"]["line"] == finding["range"]["end"]["line"] == 4
    assert (first, last) == (finding["start"] - start, finding["end"] - start)
    assert 0 <= first < last <= len(WRONG)
    assert [v["kind"] for v in editor.progress["check-1"]][::-1][0] == "end"
    await until(lambda: diagnosed(editor, uri))
    report = await editor.pull(uri)
    [diagnostic] = [d for d in report.items if d.range.start.line == 4]
    assert (diagnostic.range.start.character, diagnostic.range.end.character) == (first, last)
    assert diagnostic.severity <= types.DiagnosticSeverity.Warning
    assert (diagnostic.source, diagnostic.code) == ("nsllm", "grounding.claim")
    [related] = diagnostic.related_information
    assert related.location.uri == (editor.folder / "docs" / "plans.md").as_uri()
    assert related.location.range.start.line == 2
    again = await editor.pull(uri, report.result_id)
    assert again.kind == "unchanged"
    assert again.result_id == report.result_id
    editor.close(uri)


async def diagnosed(editor: Editor, uri: str) -> list[Any]:
    """Return the diagnostics of a document, asked for again and again by the caller."""
    return list((await editor.pull(uri)).items)


async def test_a_range_is_remembered_as_generated_wherever_it_goes(editor: Editor) -> None:
    claim = "A relay sends its readings every 25 seconds, day and night."
    text = f"My own words stand here first.\n\n{claim}\n"
    uri = editor.open(editor.folder / "docs" / "marked.md", text)
    lines = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": len(claim)}}
    judged = await editor.ask("nsllm/check", uri=uri, range=lines, generated=True)
    found = judged["findings"][0]["range"]
    assert {found["start"]["line"], found["end"]["line"]} == {2}
    assert (
        claim[found["start"]["character"] : found["end"]["character"]]
        == "25 seconds, day and night"
    )
    [region] = (await editor.ask("nsllm/region", uri=uri))["regions"]
    assert region["range"] == lines
    assert region["verdict"] == judged["verdict"] != "pass"
    editor.close(uri)
    moved = editor.open(editor.folder / "docs" / "moved.md", f"- Elsewhere now.\n- {claim}\n")
    [region] = (await editor.ask("nsllm/region", uri=moved))["regions"]
    assert region["range"]["start"] == {"line": 1, "character": 2}
    editor.close(moved)


async def test_models_are_listed_with_what_they_can(editor: Editor) -> None:
    models = {m["id"]: m for m in (await editor.ask("nsllm/models", action="list"))["models"]}
    generator = models["smollm2-135m-instruct"]
    assert generator["installed"]
    assert generator["in_use"]
    assert generator["task"] == "generation"
    assert generator["licence"] == "Apache-2.0"
    assert generator["disk_bytes"] > 50_000_000
    assert models["all-minilm-l6-v2"]["in_use"]


async def test_the_model_in_use_can_be_chosen(editor: Editor) -> None:
    chosen = await editor.ask("nsllm/models", action="use", id="smollm2-135m-instruct")
    assert [m["id"] for m in chosen["models"] if m["in_use"] and m["task"] == "generation"] == [
        "smollm2-135m-instruct"
    ]
    with pytest.raises(RefusedError) as refused:
        await editor.ask("nsllm/models", action="use", id="gpt-9")
    assert refused.value.data["code"] == "model.unknown"
    with pytest.raises(RefusedError, match="id"):
        await editor.ask("nsllm/models", action="use")


async def test_the_index_says_what_it_holds(editor: Editor) -> None:
    [folder] = (await editor.ask("nsllm/index", action="status"))["folders"]
    assert folder["workspace"] == editor.folder.as_uri()
    assert folder["documents"] >= len(WORKSPACE)
    assert folder["chunks"] >= folder["documents"]
    assert folder["skipped"] == []


async def test_the_index_can_be_brought_up_to_date_and_built_anew(editor: Editor) -> None:
    new = editor.folder / "docs" / "fresh.md"
    new.write_text("# Colours\n\nThe casing is available in vermilion.\n", encoding="utf-8")
    [folder] = (await editor.ask("nsllm/index", action="sync", workDoneToken="sync-1"))["folders"]
    assert folder["documents"] == len(WORKSPACE) + 1
    assert (await editor.ask("nsllm/search", query="casing colour"))["hits"][0][
        "path"
    ] == "docs/fresh.md"
    new.unlink()
    [folder] = (await editor.ask("nsllm/index", action="rebuild"))["folders"]
    assert folder["documents"] == len(WORKSPACE)
    assert (await editor.ask("nsllm/search", query=QUESTION))["hits"][0][
        "path"
    ] == "docs/storage.md"


async def test_the_audit_log_is_read_newest_first_and_page_by_page(editor: Editor) -> None:
    ids = [
        (await editor.ask("nsllm/hybridQuery", question=q, mode="extract"))["id"]
        for q in (QUESTION, "How many relays does the Team plan cover?")
    ]
    newest = (await editor.ask("nsllm/audit", action="list", limit=1))["records"]
    assert [record["id"] for record in newest] == ids[1:]
    earlier = await editor.ask("nsllm/audit", action="list", limit=1, before=newest[0]["number"])
    assert [record["id"] for record in earlier["records"]] == ids[:1]
    assert earlier["records"][0]["question"] == QUESTION


async def test_the_audit_log_says_whether_it_is_whole_and_where_it_lies(editor: Editor) -> None:
    await editor.ask("nsllm/hybridQuery", question=QUESTION, mode="extract")
    [newest] = (await editor.ask("nsllm/audit", action="list", limit=1))["records"]
    state = (await editor.ask("nsllm/audit", action="verify"))["verification"]
    assert (state["intact"], state["faults"]) == (True, [])
    assert state["entries"] == newest["number"] == int(state["head"].partition(":")[0])
    assert Path(state["path"]).is_file()
    assert Path(state["seal"]).is_dir()


async def test_an_accepted_finding_is_audited_and_does_not_come_back(editor: Editor) -> None:
    claim = "A relay sends its readings every 45 seconds."
    uri = editor.open(editor.folder / "docs" / "accepted.md", f"{claim}\n")
    await editor.ask("nsllm/check", uri=uri)
    await until(lambda: diagnosed(editor, uri))
    finding = {"uri": uri, "rule": "grounding.claim", "text": claim, "reason": "Planned."}
    records = (await editor.ask("nsllm/audit", action="accept", finding=finding))["records"]
    assert records[0]["mode"] == "accept"
    assert records[0]["text"] == claim
    assert records[0]["accepted"]["reason"] == "Planned."

    async def accepted() -> bool:
        return not await diagnosed(editor, uri)

    await until(accepted)
    judged = await editor.ask("nsllm/check", uri=uri)
    assert judged["verdict"] == "pass"
    editor.close(uri)

    async def forgotten() -> bool:
        hits = (await editor.ask("nsllm/search", query=claim))["hits"]
        return all(hit["path"] != "docs/accepted.md" for hit in hits)

    # There is no such file: what was searched in its place goes, or other tests meet it.
    await until(forgotten)


async def test_of_an_accepted_secret_only_the_kind_is_audited(editor: Editor) -> None:
    secret = "sw0rd_fish_9x"
    uri = editor.open(editor.folder / "docs" / "login.md", f"Log in with password: {secret} now.\n")
    await editor.ask("nsllm/check", uri=uri)
    await until(lambda: diagnosed(editor, uri))
    finding = {"uri": uri, "rule": "secret", "text": secret, "reason": f"{secret} is not real."}
    records = (await editor.ask("nsllm/audit", action="accept", finding=finding))["records"]
    assert records[0]["text"] == "[redacted password]"
    assert records[0]["accepted"]["reason"] == "[redacted password] is not real."
    assert records[0]["redacted"] == ["password"]
    editor.close(uri)


@pytest.mark.parametrize(
    ("method", "params", "met"),
    [
        ("nsllm/hybridQuery", {}, "question"),
        ("nsllm/hybridQuery", {"question": " "}, "empty"),
        ("nsllm/hybridQuery", {"question": "x", "mode": "guess"}, "mode"),
        ("nsllm/hybridQuery", {"question": "x", "workspace": "file:///nowhere"}, "nowhere"),
        ("nsllm/search", {"query": "x", "top_k": 0}, "top_k"),
        ("nsllm/check", {}, "uri"),
        ("nsllm/check", {"uri": "file:///nowhere/at/all.md"}, "nowhere"),
        ("nsllm/answer", {"uri": "nsllm-answer:/unknown.md"}, "unknown"),
        ("nsllm/index", {"action": "burn"}, "action"),
        ("nsllm/audit", {"action": "accept"}, "reason"),
        ("nsllm/models", {"action": "pull", "id": "gpt-9"}, "gpt-9"),
    ],
)
async def test_an_error_says_what_was_met_and_what_to_do(
    editor: Editor, method: str, params: dict[str, Any], met: str
) -> None:
    with pytest.raises(RefusedError, match=met) as refused:
        await editor.ask(method, **params)
    assert refused.value.data["code"]
    assert refused.value.data["hint"]
    assert "traceback" not in str(refused.value.data).lower()


async def test_unsaved_text_is_what_is_searched(editor: Editor) -> None:
    path: Path = editor.folder / "docs" / "alarms.md"
    uri = editor.open(path, WORKSPACE["docs/alarms.md"])
    editor.edit(uri, 2, "# Alarms\n\nA foghorn sounds when the limit is passed.\n")
    hits = (await editor.ask("nsllm/search", query="foghorn"))["hits"]
    assert hits[0]["path"] == "docs/alarms.md"
    assert "foghorn" in hits[0]["text"]
    editor.close(uri)

    async def back() -> bool:
        hits = (await editor.ask("nsllm/search", query="foghorn"))["hits"]
        return not any("foghorn" in hit["text"] for hit in hits)

    await until(back)
