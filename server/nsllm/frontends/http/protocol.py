"""HTTP/1.1 on one connection: as uvicorn speaks it, with deadlines, limits and problem details."""

import asyncio
from typing import Any

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from nsllm.errors import NsllmError
from nsllm.frontends.http.problems import MEDIA_TYPE, RequestRefused, headers_of, problem_of

HEADER_S = 10.0
"""Longest time for sending the head of a request."""

STALL_S = 30.0
"""Longest time for which a client may take nothing of what is sent to it.

The system says that there is room again when a third of its own buffer is, so that a slow client
seems to take nothing for a while.
"""

MAX_CONNECTIONS = 1_000
LAST_CALL_S = 0.3
"""What was sent while the server was told to stop is still read for so long."""


class Protocol(H11Protocol):
    """A connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._is_draining = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections."""
        super().connection_made(transport)
        # Whatever the system does not take at once counts as waiting for the client. Not 0: with
        # TLS, asyncio would take an empty buffer for a full one.
        transport.set_write_buffer_limits(high=1)
        if len(self.connections) > MAX_CONNECTIONS:
            refusal = RequestRefused(
                503, "busy", "There are too many connections.", hint="Come back a little later."
            )
            self._refuse(refusal)
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that comes too slowly ends the connection."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect_head()
        else:
            self._forget_deadline()
        if self._is_draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget_deadline()
        self._forget_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to take what was sent; whoever takes nothing is left behind."""
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        """Send on."""
        self._forget_stall()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Close after the last response of a server that stops."""
        super().on_response_complete()
        if self._is_draining and not self.transport.is_closing():
            self.transport.close()

    def shutdown(self) -> None:
        """Finish what is under way; what is on the line already is still taken."""
        if self.cycle is None or self.cycle.response_complete:
            if not self._is_draining:
                self._is_draining = True
                self.loop.call_later(LAST_CALL_S, self._close_if_idle)
            return
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(RequestRefused(400, "http", msg, hint="Send a well-formed HTTP/1.1 request."))

    def _refuse(self, refusal: NsllmError) -> None:
        problem = problem_of(refusal, "")
        body = msgspec.json.encode(problem)
        headers = {
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
            **headers_of(refusal, problem),
        }
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            lines = [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join([f"HTTP/1.1 {problem.status} {problem.title}", *lines, "", ""])
            self.transport.write(head.encode("latin-1") + body)
        self.transport.close()

    def _close_if_idle(self) -> None:
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _expect_reader(self) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(STALL_S, self._check_reader, left_bytes)

    def _check_reader(self, left_before: int) -> None:
        if self.transport.get_write_buffer_size() >= left_before:
            # Closing would wait for the client as well.
            self.transport.abort()
            return
        self._expect_reader()

    def _forget_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_S, self._give_up)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(
                RequestRefused(
                    408,
                    "timeout",
                    f"No request came within {HEADER_S:.0f} s.",
                    hint="Send the request at once.",
                )
            )
