"""Generation through the server: streamed, cancelled, and its worker killed."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from lsprotocol import types

from lsp.editor import Editor, RefusedError, until

pytestmark = [
    pytest.mark.models,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),  # a model that shares its cores with others writes slowly
]

QUESTION = "Describe everything that Harrow does with readings, relays and alarms, at length."
CANCELLED = -32800


def deltas(editor: Editor, token: str) -> list[str]:
    return [v["text"] for v in editor.progress[token] if v["kind"] == "delta"]


async def streaming(editor: Editor, token: str, **params: object) -> "asyncio.Future[object]":
    """Begin to generate, and return once text is on its way."""
    request = editor.begin(
        "nsllm/hybridQuery", question=QUESTION, mode="generate", partialResultToken=token, **params
    )
    await until(lambda: deltas(editor, token) or request.done())
    assert not request.done()
    return request


async def test_text_streams_and_the_result_replaces_it(editor: Editor) -> None:
    # Another question than that of the tests below: one that was answered is not written again.
    answer = await editor.ask(
        "nsllm/hybridQuery",
        question="Describe everything that a relay does, at length.",
        mode="generate",
        partialResultToken="stream-1",
    )
    kinds = [value["kind"] for value in editor.progress["stream-1"]]
    assert kinds[0] == "sources"
    last = max((i for i, kind in enumerate(kinds) if kind == "withdrawn"), default=0)
    shown = "".join(v["text"] for v in editor.progress["stream-1"][last + 1 :])
    assert shown.strip() == answer["text"].strip()
    rules = {finding["rule"] for finding in answer["findings"]}
    if "answer.not-found" in rules:
        # What was written was rejected, and no sentence is worth quoting: nothing to score.
        assert answer["scores"]["perplexity"] is None
    else:
        assert answer["scores"]["perplexity"] >= 1


async def test_after_a_cancel_nothing_streams_and_the_worker_is_free(editor: Editor) -> None:
    request = await streaming(editor, "cancel-1")
    editor.cancel(request)
    with pytest.raises(RefusedError) as refused:
        await editor.answer_to(request)
    assert refused.value.code == CANCELLED
    seen = len(editor.progress["cancel-1"])
    # The worker serves one request at a time: that the next one streams shows that it is free.
    request = await streaming(editor, "cancel-2")
    editor.cancel(request)
    with pytest.raises(RefusedError):
        await editor.answer_to(request)
    assert len(editor.progress["cancel-1"]) == seen
    answered = editor.events.index(f"answer {request.get_name()}")
    assert "progress cancel-2" not in editor.events[answered:]


async def test_a_question_that_waits_for_its_turn_can_be_cancelled(editor: Editor) -> None:
    first = await streaming(editor, "turn-1")
    waiting = editor.begin(
        "nsllm/hybridQuery", question=QUESTION, mode="generate", partialResultToken="turn-2"
    )
    await until(lambda: editor.progress["turn-2"])
    editor.cancel(waiting)
    with pytest.raises(RefusedError) as refused:
        await editor.answer_to(waiting)
    assert refused.value.code == CANCELLED
    assert deltas(editor, "turn-2") == []
    assert not first.done()
    editor.cancel(first)
    with pytest.raises(RefusedError):
        await editor.answer_to(first)


async def test_a_question_can_be_cancelled_before_anything_was_found(editor: Editor) -> None:
    request = editor.begin(
        "nsllm/hybridQuery", question=QUESTION, mode="generate", partialResultToken="early-1"
    )
    await asyncio.sleep(0)  # the request goes out before the cancel
    editor.cancel(request)
    with pytest.raises(RefusedError) as refused:
        await editor.answer_to(request)
    assert refused.value.code == CANCELLED
    assert deltas(editor, "early-1") == []


async def test_the_progress_bar_cancels_too(editor: Editor) -> None:
    request = await streaming(editor, "bar-1", workDoneToken="bar-work")
    begin = editor.progress["bar-work"][0]
    assert (begin["kind"], begin["cancellable"]) == ("begin", True)
    editor.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token="bar-work"))
    with pytest.raises(RefusedError) as refused:
        await editor.answer_to(request)
    assert refused.value.code == CANCELLED
    assert editor.progress["bar-work"][-1]["kind"] == "end"


async def test_settings_of_no_model_may_change_while_one_writes(editor: Editor) -> None:
    request = await streaming(editor, "settings-1")
    settings = {"nsllm": {"retrieval": {"top_k": 4}}}
    editor.set_configuration(settings)
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))
    # Answered behind the change: by then the folder was closed and is open again.
    await editor.ask("nsllm/search", query="relays")
    seen = len(deltas(editor, "settings-1"))
    await until(lambda: len(deltas(editor, "settings-1")) > seen or request.done())
    if not request.done():
        editor.cancel(request)
        with pytest.raises(RefusedError) as refused:
            await editor.answer_to(request)
        assert refused.value.code == CANCELLED
    else:
        await editor.answer_to(request)


@pytest.mark.skipif(sys.platform == "win32", reason="finds the worker by /proc or ps")
async def test_a_killed_worker_is_told_of_and_replaced(editor: Editor) -> None:
    request = await streaming(editor, "kill-1")
    for worker in children(editor.process.pid):
        os.kill(worker, signal.SIGKILL)
    with pytest.raises(RefusedError) as refused:
        await editor.answer_to(request)
    assert refused.value.data["code"] == "worker"
    assert refused.value.data["hint"]
    request = await streaming(editor, "kill-2")
    editor.cancel(request)
    with pytest.raises(RefusedError):
        await editor.answer_to(request)


def children(process: int) -> list[int]:
    """Return the child processes of a process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True
    ).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid for pid, parent in pairs if parent == process]
