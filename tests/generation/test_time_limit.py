"""`generation.timeout_s`: what was written till then stays."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from generation.byte_tokenizer import byte_tokenizer
from nsllm.errors import WorkerError
from nsllm.generation.client import GeneratorClient, GeneratorModel, Queued
from nsllm.generation.messages import Tokens
from nsllm.generation.time_limit import ended_in_time
from nsllm.generation.writer import Writer
from nsllm.settings import Generation

SHORT = Generation(timeout_s=0.02)
BYTES = byte_tokenizer()


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


class Busy:
    """A client that serves others first, and whose model then stops after one word."""

    async def generate(self, *_given: object) -> AsyncIterator[Queued | Tokens]:
        yield Queued(ahead=1)
        await asyncio.sleep(0.3)
        yield Queued(ahead=0)
        yield Tokens(id=1, ids=tuple(BYTES.encode("word").ids), logprobs=(-0.5,) * 4)
        await asyncio.Event().wait()

    async def score(self, *_given: object) -> None:
        await asyncio.Event().wait()


class Plain(Writer):
    """A writer without files: its template is the text."""

    _template = SimpleNamespace(tokenizer=BYTES, count=len)  # type: ignore[assignment]

    def _prompt(self, *_given: object) -> Any:
        return SimpleNamespace(token_ids=(1,))


async def test_nobodys_time_runs_while_others_are_served() -> None:
    client, model = cast("GeneratorClient", Busy()), cast("GeneratorModel", None)
    writer = Plain("plain", client, model, context_tokens=99, settings=SHORT)
    draft = await writer.write("Why?", [])
    assert (draft.text, draft.finish) == ("word", "length")
    assert await writer.perplexity("Why?", [], "Because.") is None


async def test_what_ends_in_time_is_left_alone() -> None:
    async with ended_in_time(Generation(), []) as limit:
        await asyncio.sleep(0)
    assert not limit.expired()
    with pytest.raises(TimeoutError, match="another"):
        async with ended_in_time(Generation(), []):
            raise TimeoutError("another")
