"""What the parent and the generation worker say to each other, and how it is framed.

A frame is the length of its body (4 bytes, big-endian) and the body: one message in MessagePack.
Token ids go in, token ids with their log-probabilities come out; text never enters the worker.
"""

import struct
from typing import BinaryIO, Literal, Protocol, TypeVar

import msgspec

from nsllm.errors import WorkerError

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""A prompt of a million tokens takes 5 MB: more than this is no message of ours."""

_HEADER = struct.Struct(">I")

Finish = Literal["stop", "length", "cancelled"]


class Guidance(msgspec.Struct, frozen=True, kw_only=True):
    """A grammar that the generated text must follow."""

    type: Literal["json_schema", "regex", "lark_grammar"]
    data: str


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message; the name of its class is its tag."""


class Load(_Message, frozen=True, kw_only=True):
    """Load a model folder; comes first, and once."""

    folder: str
    threads: int
    provider: str


class Generate(_Message, frozen=True, kw_only=True):
    """Continue a prompt; answered by Tokens, then Done or Failed."""

    id: int
    prompt: tuple[int, ...]
    max_tokens: int
    temperature: float = 0.0
    """0 always takes the likeliest token."""
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    """Tokens that end the text, besides the model's own."""
    guidance: Guidance | None = None


class Score(_Message, frozen=True, kw_only=True):
    """Give the log-probability of each token of a continuation; answered by Scored or Failed."""

    id: int
    prompt: tuple[int, ...]
    continuation: tuple[int, ...]


class Cancel(_Message, frozen=True, kw_only=True):
    """End the request with this id: at once if it runs, as soon as it is met if it waits."""

    id: int


class Shutdown(_Message, frozen=True, kw_only=True):
    """End the process."""


class Loaded(_Message, frozen=True, kw_only=True):
    """The model is ready."""

    load_ms: float
    device: str
    """What it runs on, as the library names it: CPU, CUDA, DML."""
    context_tokens: int
    memory_bytes: int | None
    """The most memory that the process has held; None where the platform does not tell."""


class Tokens(_Message, frozen=True, kw_only=True):
    """The next tokens of an answer, each with its natural log-probability under the model."""

    id: int
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


class Done(_Message, frozen=True, kw_only=True):
    """The end of an answer; the token that ended it is not part of it."""

    id: int
    finish: Finish
    prefill_ms: float
    decode_ms: float


class Scored(_Message, frozen=True, kw_only=True):
    """One log-probability for each token of the continuation; empty when cancelled."""

    id: int
    logprobs: tuple[float, ...]
    cancelled: bool = False


class Failed(_Message, frozen=True, kw_only=True):
    """The request, or the loading where `id` is None, failed: an NsllmError by its code."""

    id: int | None
    code: str
    message: str
    hint: str


Request = Load | Generate | Score | Cancel | Shutdown
Reply = Loaded | Tokens | Done | Scored | Failed

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class _AsyncSource(Protocol):
    """The part of asyncio.StreamReader that is used here."""

    async def readexactly(self, n: int, /) -> bytes: ...


def encode(message: Request | Reply) -> bytes:
    """Return one frame.

    Raises:
        WorkerError: the message is larger than a frame may be.
    """
    body = _encoder.encode(message)
    _check_length(len(body))
    return _HEADER.pack(len(body)) + body


def read_request(stream: BinaryIO) -> Request | None:
    """Read the next request, or None at the end of the stream.

    Raises:
        WorkerError: the stream ends within a frame, or holds something else.
    """
    header = stream.read(_HEADER.size)
    if not header:
        return None
    length = _length(header)
    return _decode(stream.read(length), length, _requests)


class ReplyReader:
    """Reads replies from a stream; a read that is cancelled loses nothing of the stream."""

    def __init__(self, stream: _AsyncSource) -> None:
        self._stream = stream
        self._awaited: int | None = None

    async def read(self) -> Reply:
        """Read the next reply.

        Raises:
            EOFError: the stream ended, between two frames or within one.
            WorkerError: the stream holds something else than frames.
        """
        if self._awaited is None:
            self._awaited = _length(await self._stream.readexactly(_HEADER.size))
        body = await self._stream.readexactly(self._awaited)
        self._awaited = None
        return _decode(body, len(body), _replies)


def _length(header: bytes) -> int:
    if len(header) < _HEADER.size:
        raise _broken("it ends within the length of a frame")
    length: int = _HEADER.unpack(header)[0]
    _check_length(length)
    return length


def _check_length(length: int) -> None:
    if length > MAX_FRAME_BYTES:
        raise _broken(f"a frame of {length} bytes is larger than {MAX_FRAME_BYTES}")


def _decode(body: bytes, length: int, decoder: msgspec.msgpack.Decoder[_T]) -> _T:
    if len(body) < length:
        raise _broken(f"it ends after {len(body)} of {length} bytes of a frame")
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise _broken(str(error).rstrip(".")) from error


def _broken(reason: str) -> WorkerError:
    return WorkerError(
        f"The generation worker's pipe holds no valid message: {reason}.",
        hint="Ask again: a new worker is started. If it comes back, run `nsllm doctor`.",
    )
