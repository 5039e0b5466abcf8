"""Stop work on a thread once nobody waits for its result: a thread cannot be cancelled."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

_Result = TypeVar("_Result")

_gone: ContextVar[threading.Event | None] = ContextVar("gone", default=None)
"""Of the work under way: set once whoever asked for it has gone."""


class Stopped(Exception):  # noqa: N818 - the caller asked for it; nothing went wrong
    """Nobody waits for the result any more."""


async def on_thread(work: Callable[[], _Result]) -> _Result:
    """Do `work` on a thread; where the caller is cancelled, it ends at its next `checkpoint`."""
    gone = threading.Event()
    # The thread works in a copy of this context.
    token = _gone.set(gone)
    try:
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        gone.set()
        raise
    finally:
        _gone.reset(token)


def checkpoint() -> None:
    """Go on only if somebody waits for the result.

    Raises:
        Stopped: whoever asked for it has gone.
    """
    gone = _gone.get()
    if gone is not None and gone.is_set():
        raise Stopped
