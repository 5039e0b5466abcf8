"""The server over streamable HTTP: the SDK's client, tokens, and what is refused."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.streamable_http import streamable_http_client

from http_live import Live
from lsp.editor import home_with_models
from mcp import Client, MCPError
from nsllm.frontends.http.tokens import Scope, Tokens

pytestmark = [
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(300),
]

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def live(models_home: Path, harrow: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = home_with_models(tmp_path_factory.mktemp("mcp-http"), models_home)
    server = Live(home, [harrow], command=["mcp", "--http"])
    yield server
    server.stop()


@asynccontextmanager
async def connected(live: Live, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=100) as http:
        transport = streamable_http_client(f"{live.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def named_token(live: Live, name: str, *scopes: Scope) -> str:
    return Tokens(live.home / "server").add(name, scopes)


def post(live: Live, token: str | None = None, **headers: str) -> httpx.Response:
    with live.client(token, **ACCEPT, **headers) as client:
        return client.post("/mcp", json=HELLO)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_tools_and_resources_are_served(live: Live, mode: str) -> None:
    progress: list[float] = []

    async def report(done: float, _total: float | None, _message: str | None) -> None:
        progress.append(done)

    async with connected(live, live.token, mode) as client:
        assert len((await client.list_tools()).tools) == 3
        arguments = {"question": "How long are readings kept?"}
        result = await client.call_tool("ask", arguments, progress_callback=report)
        assert "30 days" in result.structured_content["text"]
        answer = await client.read_resource(f"nsllm://answers/{result.structured_content['id']}")
        document = await client.read_resource("nsllm://documents/harrow/docs/storage.md")
    assert '"client":"mcp:owner"' in str(answer.contents[1])
    assert "30 days" in str(document.contents[0])
    assert progress


async def test_answers_take_the_scope_audit(live: Live) -> None:
    async with connected(live, live.token) as client:
        result = await client.call_tool("ask", {"question": "What does the Team plan cost?"})
    uri = f"nsllm://answers/{result.structured_content['id']}"
    async with connected(live, named_token(live, "reader", "ask")) as client:
        listed = (await client.list_resources()).resources
        assert listed
        assert all(one.uri.startswith("nsllm://documents/") for one in listed)
        with pytest.raises(MCPError, match="audit"):
            await client.read_resource(uri)


@pytest.mark.parametrize("token", ["", "nsllm_wrong"])
async def test_nobody_is_served_without_a_valid_token(live: Live, token: str) -> None:
    response = post(live, token)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "token"


async def test_a_token_for_something_else_is_refused(live: Live) -> None:
    response = post(live, named_token(live, "auditor", "audit"))
    assert response.status_code == 403
    assert response.json()["code"] == "scope"


async def test_pages_of_other_sites_are_refused(live: Live) -> None:
    assert post(live, Origin="https://evil.example").status_code == 403
    assert post(live, Host="evil.example").status_code == 421
    assert post(live).status_code == 200


async def test_a_session_is_of_the_client_that_began_it_alone(live: Live) -> None:
    session = post(live).headers["mcp-session-id"]
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    own = {"Mcp-Session-Id": session, **ACCEPT}
    with live.client(**own) as client:
        assert client.post("/mcp", json=listing).status_code == 200
    with live.client(named_token(live, "other", "ask"), **own) as client:
        assert client.post("/mcp", json=listing).status_code == 404


async def test_there_is_nothing_else(live: Live) -> None:
    with live.client() as client:
        assert client.get("/api/index").status_code == 404
        assert client.get("/healthz").status_code == 404


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
async def test_a_client_that_listens_does_not_hold_up_the_end(
    isolated_home: Path, harrow: Path
) -> None:
    server = Live(isolated_home, [harrow], command=["mcp", "--http"])
    session = post(server).headers["mcp-session-id"]
    own = {"Mcp-Session-Id": session, "Accept": "text/event-stream"}
    with server.client(**own) as client, client.stream("GET", "/mcp") as stream:
        assert stream.status_code == 200
        server.process.send_signal(signal.SIGTERM)
        # Far less than `server.shutdown_timeout_s`, for which requests may go on.
        assert server.process.wait(25) == 0
