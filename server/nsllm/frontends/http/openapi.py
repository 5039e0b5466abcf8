"""The OpenAPI 3.1 document of the API, made from its operations."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from nsllm import __version__
from nsllm.frontends.http.contracts import Readiness
from nsllm.frontends.http.operations import Operation
from nsllm.frontends.http.problems import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{name}"
_DESCRIPTION = (
    "Governed answers over your own documents. Every answer has its sources, its scores, findings "
    "on exact spans, and a verdict. Errors are problem details (RFC 9457); `code` is stable."
)
_COMMON = (400, 401, 403, 421)
_BODY = (408, 413, 415)
_WORK = (500,)
_MEANINGS = {
    400: "The request does not fit.",
    401: "No valid token.",
    403: "The token lacks the scope, or a page of another site asks.",
    404: "There is no such thing.",
    408: "The body took too long.",
    409: "The server's state stands in the way, such as a model that is not there.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    421: "The Host is not a name of this server.",
    422: "The question cannot be answered, such as one beyond the model's context.",
    429: "A limit is used up; `Retry-After` says for how long.",
    500: "Something went wrong inside.",
    503: "The server is busy or being stopped; `Retry-After` says when to come back.",
    504: "The request took too long.",
    507: "The server's disk is full.",
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    listed = list(operations)
    records = {one for each in listed for one in (each.takes, each.gives) if one is not str}
    schemas, components = msgspec.json.schema_components(
        [*sorted(records, key=lambda record: record.__name__), Problem], ref_template=_REF
    )
    del schemas
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _describe(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "NS-LLM",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in listed)],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
    }


def _describe(operation: Operation, components: dict[str, Any]) -> dict[str, Any]:
    scope = f" Takes the scope `{operation.scope}`." if operation.scope else ""
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": (operation.description + scope).strip() or operation.summary,
        "responses": _responses(operation),
    }
    if operation.public:
        described["security"] = []
    parameters = [*_path_parameters(operation), *_query_parameters(operation, components)]
    if parameters:
        described["parameters"] = parameters
    if operation.method == "POST":
        content = {"schema": _ref(operation.takes), "examples": _example(operation.request)}
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": text,
            "schema": {"type": "string", "minLength": 1},
            "example": operation.response["id"],
        }
        for name, text in operation.parameters.items()
    ]


def _query_parameters(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    if operation.method != "GET" or operation.takes is str:
        return []
    properties = components[operation.takes.__name__]["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
        for name, schema in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query parameter: what is left out is not null there."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return (
        kinds[0]
        if kinds
        else {k: v for k, v in schema.items() if k != "default"}
        | ({"default": schema["default"]} if schema.get("default") is not None else {})
    )


def _responses(operation: Operation) -> dict[str, Any]:
    statuses = {*operation.errors, *(_COMMON if not operation.public else (400, 403, 421))}
    if operation.scope or operation.method == "POST":
        statuses |= set(_WORK)
    if operation.method == "POST":
        statuses |= set(_BODY)
    if operation.works or operation.streams:
        statuses.add(429)
    content: dict[str, Any] = {
        operation.media_type: {
            "schema": {"type": "string"} if operation.gives is str else _ref(operation.gives),
            "examples": _example(operation.response),
        }
    }
    if operation.streams:
        content["text/event-stream"] = {
            # A text as a whole; tools that read it event by event meet objects.
            "schema": {"type": ["string", "object"]},
            "examples": _example(operation.events),
        }
    responses: dict[str, Any] = {
        "200": {"description": operation.summary, "headers": _HEADERS, "content": content}
    }
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": _MEANINGS[status],
            "headers": _HEADERS | (_RETRY if status in (429, 503) else {}),
            "content": {MEDIA_TYPE: {"schema": _ref(Problem)}},
        }
    if operation.gives is Readiness:
        responses["503"] = {
            "description": "Not ready.",
            "headers": _HEADERS,
            "content": {"application/json": {"schema": _ref(Readiness)}},
        }
    return responses


_HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "The request's id, as in the log: the client's own, if it sent one.",
        "schema": {"type": "string"},
    }
}
_RETRY: dict[str, Any] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}
}


def _ref(record: Any) -> dict[str, str]:
    return {"$ref": _REF.format(name=record.__name__)}


def _example(value: Any) -> dict[str, Any]:
    return {"example": {"value": value}}
