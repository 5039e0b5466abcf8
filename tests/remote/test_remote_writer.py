"""A generator on another machine: what is sent, what is read, and every way in which it fails."""

import asyncio
import math
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nsllm.errors import NsllmError, QuestionError, RemoteBusyError, RemoteError, SettingsError
from nsllm.generation.extractive import NOT_FOUND
from nsllm.generation.remote import RemoteWriter
from nsllm.generation.remote_access import check_url
from nsllm.generation.remote_errors import retry_after_s
from nsllm.settings import Generation, Remote
from nsllm.types import Chunk, Delta, Passage, Turn
from remote.scripted_server import ScriptedServer, chunk, scripted_server

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

TEXT = "Readings are kept for 30 days."
PASSAGE = Passage(
    chunk=Chunk(path="docs/a.md", start=0, end=30, start_line=1, end_line=1, text=TEXT),
    score=1.0,
    similarity=1.0,
)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


def writer(url: str, **others: Any) -> RemoteWriter:
    return RemoteWriter(
        Remote(url=url, **{"model": "tiny", **others}), Generation(max_tokens=40, seed=7)
    )


async def write(server: ScriptedServer, **others: Any):
    deltas: list[Delta] = []
    draft = await writer(server.url, **others).write(
        "How long?",
        [PASSAGE],
        history=[Turn(question="Hm?", answer="Yes [1].")],
        listener=deltas.append,
    )
    return draft, deltas


async def test_text_is_streamed_with_its_perplexity(server: ScriptedServer) -> None:
    server.events = [
        chunk(""),
        chunk("For 30 ", [-0.5, -0.25]),
        {"id": "c", "choices": [], "usage": {"completion_tokens": 3}},
        chunk("days [1].", [-1.5]),
        chunk(finish="stop"),
        "[DONE]",
    ]
    draft, deltas = await write(server)
    assert draft.text == "For 30 days [1]."
    assert draft.model == f"tiny at {server.url}"
    assert (draft.mode, draft.found, draft.finish) == ("generate", True, "stop")
    assert draft.perplexity == pytest.approx(math.exp((0.5 + 0.25 + 1.5) / 3))
    assert [(d.text, d.tokens) for d in deltas] == [("For 30 ", 2), ("days [1].", 1)]


@pytest.mark.parametrize("second", [None, [-1.0]], ids=["none at all", "for a part"])
async def test_a_perplexity_is_never_guessed(
    server: ScriptedServer, second: list[float] | None
) -> None:
    server.events = [chunk("Yes "), chunk("[1].", second), chunk(finish="length"), "[DONE]"]
    draft, _ = await write(server)
    assert (draft.text, draft.perplexity, draft.finish) == ("Yes [1].", None, "length")
    assert await writer(server.url).perplexity("How long?", [PASSAGE], TEXT) is None


