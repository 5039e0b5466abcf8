"""`generation.timeout_s`: what was written till then stays."""

import asyncio

import pytest

from nsllm.errors import WorkerError
from nsllm.generation.time_limit import ended_in_time
from nsllm.settings import Generation

SHORT = Generation(timeout_s=0.02)


async def test_what_was_written_stays() -> None:
    parts: list[str] = []
    async with ended_in_time(SHORT, parts) as limit:
        parts.append("It is kept")
        await asyncio.Event().wait()
    assert limit.expired()
    assert parts == ["It is kept"]


async def test_a_model_that_writes_nothing_is_named_with_the_setting() -> None:
    with pytest.raises(WorkerError, match=r"nothing in 0\.02 s") as caught:
        async with ended_in_time(SHORT, []):
            await asyncio.Event().wait()
    assert "generation.timeout_s" in caught.value.hint


async def test_what_ends_in_time_is_left_alone() -> None:
    async with ended_in_time(Generation(), []) as limit:
        await asyncio.sleep(0)
    assert not limit.expired()
    with pytest.raises(TimeoutError, match="another"):
        async with ended_in_time(Generation(), []):
            raise TimeoutError("another")
