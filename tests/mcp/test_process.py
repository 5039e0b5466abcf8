"""The server's process: its streams, its beginning and end, and what it lacks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult

from lsp.editor import home_with_models
from mcp import Client

pytestmark = pytest.mark.timeout(300)
Connect = Callable[..., AbstractAsyncContextManager[Client]]


async def error_of(client: Client, tool: str = "search", **arguments: str) -> dict[str, Any]:
    """Call a tool, and return what is told of the failure."""
    result = await client.call_tool(tool, arguments or {"query": "relays"})
    assert isinstance(result, CallToolResult)
    assert result.is_error
    assert result.meta is not None
    told: dict[str, Any] = result.meta["nsllm/error"]
    return told


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_both_kinds_of_clients_are_served(connect: Connect, mode: str) -> None:
    """`legacy` clients begin with `initialize`, as all did before the protocol of 2026."""
    async with connect(mode=mode) as client:
        assert client.server_info is not None
        assert client.server_info.name == "nsllm"
        assert client.server_capabilities.tools is not None
        assert client.server_capabilities.resources is not None
        assert "check" in (client.instructions or "")
        assert len((await client.list_tools()).tools) == 3


@pytest.mark.models
async def test_models_that_come_later_are_used(
    connect: Connect, isolated_home: Path, models_home: Path
) -> None:
    async with connect() as client:
        told = await error_of(client)
        assert told["code"] == "model.missing"
        assert "nsllm models pull" in told["hint"]
        home_with_models(isolated_home, models_home)
        result = await client.call_tool("search", {"query": "How long are readings kept?"})
        assert result.structured_content["hits"][0]["path"] == "docs/storage.md"


async def test_documents_are_read_without_models(connect: Connect) -> None:
    async with connect() as client:
        read = await client.read_resource("nsllm://documents/harrow/docs/plans.md")
    assert "80 euros" in str(read.contents[0])


@pytest.mark.parametrize(
    ("options", "code"), [((), "model.unknown"), (("--untrusted", "--"), "model.missing")]
)
async def test_a_workspace_that_is_not_trusted_chooses_no_model(
    connect: Connect, tmp_path: Path, options: tuple[str, ...], code: str
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("Relays.\n", encoding="utf-8")
    (folder / "nsllm.toml").write_text('[models]\nembedder = "theirs"\n', encoding="utf-8")
    async with connect(*options, folder) as client:
        assert (await error_of(client))["code"] == code


async def test_several_folders_are_served_by_name(connect: Connect, tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        (folder / f"{folder.name}.md").write_text("Relays.\n", encoding="utf-8")
    async with connect(*folders) as client:
        uris = {one.uri for one in (await client.list_resources()).resources}
    assert uris == {"nsllm://documents/a/a.md", "nsllm://documents/b/b.md"}


def start(home: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "nsllm", "mcp", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "NSLLM_HOME": str(home)},
        encoding="utf-8",
    )


def test_stdout_holds_the_protocol_alone_and_the_end_of_stdin_ends_it(
    isolated_home: Path, harrow: Path
) -> None:
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    call = {"name": "search", "arguments": {"query": "relays"}}
    messages = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": call},
    ]
    given = "".join(json.dumps({"jsonrpc": "2.0", **one}) + "\n" for one in messages)
    with start(isolated_home, harrow) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(given)
        server.stdin.flush()
        lines: list[dict[str, Any]] = []
        # The end of stdin drops what is not answered yet.
        while not {1, 2, 3} <= {line.get("id") for line in lines}:
            lines.append(json.loads(server.stdout.readline()))
        rest, told = server.communicate("this is no message\n", timeout=250)
    assert server.returncode == 0
    lines += [json.loads(line) for line in rest.splitlines()]
    assert all(line["jsonrpc"] == "2.0" for line in lines)
    # The index could not be made without models: that is said where it disturbs nobody.
    assert "index" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no-such-folder"], "no-such-folder"),
        (["--http", "--stdio"], "--http"),
        (["--port", "1"], "--http"),
    ],
)
def test_a_bad_argument_ends_it_with_a_sentence(
    isolated_home: Path, arguments: list[str], named: str
) -> None:
    with start(isolated_home, *arguments) as server:
        shown, told = server.communicate(timeout=250)
    assert server.returncode == 2
    assert shown == ""
    assert named in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("tool", "arguments"), [("search", {"query": "relays"}), ("check", {"text": "A relay."})]
)
async def test_every_tool_counts_against_the_limits(
    connect: Connect, tool: str, arguments: dict[str, str]
) -> None:
    """Also a call that fails for another reason, here a model that is missing: it was tried."""
    async with connect(NSLLM_LIMITS_REQUESTS_PER_MINUTE="1") as client:
        assert (await error_of(client, tool, **arguments))["code"] == "model.missing"
        assert (await error_of(client, tool, **arguments))["code"].startswith("rate.limited")
