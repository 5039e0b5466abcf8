"""An operation of the API: its contract, its examples, and the function that carries it out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from nsllm.frontends.http.gate import Exchange
from nsllm.frontends.http.metrics import Metrics
from nsllm.frontends.http.service import Service
from nsllm.frontends.http.slots import Slots
from nsllm.frontends.http.tokens import Client, Scope
from nsllm.frontends.sessions import Sessions
from nsllm.settings import Server


class Context(NamedTuple):
    """What all operations work with."""

    service: Service
    slots: Slots
    metrics: Metrics
    sessions: Sessions
    settings: Server


class Call(NamedTuple):
    """One call of an operation; `body` is decoded already."""

    context: Context
    exchange: Exchange
    client: Client
    body: Any
    path: Mapping[str, str]

    @property
    def service(self) -> Service:
        """The workspaces and models."""
        return self.context.service

    @property
    def wants_events(self) -> bool:
        """Whether the client asks for server-sent events."""
        return "text/event-stream" in self.exchange.headers.get("accept", "")


class Raw(NamedTuple):
    """A result that is not JSON, or has another status than 200."""

    body: bytes
    media_type: str = "application/json"
    status: int = 200


class Events(NamedTuple):
    """A result in pieces: server-sent events, each encoded already."""

    pieces: AsyncIterator[bytes]


Handler = Callable[[Call], Awaitable[object]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path.

    `takes` is the record of the body (POST) or of the query (GET). An operation that `works` takes
    a slot, and is ended when it takes too long.
    """

    method: Literal["GET", "POST"]
    path: str
    id: str
    tag: str
    summary: str
    description: str = ""
    takes: Any
    gives: Any
    handler: Handler
    scope: Scope | None = None
    public: bool = False
    works: bool = False
    media_type: str = "application/json"
    streams: bool = False
    request: Mapping[str, Any] | None = None
    """An example of the body."""
    response: Any = None
    """An example of the result."""
    events: str = ""
    """An example of the result as server-sent events."""
    errors: tuple[int, ...] = ()
    """Statuses of its own, besides those that every operation may answer with."""
    parameters: Mapping[str, str] = {}
    """Descriptions of the parameters in the path."""
