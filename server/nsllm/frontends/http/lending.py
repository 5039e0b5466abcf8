"""The generator itself, for another machine that judges and records what it writes."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal

import msgspec

from nsllm.errors import NsllmError
from nsllm.frontends import wire
from nsllm.frontends.http import openai_contracts as oc
from nsllm.frontends.http.operations import Call, Events
from nsllm.frontends.http.problems import RequestRefused, problem_of
from nsllm.generation.client import Sampling
from nsllm.generation.template import Message
from nsllm.generation.writer import Lent

ANY_MODEL = "nsllm"
"""The model id that stands for whichever is in use."""

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
}
_MAX_TOKENS = 256


async def lend(call: Call, asked: oc.Chat) -> Events:
    """Continue a conversation, streamed.

    Raises:
        RequestRefused: the owner of the server has not allowed it, or it is not streamed.
    """
    if not call.context.settings.lend:
        raise RequestRefused(
            403,
            "lending",
            "This server does not lend its model: its answers are governed.",
            hint="Its owner can set `server.lend`; without `nsllm.raw` it answers itself.",
        )
    if not asked.stream:
        raise RequestRefused(
            400, "unsupported.stream", "Raw text is streamed.", hint="Set `stream` to true."
        )
    model = None if asked.model == ANY_MODEL else asked.model
    call.service.check_generator(model)
    return Events(_chunks(call, asked, model, _sampling(asked)))


async def _chunks(
    call: Call, asked: oc.Chat, model: str | None, sampling: Sampling
) -> AsyncIterator[bytes]:
    name, created = f"chatcmpl-{call.exchange.request_id}", int(time.time())
    context = call.context
    try:
        async with (
            context.slots.take(context.settings.request_timeout_s),
            call.service.use() as application,
            aclosing(
                application.lend(
                    _messages(asked),
                    sampling,
                    [asked.stop] if isinstance(asked.stop, str) else asked.stop or (),
                    model=model,
                    client=f"http:{call.client.name}",
                )
            ) as pieces,
        ):
            async for piece in pieces:
                choice = _choice(piece, with_logprobs=bool(asked.logprobs))
                chunk = oc.Chunk(id=name, created=created, model=asked.model, choices=[choice])
                yield f"data: {wire.to_json(chunk)}\n\n".encode()
    except NsllmError as error:
        problem = problem_of(error, call.exchange.request_id, openai=True)
        yield f"data: {wire.to_json(problem)}\n\n".encode()
        return
    yield b"data: [DONE]\n\n"


def _choice(piece: Lent, *, with_logprobs: bool) -> oc.ChunkChoice:
    content = [oc.TokenLogprob(token=text, logprob=value) for text, value in piece.tokens]
    return oc.ChunkChoice(
        delta=oc.Delta(content=piece.text),
        finish_reason=piece.finish,
        logprobs=oc.Logprobs(content=content) if with_logprobs else None,
    )


def _messages(asked: oc.Chat) -> list[Message]:
    found = []
    for message in asked.messages:
        parts = message.content
        text = parts if isinstance(parts, str) else "\n".join(p.text or "" for p in parts or ())
        found.append(Message(role=_ROLES.get(message.role, "user"), content=text))
    return found


def _sampling(asked: oc.Chat) -> Sampling:
    limit = asked.max_completion_tokens or asked.max_tokens or _MAX_TOKENS
    given = {"temperature": asked.temperature, "top_p": asked.top_p, "seed": asked.seed}
    try:
        return msgspec.convert(
            {
                "max_tokens": max(1, limit),
                **{name: value for name, value in given.items() if value is not None},
            },
            _Asked,
        ).sampling()
    except msgspec.ValidationError as error:
        raise RequestRefused(
            400, "request", f"The request does not fit: {error}.", hint="docs/API.md."
        ) from error


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is drawn, within what the generator takes."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=8192)]
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.0
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0

    def sampling(self) -> Sampling:
        """Return it as the generator takes it."""
        return Sampling(**msgspec.structs.asdict(self))