async def test_what_is_sent(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSLLM_REMOTE_TOKEN", "secret-1\n")
    await write(server)
    (get, headers, _), (post, _, body) = server.requests
    assert (get, post) == ("/v1/models", "/v1/chat/completions")
    assert headers["Authorization"] == "Bearer secret-1"
    assert body["model"] == "tiny"
    assert (body["max_tokens"], body["seed"], body["stream"]) == (40, 7, True)
    assert "nsllm" not in body
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert body["messages"][-1]["content"] == f"[1] docs/a.md\n{TEXT}\n\nQuestion: How long?"
    assert body["messages"][-2]["content"] == "Yes."


async def test_another_nsllm_only_lends_its_model(server: ScriptedServer) -> None:
    server.models = [{"id": "tiny", "owned_by": "nsllm"}]
    await write(server)
    assert server.requests[1][2]["nsllm"] == {"raw": True}


async def test_the_token_of_a_file_goes_before_that_of_a_variable(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER", "of-the-variable")
    (tmp_path / "token").write_text("of-the-file\n")
    await write(server, token_variable="OTHER")
    await write(server, token_variable="OTHER", token_file=str(tmp_path / "token"))
    sent = [headers["Authorization"] for _, headers, _ in server.requests]
    assert sent == ["Bearer of-the-variable"] * 2 + ["Bearer of-the-file"] * 2


async def test_a_second_attempt_draws_another_text(server: ScriptedServer) -> None:
    await writer(server.url).write("How long?", [PASSAGE], attempt=1, begun="It is ")
    body = server.requests[1][2]
    assert (body["temperature"], body["seed"]) == (0.6, 8)
    assert body["messages"][-1] == {"role": "assistant", "content": "It is "}


async def test_that_nothing_answers_ends_the_text(server: ScriptedServer) -> None:
    server.events = [chunk(f"{NOT_FOUND} But "), chunk("maybe."), chunk(finish="stop"), "[DONE]"]
    draft, _ = await write(server)
    assert (draft.text, draft.found) == (NOT_FOUND, False)


FAILURES = [
    (401, {}, {"error": {"message": "Wrong key"}}, RemoteError, "refused", "Wrong key"),
    (403, {}, {"detail": "No"}, RemoteError, "refused", "(403): No."),
    (404, {}, {"message": "No model tiny"}, RemoteError, "model", "No model tiny"),
    (429, {"Retry-After": "17"}, {}, RemoteBusyError, "busy", "no time now (429)"),
    (503, {}, b"loading", RemoteBusyError, "busy", "loading"),
    (500, {}, b"<html>\xff", RemoteError, "failed", "status 500"),
    (302, {"Location": "http://127.0.0.1:9/"}, b"", RemoteError, "failed", "status 302"),
    (400, {}, {"error": "maximum context length is 9"}, QuestionError, None, "too long"),
]


@pytest.mark.parametrize(("status", "headers", "body", "kind", "reason", "said"), FAILURES)
async def test_each_refusal_is_named(
    server: ScriptedServer,
    status: int,
    headers: dict[str, str],
    body: Any,
    kind: type[NsllmError],
    reason: str | None,
    said: str,
) -> None:
    server.status, server.headers, server.error = status, headers, body
    with pytest.raises(kind) as caught:
        await write(server)
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert caught.value.hint
    assert getattr(caught.value, "reason", None) == reason
    if status == 429:
        assert caught.value.details["retry_after_s"] == 17


BROKEN = [
    ([chunk("For 30 ")], False, "cut-off"),
    ([chunk("For 30 ")], True, "cut-off"),
    ([chunk("For "), {"error": {"message": "The engine died"}}], True, "failed"),
    ([chunk("For "), '{"choices": 3}'], True, "protocol"),
    ([chunk("For "), "no json"], True, "protocol"),
]


@pytest.mark.parametrize(("events", "ends", "reason"), BROKEN)
async def test_a_stream_that_breaks_off_is_no_answer(
    server: ScriptedServer, events: list[Any], ends: bool, reason: str
) -> None:
    server.events, server.ends = events, ends
    with pytest.raises(RemoteError) as caught:
        await write(server)
    assert caught.value.reason == reason


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RemoteError) as caught:
        await writer(f"http://127.0.0.1:{port}/v1").write("How long?", [PASSAGE])
    assert caught.value.reason == "unreachable"
    assert str(port) in caught.value.message


async def test_a_server_that_is_silent_times_out() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with pytest.raises(RemoteError) as caught:
            await writer(url, timeout_s=0.2).write("How long?", [PASSAGE])
    assert caught.value.reason == "timeout"


async def test_who_cancels_leaves_the_server(server: ScriptedServer) -> None:
    server.waits = threading.Event()
    begun = asyncio.Event()
    writing = asyncio.create_task(
        writer(server.url).write("How long?", [PASSAGE], listener=lambda _: begun.set())
    )
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await asyncio.to_thread(server.left.wait, 60)


async def test_a_token_that_is_none_is_not_sent(tmp_path: Path, server: ScriptedServer) -> None:
    token = tmp_path / "token"
    for content in (b"two words", "tökén".encode(), b"\xff"):
        token.write_bytes(content)
        with pytest.raises(RemoteError, match="token"):
            await write(server, token_file=str(token))
    with pytest.raises(RemoteError, match="cannot be read"):
        await write(server, token_file=str(tmp_path / "nothing"))
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    ["host:8000", "ftp://host/v1", "http://", "http://me:secret@host/v1", "http://host/v1?key=s"],
)
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s("30") == 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after_s("soon") == retry_after_s(None) > 0


def test_no_file_of_a_workspace_says_where_text_is_sent(
    tmp_path: Path, isolated_home: Path
) -> None:
    from nsllm import settings

    table = '[remote]\nurl = "http://elsewhere/v1"\ntoken_file = "/etc/passwd"\n'
    (tmp_path / "nsllm.toml").write_text(table)
    for trusted in (True, False):
        assert settings.load(tmp_path, trusted=trusted).remote == Remote()
    isolated_home.mkdir()
    (isolated_home / "nsllm.toml").write_text('[remote]\nurl = "http://mine/v1"\n')
    assert settings.load(tmp_path).remote.url == "http://mine/v1"
    assert msgspec.structs.asdict(Remote())["url"] == ""
