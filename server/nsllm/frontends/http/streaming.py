"""Answers in pieces: asked in a task of its own, which ends when nobody listens any more."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec

from nsllm.errors import NsllmError
from nsllm.frontends import wire
from nsllm.frontends.http.problems import crash
from nsllm.types import Answer, AnswerEvent, AnswerListener, Delta, Retrieved

_PING_S = 10.0
"""Silence after which a comment is sent, so that nothing between takes the line for dead."""

PING = b": ping\n\n"


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stream: the answer, or what went wrong."""

    answer: Answer | None = None
    error: NsllmError | None = None


Asking = Callable[[AnswerListener], Awaitable[Answer]]


async def stream(asking: Asking) -> AsyncGenerator[AnswerEvent | Finished | None, None]:
    """Yield the events of an answer, None where it is silent for long, and Finished at last.

    Closing the iterator cancels the question.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[AnswerEvent | Finished] = asyncio.Queue()

    def listen(event: AnswerEvent) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, event)

    async def ask() -> None:
        try:
            finished = Finished(answer=await asking(listen))
        except NsllmError as error:
            finished = Finished(error=error)
        except Exception as error:  # noqa: BLE001 - the stream has begun: it must end with a word
            finished = Finished(error=crash(error))
        # Behind the events that other threads have handed over already.
        loop.call_soon(queue.put_nowait, finished)

    task = asyncio.create_task(ask())
    try:
        while True:
            try:
                async with asyncio.timeout(_PING_S):
                    event = await queue.get()
            except TimeoutError:
                yield None
                continue
            yield event
            if isinstance(event, Finished):
                return
    finally:
        task.cancel()
        await asyncio.wait({task})


def encode(event: str, record: Any) -> bytes:
    """Return one server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(record))


def describe(event: AnswerEvent) -> bytes:
    """Return the server-sent event of a step on the way to an answer."""
    if isinstance(event, Retrieved):
        sources = [wire.source(i, passage) for i, passage in enumerate(event.passages, start=1)]
        return encode("sources", {"sources": sources})
    if isinstance(event, Delta):
        return encode("delta", {"text": event.text})
    return encode("withdrawn", {"reason": event.reason})
