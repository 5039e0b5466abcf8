"""A language server on a socket of this machine serves one client, and no page in a browser."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lsprotocol import types
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lsp.editor import Editor, closed, until

pytestmark = pytest.mark.enable_socket


class Listening:
    """A server that listens, and its port."""

    def __init__(self, kind: str, process: Process, port: int) -> None:
        self.kind = kind
        self.process = process
        self.port = port

    async def serve(self, editor: Editor) -> None:
        """Connect an editor, which is served from then on."""

        async def connected() -> bool:
            start = editor.start_tcp if self.kind == "tcp" else editor.start_ws
            try:
                await start("127.0.0.1", self.port)
            except OSError:
                return False
            return True

        await until(connected)
        params = types.InitializeParams(capabilities=types.ClientCapabilities())
        await editor.initialize_session(params)


@pytest.fixture
async def listening(
    request: pytest.FixtureRequest, isolated_home: Path
) -> AsyncIterator[Listening]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nsllm", "lsp", f"--{request.param}", str(port)),
        env={**os.environ, "NSLLM_HOME": str(isolated_home)},
    )
    yield Listening(request.param, process, port)
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.mark.parametrize("listening", ["tcp", "ws"], indirect=True)
async def test_a_second_client_is_sent_away_and_the_first_one_served(listening: Listening) -> None:
    editor = Editor()
    await listening.serve(editor)
    if listening.kind == "tcp":
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        assert await reader.read() == b""
        await closed(writer)
    else:
        async with connect(f"ws://127.0.0.1:{listening.port}") as second:
            with pytest.raises(ConnectionClosed, match="Another client is served"):
                await second.recv()
    assert (await editor.ask("nsllm/audit", action="list"))["records"] == []
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await listening.process.wait() == 0
    await editor.stop()


@pytest.mark.parametrize("listening", ["tcp"], indirect=True)
async def test_a_request_of_a_browser_is_not_served_and_keeps_nobody_out(
    listening: Listening,
) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
    answers: list[bytes] = []

    async def answered() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        except OSError:
            return False
        writer.write(request % (len(body), body))
        with contextlib.suppress(ConnectionResetError):
            answers.append(await reader.read())
        await closed(writer)
        return True

    await until(answered)
    _, silent = await asyncio.open_connection("127.0.0.1", listening.port)
    assert not any(answers)
    editor = Editor()
    await listening.serve(editor)
    await closed(silent)
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await listening.process.wait() == 0
    await editor.stop()


@pytest.mark.parametrize("listening", ["tcp", "ws"], indirect=True)
async def test_a_message_may_be_long(listening: Listening) -> None:
    editor = Editor()
    await listening.serve(editor)
    text = "A long line of a long document.\n" * 50_000
    document = types.TextDocumentItem("untitled:long", "plaintext", 1, text)
    editor.text_document_did_open(types.DidOpenTextDocumentParams(document))
    assert (await editor.ask("nsllm/audit", action="list"))["records"] == []
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await listening.process.wait() == 0
    await editor.stop()


@pytest.mark.parametrize("listening", ["ws"], indirect=True)
async def test_a_page_in_a_browser_is_not_served_and_keeps_nobody_out(
    listening: Listening,
) -> None:
    statuses: list[int] = []

    async def answered() -> bool:
        try:
            async with connect(
                f"ws://127.0.0.1:{listening.port}", origin="https://pages.example.org"
            ):
                statuses.append(101)
        except InvalidStatus as refusal:
            statuses.append(refusal.response.status_code)
        except OSError:
            return False
        return True

    await until(answered)
    assert statuses == [403]
    editor = Editor()
    await listening.serve(editor)
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await listening.process.wait() == 0
    await editor.stop()
