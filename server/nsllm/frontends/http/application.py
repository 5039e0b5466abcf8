"""The Litestar application: a route for each operation, behind the gate."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from nsllm.errors import NsllmError
from nsllm.frontends import wire
from nsllm.frontends.http import webpage
from nsllm.frontends.http.bodies import decode
from nsllm.frontends.http.catalogue import OPERATIONS
from nsllm.frontends.http.gate import (
    App,
    Exchange,
    Gate,
    Message,
    Send,
    Span,
    logger,
    problem_headers,
)
from nsllm.frontends.http.metrics import Metrics
from nsllm.frontends.http.openapi import document
from nsllm.frontends.http.operations import Call, Context, Events, Operation, Raw
from nsllm.frontends.http.problems import RequestRefused, crash
from nsllm.frontends.http.service import Service
from nsllm.frontends.http.slots import Slots
from nsllm.frontends.http.tokens import EVERYONE, Tokens
from nsllm.frontends.sessions import Sessions
from nsllm.settings import Server

_JSON = "application/json"


def build(service: Service, settings: Server, tokens: Tokens, span: Span) -> Gate:
    """Return the ASGI application."""
    slots = Slots(settings.concurrency, settings.queue)
    metrics = Metrics(slots, service.caches)
    context = Context(service, slots, metrics, Sessions(), settings)
    app = Litestar(
        [
            *(_route(operation, context) for operation in OPERATIONS),
            _openapi_route(),
            *webpage.routes(),
        ],
        openapi_config=None,
        logging_config=None,
        # The gate has read the body already, within the limit of the settings.
        request_max_body_size=None,
        exception_handlers={
            HTTPException: _tell_http,
            NsllmError: _tell,
            Exception: _tell_crash,
        },
    )
    return Gate(
        _with_all_methods(app), settings=settings, tokens=tokens, metrics=metrics, span=span
    )


def _route(operation: Operation, context: Context) -> HTTPRouteHandler:
    decoder = msgspec.json.Decoder(operation.takes)

    async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
        exchange: Exchange = request.scope["state"]["exchange"]
        exchange.route = operation.path
        client = exchange.client or EVERYONE
        if not operation.public and not client.may(operation.scope):
            raise RequestRefused(
                403,
                "scope",
                f"The token does not allow this: it lacks the scope `{operation.scope}`.",
                hint="Use another token, or make one: nsllm tokens add NAME --scope SCOPE",
            )
        try:
            if operation.method == "POST":
                body = decode(decoder, await request.body())
            else:
                body = msgspec.convert(_query(request), operation.takes, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _misfit(error) from error
        call = Call(context, exchange, client, body, request.path_params)
        return _respond(await _carry_out(operation, call))

    return HTTPRouteHandler(
        operation.path,
        http_method=operation.method,
        status_code=200,
        name=operation.id,
    )(handle)


async def _carry_out(operation: Operation, call: Call) -> object:
    if not operation.works:
        return await operation.handler(call)
    workspace = getattr(call.body, "workspace", None)
    await call.service.admit(workspace, f"http:{call.client.name}")
    async with call.context.slots.take(call.context.settings.request_timeout_s):
        return await operation.handler(call)


def _respond(result: object) -> Response[Any]:
    if isinstance(result, Events):
        return Stream(result.pieces, media_type="text/event-stream", status_code=200)
    if isinstance(result, Raw):
        return Response(result.body, media_type=result.media_type, status_code=result.status)
    return Response(wire.to_json(result).encode(), media_type=_JSON, status_code=200)


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the parameters in the address.

    Raises:
        RequestRefused: one is there twice, or is null: what is not meant is left out.
    """
    given = request.query_params
    for name, value in given.items():
        if len(given.getall(name)) > 1 or value.lower() == "null":
            raise RequestRefused(
                400,
                "request",
                f"`{name}` is in the address twice, or null.",
                hint="Send it once, or leave it out.",
            )
    return dict(given)


def _with_all_methods(app: App) -> App:
    """Name all methods of a path, and answer HEAD as GET without the body (RFC 9110, 9.3.2).

    By itself Litestar names those of a path's first handler.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            await app({**scope, "method": "GET"}, receive, _without_body(send))
            return
        known = _methods_of(scope["path"]) if scope["type"] == "http" else set()
        if not known or scope["method"] != "OPTIONS":
            await app(scope, receive, send)
            return
        allowed = _allowed(known).encode()
        headers = [(b"allow", allowed)]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return serve


def _without_body(send: Send) -> Send:
    async def reply(message: Message) -> None:
        is_body = message["type"] == "http.response.body"
        await send({**message, "body": b""} if is_body else message)

    return reply


def _openapi_route() -> HTTPRouteHandler:
    encoded = msgspec.json.encode(document(OPERATIONS))

    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        request.scope["state"]["exchange"].route = "/openapi.json"
        return Response(encoded, media_type=_JSON, status_code=200)

    return HTTPRouteHandler("/openapi.json", http_method="GET", status_code=200)(openapi)


def _misfit(error: Exception) -> RequestRefused:
    if isinstance(error, msgspec.ValidationError):
        text, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        message = f"`{key}`: {text[:1].lower()}{text[1:]}." if key else f"{text}."
        hint = "`GET /openapi.json` describes every request."
        return RequestRefused(400, "request", message, hint=hint)
    return RequestRefused(
        400, "json", f"The body is not JSON: {error}.", hint="Send one JSON object, in UTF-8."
    )


def _tell(request: Request[Any, Any, Any], error: NsllmError) -> Response[bytes]:
    exchange: Exchange = request.scope["state"]["exchange"]
    status, headers, body = problem_headers(error, exchange)
    media_type = headers.pop("Content-Type")
    return Response(body, status_code=status, headers=headers, media_type=media_type)


def _tell_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Tell what Litestar found wrong: the path, or the method."""
    if error.status_code == 405:
        allowed = _allowed(_methods_of(request.scope["path"]) or {"GET"})
        refused = RequestRefused(
            405,
            "method",
            f"This path does not take {request.method}.",
            hint=f"Use {allowed}.",
            headers=(("Allow", allowed),),
        )
        return _tell(request, refused)
    if error.status_code == 404:
        refused = RequestRefused(
            404, "path", "There is nothing at this path.", hint="`GET /openapi.json` lists all."
        )
        return _tell(request, refused)
    if error.status_code < 500:
        refused = RequestRefused(
            error.status_code, "request", f"{error.detail}.", hint="See `GET /openapi.json`."
        )
        return _tell(request, refused)
    return _tell_crash(request, error)


def _methods_of(path: str) -> set[str]:
    templates = [(each.path.partition("{")[0], each) for each in OPERATIONS]
    return {
        each.method
        for start, each in templates
        if path == each.path or (start != each.path and path.startswith(start))
    }


def _allowed(methods: set[str]) -> str:
    """Write the header `Allow`: what takes GET takes HEAD."""
    implied = {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
    return ", ".join(sorted(methods | implied))


def _tell_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    exchange: Exchange = request.scope["state"]["exchange"]
    logger.error(
        "A request failed.", exc_info=error, extra={"fields": {"request_id": exchange.request_id}}
    )
    return _tell(request, crash(error))
