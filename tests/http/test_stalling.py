"""Clients that take nothing of what is sent to them: by order, with a clock of the test's own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from nsllm.frontends.http.protocol import STALL_S, Protocol


class Clock:
    """The part of an event loop that a connection is timed by."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def call_later(self, delay_s: float, work: Callable[..., None], *args: Any) -> "Timer":
        entry = (delay_s, work, args)
        self.due.append(entry)
        return Timer(self, entry)

    def pass_stall(self) -> None:
        """Let the time pass that a client has for taking something."""
        for entry in [one for one in self.due if one[0] == STALL_S]:
            self.due.remove(entry)
            entry[1](*entry[2])


class Timer:
    """What `call_later` returns."""

    def __init__(self, clock: Clock, entry: Any) -> None:
        self._clock, self._entry = clock, entry

    def cancel(self) -> None:
        if self._entry in self._clock.due:
            self._clock.due.remove(self._entry)


class Line(asyncio.Transport):
    """A connection of which the client takes what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.left_bytes = 0
        self.is_aborted = False
        self.limit_bytes: int | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del low
        self.limit_bytes = high

    def get_write_buffer_size(self) -> int:
        return self.left_bytes

    def abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def connection(clock: Clock, line: Line) -> Protocol:

    async def nothing(_scope: Any, _receive: Any, _send: Any) -> None:
        pass

    config = uvicorn.Config(nothing, log_config=None, lifespan="off")
    config.load()
    made = Protocol(config=config, server_state=ServerState(), app_state={}, _loop=clock)
    made.connection_made(line)
    return made


def test_a_client_that_takes_nothing_is_left_behind(
    connection: Protocol, clock: Clock, line: Line
) -> None:
    assert line.limit_bytes == 1
    line.left_bytes = 1000
    connection.pause_writing()
    assert not line.is_aborted
    clock.pass_stall()
    assert line.is_aborted


def test_a_client_that_takes_a_little_is_waited_for(
    connection: Protocol, clock: Clock, line: Line
) -> None:
    line.left_bytes = 1000
    connection.pause_writing()
    for left_bytes in (999, 500, 1):
        line.left_bytes = left_bytes
        clock.pass_stall()
        assert not line.is_aborted
    clock.pass_stall()
    assert line.is_aborted


@pytest.mark.parametrize("is_over", [False, True])
def test_nobody_is_waited_for_once_all_is_taken(
    connection: Protocol, clock: Clock, line: Line, is_over: bool
) -> None:
    line.left_bytes = 1000
    connection.pause_writing()
    if is_over:
        connection.connection_lost(ConnectionResetError())
    else:
        connection.resume_writing()
    clock.pass_stall()
    assert not line.is_aborted
