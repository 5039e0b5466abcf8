"""What every request passes before it reaches an operation, and what is noted when it ends."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from nsllm.errors import NsllmError, SettingsError
from nsllm.frontends.http import webpage
from nsllm.frontends.http.bodies import (
    Disconnected,
    Receive,
    check_depth,
    check_media_type,
    read_body,
)
from nsllm.frontends.http.hosts import Hosts
from nsllm.frontends.http.metrics import Metrics
from nsllm.frontends.http.problems import (
    MEDIA_TYPE,
    RequestRefused,
    crash,
    headers_of,
    problem_of,
)
from nsllm.frontends.http.tokens import EVERYONE, Client, Tokens
from nsllm.settings import Server

logger = logging.getLogger("nsllm.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application; frameworks type its messages each in their own way."""
Span = Callable[[Scope, "Exchange"], AbstractContextManager[None]]

PUBLIC = frozenset({"/healthz", "/readyz", "/openapi.json", *webpage.FILES})
"""What is answered without a token: nothing there is about documents, questions or folders."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_METHODS = _BODILESS | {"CONNECT", "DELETE", "PATCH", "POST", "PUT"}
_VERSIONS = frozenset({"1.0", "1.1"})
_CLOSED_BY_CLIENT = 499


class Exchange:
    """One request and what is known of its response."""

    def __init__(self, scope: Scope) -> None:
        self.headers = _single(scope["headers"])
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.started = time.perf_counter()
        self.client: Client | None = None
        self.route = "unmatched"
        self.status = 0
        self.is_complete = False
        self.cors: str | None = None

    @property
    def known_method(self) -> str:
        """The method; `_OTHER` where HTTP has none such, since clients may make up any number.

        OpenTelemetry's conventions name it so.
        """
        return self.method if self.method in _METHODS else "_OTHER"

    @property
    def is_openai(self) -> bool:
        """Whether an OpenAI client waits for the answer."""
        return self.path.startswith("/v1/")


class Gate:
    """An ASGI application around another one."""

    def __init__(
        self, app: App, *, settings: Server, tokens: Tokens, metrics: Metrics, span: Span
    ) -> None:
        self._app = app
        self._settings = settings
        self._tokens = tokens
        self._metrics = metrics
        self._span = span
        self._hosts = Hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope)
        scope.setdefault("state", {})["exchange"] = exchange
        reply = _noting(exchange, send)
        with self._span(scope, exchange):
            try:
                await self._serve(scope, exchange, receive, reply)
            except Disconnected:
                exchange.status = exchange.status or _CLOSED_BY_CLIENT
            except asyncio.CancelledError:
                await _refuse_if_open(exchange, reply, _stopping())
            except NsllmError as error:
                await _refuse_if_open(exchange, reply, error)
            except Exception as error:
                logger.exception("A request failed.", extra={"fields": _fields(exchange)})
                await _refuse_if_open(exchange, reply, crash(error))
            finally:
                self._end(exchange)

    async def _serve(self, scope: Scope, exchange: Exchange, receive: Receive, reply: Send) -> None:
        if scope["http_version"] not in _VERSIONS:
            raise RequestRefused(
                505, "version", "That version of HTTP is not spoken.", hint="Use HTTP/1.1."
            )
        if _is_ambiguous(scope):
            raise RequestRefused(
                400, "headers", "The headers contradict each other.", hint="Send each once."
            )
        headers = exchange.headers
        self._hosts.check_host(headers.get("host"))
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        exchange.cors = self._hosts.check_origin(origin, site, headers.get("host"))
        if exchange.cors and exchange.method == "OPTIONS":
            await reply({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await reply({"type": "http.response.body", "body": b""})
            return
        exchange.client = self._authenticate(exchange)
        body = b""
        if exchange.client is not None and exchange.method not in _BODILESS:
            limit_bytes = self._settings.max_body_bytes
            body = await read_body(receive, headers.get("content-length"), limit_bytes)
            if body:
                check_media_type(headers.get("content-type"))
                check_depth(body)
        await self._run(scope, exchange, body, receive, reply)

    def _authenticate(self, exchange: Exchange) -> Client | None:
        if not self._settings.require_token:
            return EVERYONE
        scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
        try:
            client = self._tokens.find(token.strip()) if scheme.lower() == "bearer" else None
        except SettingsError as error:
            # Where the file is concerns its owner, not whoever asks.
            logger.error("No token can be checked: %s", error)  # noqa: TRY400
            raise RequestRefused(
                500, "tokens", "The server cannot check tokens.", hint="Its log says why."
            ) from error
        if client is None and exchange.path not in PUBLIC:
            raise RequestRefused(
                401,
                "token",
                "The request has no valid token.",
                hint="Send `Authorization: Bearer TOKEN`; `nsllm tokens show` prints the owner's.",
                headers=(("WWW-Authenticate", 'Bearer realm="nsllm"'),),
            )
        return client

    async def _run(
        self, scope: Scope, exchange: Exchange, body: bytes, receive: Receive, reply: Send
    ) -> None:
        """Run the application, and cancel it if the client leaves."""
        gone = asyncio.Event()
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        work = asyncio.ensure_future(self._app(scope, replay, reply))
        watcher = asyncio.create_task(watch())
        try:
            await asyncio.wait({work, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not exchange.is_complete:
                work.cancel()
                await asyncio.wait({work})
                raise Disconnected
            await work
        finally:
            watcher.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    def _end(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        self._metrics.count_request(exchange.known_method, exchange.route, exchange.status, seconds)
        fields = _fields(exchange) | {"status": exchange.status, "ms": round(seconds * 1000, 1)}
        logger.info("request", extra={"fields": fields})


_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-Request-ID"),
    (b"access-control-max-age", b"600"),
]


def problem_headers(error: NsllmError, exchange: Exchange) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the response that tells an error."""
    problem = problem_of(error, exchange.request_id, openai=exchange.is_openai)
    headers = {"Content-Type": MEDIA_TYPE, **headers_of(error, problem)}
    return problem.status, headers, msgspec.json.encode(problem)


