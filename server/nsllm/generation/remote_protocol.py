"""What an OpenAI-compatible server sends, as far as it is read; unknown members are ignored."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from nsllm.errors import RemoteError
from nsllm.generation.remote_errors import failed_within
from nsllm.settings import Remote


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a server has."""

    id: str
    owned_by: str | None = None


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `GET /models`."""

    data: list[ModelCard]


class TokenLogprob(msgspec.Struct, frozen=True, kw_only=True):
    """A token with its natural log-probability."""

    logprob: float


class Logprobs(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a piece."""

    content: list[TokenLogprob] | None = None


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of the message."""

    content: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of the one answer."""

    delta: Delta = Delta()
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a stream: a piece, or what went wrong."""

    choices: list[Choice] = []
    error: Any = None
    """Servers differ in what it looks like."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """The next piece of a text; `finish` is set on the last."""

    text: str = ""
    logprobs: tuple[float, ...] | None = None
    """Of its tokens; None: the server does not say."""
    finish: str | None = None


async def data_lines(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the data of server-sent events; each event of this protocol is one line."""
    async for line in lines:
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()


def piece_of(data: str, remote: Remote) -> Piece:
    """Read one event.

    Raises:
        RemoteError: it is no piece of a completion, or says what went wrong.
    """
    try:
        chunk = msgspec.json.decode(data, type=Chunk)
    except msgspec.MsgspecError as error:
        raise misfit(remote, error) from error
    if chunk.error is not None:
        raise failed_within(remote, chunk.error)
    if not chunk.choices:
        return Piece()
    choice = chunk.choices[0]
    tokens = choice.logprobs.content if choice.logprobs else None
    return Piece(
        text=choice.delta.content or "",
        logprobs=None if tokens is None else tuple(token.logprob for token in tokens),
        finish=choice.finish_reason,
    )


def misfit(remote: Remote, error: Exception) -> RemoteError:
    """Return the error for an answer that is none of this protocol."""
    return RemoteError(
        f"{remote.url} does not answer as an OpenAI-compatible server does: {error}.",
        hint="Give `remote.url` with its path, such as http://host:8000/v1.",
        reason="protocol",
    )
