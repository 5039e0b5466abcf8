"""The longest time that a model may write one answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nsllm.errors import WorkerError
from nsllm.settings import Generation


@asynccontextmanager
async def ended_in_time(
    settings: Generation, parts: Sequence[str]
) -> AsyncIterator[asyncio.Timeout]:
    """End what the block does after `generation.timeout_s`; it keeps what it has written till then.

    `parts`: what it has written, which it adds to.

    Raises:
        WorkerError: that is nothing.
    """
    limit = asyncio.timeout(settings.timeout_s)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if not limit.expired():
            raise
        if not any(parts):
            raise WorkerError(
                f"The model wrote nothing in {settings.timeout_s:g} s.",
                hint="Ask again, raise `generation.timeout_s`, or choose a smaller model.",
            ) from None
