"""The tools, called by the SDK's own client over stdio, with the embedded models."""

import asyncio
from typing import Any

import msgspec
import pytest
from mcp.types import INVALID_PARAMS, CallToolResult, TextContent

from mcp import Client, MCPError
from nsllm.frontends.http.contracts import Hits, Judgement
from nsllm.frontends.wire import WireAnswer

pytestmark = [
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

QUESTION = "How long are readings kept?"
LONG = "Describe everything that Harrow does with readings, relays and alarms, at length."


def words(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


async def test_tools_say_what_they_take_and_return(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "ask", "check"}
    for tool in tools.values():
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert all("description" in one for one in tool.input_schema["properties"].values())
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
    for name in ("ask", "check"):
        for word in ("verdict", "`pass`", "`warn`", "`reject`", "grounding", "toxicity", "null"):
            assert word in (tools[name].description or ""), (name, word)


async def test_search_returns_passages_best_first(client: Client) -> None:
    result = await call(client, "search", query=QUESTION, top_k=2)
    hits = msgspec.convert(result.structured_content, Hits).hits
    assert len(hits) == 2
    assert hits[0].path == "docs/storage.md"
    assert hits[0].score >= hits[1].score
    assert "[1] docs/storage.md:1-" in words(result)


async def test_an_answer_has_sources_scores_and_a_verdict_in_data_and_in_words(
    client: Client,
) -> None:
    progress: list[tuple[float, str | None]] = []

    async def report(done: float, _total: float | None, message: str | None) -> None:
        progress.append((done, message))

    result = await client.call_tool("ask", {"question": QUESTION}, progress_callback=report)
    assert isinstance(result, CallToolResult)
    answer = msgspec.convert(result.structured_content, WireAnswer)
    assert "30 days" in answer.text
    assert answer.sources[0].path == "docs/storage.md"
    assert answer.scores.grounding is not None
    text = words(result)
    assert answer.text in text
    assert f"Verdict: {answer.verdict}" in text
    assert "[1] docs/storage.md" in text
    steps = [done for done, _ in progress]
    assert steps
    assert steps == sorted(set(steps))
    assert progress[-1][1]


async def test_a_follow_up_is_understood_within_its_session(client: Client) -> None:
    await call(client, "ask", question="What does the Team plan cost?", session="s")
    result = await call(client, "ask", question="And how many relays does it cover?", session="s")
    assert "50 relays" in msgspec.convert(result.structured_content, WireAnswer).text


async def test_check_judges_a_text_against_the_documents(client: Client) -> None:
    text = "Readings are kept for 90 days."
    result = await call(client, "check", text=text)
    judged = msgspec.convert(result.structured_content, Judgement)
    assert judged.verdict != "pass"
    assert any(f.evidence and f.evidence.path == "docs/storage.md" for f in judged.findings)
    assert f"Verdict: {judged.verdict}" in words(result)


async def test_a_comment_mutes_a_rule(client: Client) -> None:
    text = "Readings are kept for 90 days.\n"
    found = msgspec.convert((await call(client, "check", text=text)).structured_content, Judgement)
    muted = f"<!-- nsllm-ignore all -->\n{text}"
    result = await call(client, "check", text=muted)
    assert found.findings
    assert msgspec.convert(result.structured_content, Judgement).findings == []


async def test_check_reads_a_document_of_the_workspace(client: Client) -> None:
    result = await call(client, "check", path="docs/storage.md")
    assert not result.is_error
    judged = msgspec.convert(result.structured_content, Judgement)
    # A document is no evidence for itself.
    assert all(f.evidence is None or f.evidence.path != "docs/storage.md" for f in judged.findings)


@pytest.mark.parametrize("path", ["../beside.md", "private/plans.md", "link.md", "picture.md"])
async def test_check_reads_nothing_else(client: Client, path: str) -> None:
    result = await call(client, "check", path=path)
    assert result.is_error
    assert path in words(result)
    assert "SECRET" not in words(result)


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("search", {}, "query"),
        ("search", {"query": "x", "top_k": 51}, "`top_k`"),
        ("search", {"query": "x", "top_k": "many"}, "`top_k`"),
        ("search", {"query": "x", "colour": "red"}, "colour"),
        ("search", {"query": "x", "workspace": "elsewhere"}, "harrow"),
        ("ask", {"question": "   "}, "`question`"),
        ("ask", {"question": "x", "mode": "guess"}, "`mode`"),
        ("ask", {"question": "x", "model": "no-such-model"}, "no-such-model"),
        ("ask", {"question": "x", "model": "all-minilm-l6-v2"}, "all-minilm-l6-v2"),
        ("check", {}, "`text`"),
    ],
)
async def test_a_bad_argument_is_a_tool_error_in_words(
    client: Client, tool: str, arguments: dict[str, Any], named: str
) -> None:
    result = await call(client, tool, **arguments)
    assert result.is_error
    assert named in words(result)
    assert "Traceback" not in words(result)
    assert result.meta is not None
    told = result.meta["nsllm/error"]
    assert told["code"]
    assert told["hint"] in words(result)


async def test_an_unknown_tool_is_the_clients_mistake(client: Client) -> None:
    with pytest.raises(MCPError, match="There is no tool guess") as refused:
        await client.call_tool("guess", {})
    assert refused.value.code == INVALID_PARAMS


async def test_a_cancelled_question_ends_and_leaves_no_answer(client: Client) -> None:
    writing = asyncio.Event()

    async def report(_done: float, _total: float | None, message: str | None) -> None:
        if message and message.startswith("Writing"):
            writing.set()

    arguments = {"question": LONG, "mode": "generate"}
    asking = asyncio.create_task(client.call_tool("ask", arguments, progress_callback=report))
    await writing.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # The model serves one after the other: this one is through only if that one has ended.
    result = await call(client, "ask", question="What does an alarm do?", mode="generate")
    assert not result.is_error
    questions = [one.title for one in (await client.list_resources()).resources]
    assert "What does an alarm do?" in questions
    assert LONG not in questions