async def _refuse_if_open(exchange: Exchange, reply: Send, error: NsllmError) -> None:
    if exchange.status:
        return
    status, headers, body = problem_headers(error, exchange)
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await reply({"type": "http.response.start", "status": status, "headers": encoded})
    await reply({"type": "http.response.body", "body": body})


def _noting(exchange: Exchange, send: Send) -> Send:
    """Return a send that notes the status, and adds the headers that every response has."""

    async def reply(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            own = [
                (b"x-request-id", exchange.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"cache-control", b"no-store"),
            ]
            if exchange.cors:
                own += [
                    (b"access-control-allow-origin", exchange.cors.encode("latin-1")),
                    (b"access-control-expose-headers", b"X-Request-ID, Retry-After"),
                    (b"vary", b"Origin"),
                ]
            names = {name for name, _ in own}
            kept = [pair for pair in message["headers"] if pair[0].lower() not in names]
            message = {**message, "headers": kept + own}
        elif not message.get("more_body", False):
            exchange.is_complete = True
        await send(message)

    return reply


def _single(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _is_ambiguous(scope: Scope) -> bool:
    """Tell whether two servers could read the request differently (request smuggling)."""
    names = [name.lower() for name, _ in scope["headers"]]
    once = (b"host", b"content-length", b"transfer-encoding", b"authorization", b"origin")
    has_both = b"content-length" in names and b"transfer-encoding" in names
    path: bytes = scope.get("raw_path", b"/")
    return has_both or any(names.count(name) > 1 for name in once) or not path.startswith(b"/")


def _fields(exchange: Exchange) -> dict[str, object]:
    return {
        "request_id": exchange.request_id,
        "method": exchange.known_method,
        "route": exchange.route,
        "client": exchange.client.name if exchange.client else None,
    }


def _stopping() -> RequestRefused:
    return RequestRefused(
        503, "stopping", "The server is being stopped.", hint="Ask again after its restart."
    )
