"""Work-done progress: what an editor shows of a long task, and its button to cancel."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from lsprotocol import types

from nsllm.types import Progress, ProgressListener

Token = str | int
Notify = Callable[[str, Any], None]
Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
_INTERVAL_S = 0.1


class WorkBoard:
    """The tasks under way that an editor knows of, by their tokens."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._tasks: dict[Token, asyncio.Task[Any]] = {}

    def cancel(self, token: Token) -> None:
        """Cancel the task of a token."""
        task = self._tasks.get(token)
        if task:
            task.cancel()

    @asynccontextmanager
    async def show(self, token: Token | None, title: str) -> AsyncIterator[ProgressListener]:
        """Show the block's progress on `token`; the client may cancel the current task by it."""
        if token is None:
            yield _ignore
            return
        task = asyncio.current_task()
        if task:
            self._tasks[token] = task
        self._report(token, {"kind": "begin", "title": title, "cancellable": True})
        try:
            yield self._listener(token)
        finally:
            self._tasks.pop(token, None)
            self._report(token, {"kind": "end"})

    def _listener(self, token: Token) -> ProgressListener:
        """Return a listener that any thread may call, and that passes on ten reports a second."""
        loop = asyncio.get_running_loop()
        reported = 0.0

        def listen(step: Progress) -> None:
            nonlocal reported
            now = time.monotonic()
            if now - reported < _INTERVAL_S and step.done != step.total:
                return
            reported = now
            loop.call_soon_threadsafe(self._step, token, step)

        return listen

    def _step(self, token: Token, step: Progress) -> None:
        if token not in self._tasks:
            return
        value: dict[str, Any] = {"kind": "report", "message": describe(step)}
        if step.total:
            value["percentage"] = min(100, round(100 * step.done / step.total))
        self._report(token, value)

    def _report(self, token: Token, value: dict[str, Any]) -> None:
        self._notify(types.PROGRESS, types.ProgressParams(token=token, value=value))


class Background:
    """Tasks that nobody awaits: kept alive, their ends told, all ended together.

    `ended` is called with the kind of each task's work, its name, and with what it failed of.
    """

    def __init__(self, ended: Callable[[str, BaseException | None], None]) -> None:
        self._ended = ended
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that nobody needs to hold."""
        self._tasks.add(self.start(work))

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start a task and return it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        kind = work.__qualname__  # type: ignore[attr-defined]  # what `async def` makes has one
        task.add_done_callback(partial(self._finish, kind))
        return task

    async def aclose(self) -> None:
        """Cancel all tasks and wait for their ends."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, kind: str, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._ended(kind, task.exception())


def describe(step: Progress) -> str:
    """Say in words how far a task is."""
    if not step.total:
        return step.task
    if step.unit == "bytes":
        return f"{step.task}: {step.done / 1e6:.0f} of {step.total / 1e6:.0f} MB"
    return f"{step.task}: {step.done:,} of {step.total:,} {step.unit}"


def _ignore(_step: Progress) -> None:
    """Nobody watches."""
