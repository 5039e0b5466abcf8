"""Bytes to messages and back: framed streams (stdio, TCP) and WebSockets."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_READ_BYTES = 65_536


class Writer(Protocol):
    """Where messages go; `close` is never called on the process's own stdout."""

    def write(self, data: bytes) -> None:
        """Write one message with its header."""

    def close(self) -> None:
        """Close the connection."""


class Frames:
    """Cut a stream of bytes into the bodies of its messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes and yield the bodies that they complete."""
        self._buffer += data
        while (body := self._next()) is not None:
            yield body

    def _next(self) -> bytes | None:
        while True:
            header_end = self._buffer.find(b"\r\n\r\n")
            if header_end < 0:
                return None
            match = _LENGTH.search(self._buffer[:header_end].replace(b"\r\n", b"\n"))
            body_start = header_end + 4
            if match is None:
                # Not a header of the protocol: something else wrote to the stream. Skip it.
                del self._buffer[:body_start]
                continue
            body_end = body_start + int(match[1])
            if len(self._buffer) < body_end:
                return None
            body = bytes(self._buffer[body_start:body_end])
            del self._buffer[:body_end]
            return body


def frame(body: bytes) -> bytes:
    """Put the header before a body."""
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class StdioStreams:
    """The process's own stdin and stdout, taken away from everything else.

    What prints, and what child processes inherit, must not mix with the protocol: descriptor 1
    becomes stderr, and descriptor 0 becomes empty.
    """

    def __init__(self) -> None:
        self._in = os.dup(0)
        self._out = os.dup(1)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        _set_binary(self._in)
        _set_binary(self._out)
        self._frames = Frames()

    def read(self) -> list[bytes] | None:
        """Wait for bytes and return the bodies they complete; None at the end of the input."""
        data = os.read(self._in, _READ_BYTES)
        return list(self._frames.feed(data)) if data else None

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._out, view) :]

    def close(self) -> None:
        """Leave the descriptor open: the process is about to end."""

    async def bodies(self) -> AsyncIterator[bytes]:
        """Yield messages as a thread reads them.

        The thread is a daemon on a bare descriptor: nothing can unblock a read, and one that
        waits must not keep a finished server alive.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[list[bytes] | None] = asyncio.Queue()

        def pump() -> None:
            bodies: list[bytes] | None = []
            while bodies is not None:
                try:
                    bodies = self.read()
                except OSError:
                    bodies = None
                try:
                    loop.call_soon_threadsafe(queue.put_nowait, bodies)
                except RuntimeError:
                    return  # the loop is closed: nobody listens any more

        threading.Thread(target=pump, name="stdin", daemon=True).start()
        while (bodies := await queue.get()) is not None:
            for body in bodies:
                yield body


async def read_header(reader: asyncio.StreamReader) -> bytes:
    """Return the first line of a TCP connection, or nothing where it is none of the protocol."""
    try:
        line = await reader.readuntil(b"\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        return b""
    return line if line.lower().startswith(b"content-") else b""


async def stream_bodies(
    reader: asyncio.StreamReader, beginning: bytes = b""
) -> AsyncIterator[bytes]:
    """Yield the messages of a TCP connection of which `beginning` was read already."""
    frames = Frames()
    data = beginning
    while data:
        for body in frames.feed(data):
            yield body
        data = await reader.read(_READ_BYTES)


def _set_binary(descriptor: int) -> None:
    """Stop Windows from translating line ends on a descriptor."""
    try:
        import msvcrt
    except ImportError:
        return
    msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
