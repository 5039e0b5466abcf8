"""Request bodies: how large, how slow and how deeply nested they may be."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

import msgspec

from nsllm.frontends.http.problems import RequestRefused

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects; no request needs more than five levels."""

_EXACT = 2.0**53
"""Below this a float is the whole number that was meant."""

BODY_S = 20.0
"""Longest time for sending a body."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

# A string without an end is taken up to the body's end: looked for again behind each of its escaped
# quotes, it would take time with the square of its length.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


_Record = TypeVar("_Record")


def decode(decoder: msgspec.json.Decoder[_Record], body: bytes) -> _Record:
    """Decode a body; a whole number may be written with a fraction of zero, as JSON Schema has it.

    Raises:
        msgspec.MsgspecError: it is not what the decoder takes.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        found = _whole(msgspec.json.decode(body))
        return decoder.decode(msgspec.json.encode(found))


def _whole(value: Any) -> Any:
    """Return the value with integers for whole numbers."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


class Disconnected(Exception):  # noqa: N818 - it is no error that a client leaves
    """The client has gone before its request was complete."""


async def read_body(receive: Receive, declared: str | None, limit_bytes: int) -> bytes:
    """Read a whole body.

    Raises:
        RequestRefused: it is too large, or took too long.
        Disconnected: the client left.
    """
    if declared is not None and declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    parts: list[bytes] = []
    size_bytes = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                part = message.get("body", b"")
                size_bytes += len(part)
                if size_bytes > limit_bytes:
                    raise _too_large(limit_bytes)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise RequestRefused(
            408,
            "timeout",
            f"The body did not come within {BODY_S:.0f} s.",
            hint="Send the request again, at once.",
            headers=(("Connection", "close"),),
        ) from None


def check_depth(body: bytes) -> None:
    """Look for nesting that decoding could choke on; whether it is JSON at all is not checked.

    Raises:
        RequestRefused: arrays and objects are nested too deeply.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(body):
        first = body[match.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise RequestRefused(
                    400,
                    "json",
                    f"The JSON is nested more than {MAX_DEPTH} levels deep.",
                    hint="No request of this API needs that.",
                )
        elif first in b"]}":
            depth -= 1


def check_media_type(content_type: str | None) -> None:
    """Take JSON only: forms and plain text are what other sites can send without being asked.

    Raises:
        RequestRefused: it is something else.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestRefused(
            415,
            "media-type",
            "The body is not declared as JSON.",
            hint="Send `Content-Type: application/json`.",
        )


def _too_large(limit_bytes: int) -> RequestRefused:
    return RequestRefused(
        413,
        "body.large",
        f"The body is larger than {limit_bytes:,} bytes.",
        hint="Send less at once, or raise `server.max_body_bytes`.",
        headers=(("Connection", "close"),),
    )
