"""How many requests are worked on at once, and how many may wait for their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nsllm.frontends.http.problems import RequestRefused


class Slots:
    """First come, first served; what does not even find a place to wait is told to come back."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._queue = queue
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def take(self, limit_s: float) -> AsyncIterator[None]:
        """Hold a slot for the block; leaving it in any way frees the slot.

        Raises:
            RequestRefused: as many wait as may, or waiting and the block together took too long.
        """
        deadline = asyncio.timeout(limit_s)
        try:
            async with deadline, self._slot():
                yield
        except TimeoutError:
            # Others raise it too, such as a lock that was not to be had.
            if not deadline.expired():
                raise
            raise RequestRefused(
                504,
                "timeout",
                f"The request took longer than {limit_s:g} s.",
                hint="Ask for less, or raise `server.request_timeout_s`.",
            ) from None

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._places.locked() and self.waiting >= self._queue:
            raise RequestRefused(
                503,
                "busy",
                "The server has as many requests as it takes.",
                hint="Come back a little later.",
            )
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._places.release()
