"""The steps of an answer in the making, as progress."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nsllm.frontends.mcp.calls import Report
from nsllm.types import AnswerEvent, AnswerListener, Delta, Retrieved

_SHOWN = 80
"""Characters of the text so far that a message ends with."""


@asynccontextmanager
async def reported(report: Report) -> AsyncIterator[AnswerListener]:
    """Yield a listener whose events are reported; all of them are at the end of the block."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[AnswerEvent | None] = asyncio.Queue()

    def listen(event: AnswerEvent) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, event)

    task = asyncio.create_task(_tell(queue, report))
    try:
        yield listen
        loop.call_soon(queue.put_nowait, None)
        await task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _tell(queue: "asyncio.Queue[AnswerEvent | None]", report: Report) -> None:
    """Report until None comes; what came while a report was sent is told together."""
    steps, text = 0, ""
    while True:
        events = [await queue.get()]
        while not queue.empty():
            events.append(queue.get_nowait())
        told = [event for event in events if event is not None]
        if told:
            steps += len(told)
            text = _text_after(text, told)
            await report(steps, _message(told[-1], text))
        if None in events:
            return


def _text_after(text: str, events: Sequence[AnswerEvent]) -> str:
    for event in events:
        text = text + event.text if isinstance(event, Delta) else ""
    return text


def _message(event: AnswerEvent, text: str) -> str:
    if isinstance(event, Retrieved):
        return f"Found {len(event.passages)} passages"
    if isinstance(event, Delta):
        return f"Writing: …{' '.join(text.split())[-_SHOWN:]}"
    return f"Withdrawn, another answer follows: {event.reason}"
