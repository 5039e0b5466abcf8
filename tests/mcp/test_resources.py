"""Documents and past answers, read by the SDK's own client over stdio."""

import json
from pathlib import Path

import pytest
from mcp.types import INVALID_PARAMS, TextResourceContents

from lsp.conftest import WORKSPACE
from mcp import Client, MCPError

pytestmark = [
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]


async def read(client: Client, uri: str) -> list[TextResourceContents]:
    contents = (await client.read_resource(uri)).contents
    assert all(isinstance(one, TextResourceContents) and one.uri == uri for one in contents)
    return [one for one in contents if isinstance(one, TextResourceContents)]


async def test_every_document_is_listed_and_what_is_ignored_is_not(client: Client) -> None:
    listed = (await client.list_resources()).resources
    names = {one.name for one in listed if one.uri.startswith("nsllm://documents/")}
    assert names == {*WORKSPACE, "picture.md"}


async def test_a_document_is_read_by_its_uri(client: Client) -> None:
    [one] = [r for r in (await client.list_resources()).resources if r.name == "docs/storage.md"]
    [document] = await read(client, one.uri)
    assert document.text == WORKSPACE["docs/storage.md"]
    assert document.mime_type == "text/markdown"


async def test_a_name_with_other_characters_is_read(client: Client, harrow: Path) -> None:
    name = "docs/über 100% #1?.md"
    (harrow / name).write_text("Relays.\n", encoding="utf-8")
    try:
        [one] = [r for r in (await client.list_resources()).resources if r.name == name]
        [document] = await read(client, one.uri)
    finally:
        (harrow / name).unlink()
    assert document.text == "Relays.\n"


async def test_templates_tell_how_uris_are_made(client: Client) -> None:
    templates = (await client.list_resource_templates()).resource_templates
    assert {one.uri_template for one in templates} == {
        "nsllm://documents/{workspace}/{+path}",
        "nsllm://answers/{id}",
    }


async def test_a_past_answer_is_listed_and_read_in_words_and_as_its_record(client: Client) -> None:
    question = "How often does a relay send its readings?"
    answer = (await client.call_tool("ask", {"question": question})).structured_content
    uri = f"nsllm://answers/{answer['id']}"
    [one] = [r for r in (await client.list_resources()).resources if r.uri == uri]
    assert one.title == question
    shown, record = await read(client, uri)
    assert shown.text.startswith(f"# {question}\n\n{answer['text']}")
    assert f"Verdict: {answer['verdict']}" in shown.text
    assert json.loads(record.text)["client"] == "mcp"
    assert json.loads(record.text)["id"] == answer["id"]
    with pytest.raises(MCPError, match="There is no answer"):
        await client.read_resource(uri[:-4])


@pytest.mark.parametrize(
    "uri",
    [
        "nsllm://documents/harrow/../beside.md",
        "nsllm://documents/harrow/%2e%2e/beside.md",
        "nsllm://documents/harrow/..%2fbeside.md",
        "nsllm://documents/harrow/docs/../../beside.md",
        "nsllm://documents/harrow/..%5cbeside.md",
        "nsllm://documents/harrow//etc/passwd",
        "nsllm://documents/harrow/%2fetc%2fpasswd",
        "nsllm://documents/harrow/C:%5cWindows%5cwin.ini",
        "nsllm://documents/harrow/docs/storage.md%00",
        "nsllm://documents/harrow/./docs/storage.md",
        "nsllm://documents/harrow/docs//storage.md",
        "nsllm://documents/harrow/docs/storage.md?x",
        "nsllm://documents/harrow/docs",
        "nsllm://documents/harrow/",
        "nsllm://documents/elsewhere/docs/storage.md",
        "nsllm://documents/../beside.md",
        "nsllm://documents/harrow/private/plans.md",
        "nsllm://documents/harrow/.gitignore",
        "nsllm://documents/harrow/link.md",
        "nsllm://documents/harrow/picture.md",
        "nsllm://documents/harrow/docs/no-such.md",
        "nsllm://answers/no-such",
        "nsllm://answers/",
        "nsllm://answers/%25",
        "nsllm://elsewhere/x",
        "file:///etc/passwd",
        "nonsense",
    ],
)
async def test_nothing_else_can_be_read(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)
    assert refused.value.code == INVALID_PARAMS
    assert refused.value.data["hint"] in refused.value.message
    assert "SECRET" not in refused.value.message
