"""Write the Postman collection from the API's OpenAPI document.

python scripts/generate_postman.py [--check]

Every operation is a request with the document's own example; every request asserts the status, the
media type and the schema of what comes back. `newman run` carries it out:

newman run docs/nsllm.postman_collection.json --env-var baseUrl=URL --env-var token=TOKEN

With --check nothing is written, and the status is 1 if the file is stale.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "server"))

from nsllm.frontends.http.catalogue import OPERATIONS  # noqa: E402 - from this script's own tree
from nsllm.frontends.http.openapi import document  # noqa: E402

COLLECTION = Path("docs/nsllm.postman_collection.json")
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_EVENTS = "text/event-stream"
_PROBLEM = "application/problem+json"


def collection() -> dict[str, Any]:
    """Return the collection: a folder for each tag, and one for what is refused."""
    described = json.loads(msgspec.json.encode(document(OPERATIONS)))
    folders: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in described["tags"]}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            folders[operation["tags"][0]] += _requests(method.upper(), path, operation)
    info = described["info"]
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:nsllm:postman")),
            "name": info["title"],
            "description": f"{info['description']}\n\nSet `baseUrl` and `token`: "
            "`nsllm tokens show` prints the owner's.",
            "version": info["version"],
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{token}}", type="string")]},
        "variable": [
            _pair("baseUrl", "http://127.0.0.1:8642"),
            _pair("token", ""),
            _pair("schemas", _definitions(described["components"]["schemas"])),
        ],
        "item": [
            *({"name": tag, "item": requests} for tag, requests in folders.items()),
            {"name": "Refusals", "item": _refusals()},
        ],
    }


def text() -> str:
    """Return the collection as the file holds it."""
    return json.dumps(collection(), indent=2, ensure_ascii=False) + "\n"


def stale() -> list[Path]:
    """Return the file, if it is not what the document makes."""
    path = ROOT / COLLECTION
    found = path.read_text(encoding="utf-8") if path.exists() else None
    return [] if found == text() else [COLLECTION]


def _requests(method: str, path: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the request of an operation, and the one for its events where it has them."""
    content = operation["responses"]["200"]["content"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example: Any = body["examples"]["example"]["value"] if body else None
    description = operation["description"]
    is_public = operation.get("security") == []
    asked = _request(method, _filled(path, operation), example, public=is_public)
    made = [_item(operation["summary"], description, asked, _expected(200, content))]
    if _EVENTS in content:
        # OpenAI's clients ask for a stream in the body, everyone else in the header.
        is_openai = path.startswith("/v1/")
        streamed = {**example, "stream": True} if is_openai else example
        asked = _request(method, path, streamed, accept=_EVENTS)
        end = "data: [DONE]" if is_openai else "event: answer"
        tests = [*_status(200, _EVENTS), *_holds(end)]
        made.append(_item(f"{operation['summary']}, in pieces", description, asked, tests))
    return made


def _refusals() -> list[dict[str, Any]]:
    question = {"question": "How long are readings kept?"}
    cases: list[tuple[str, int, str, dict[str, Any]]] = [
        ("No token", 401, "token", _request("GET", "/api/models", None, public=True)),
        ("No such key", 400, "request", _request("POST", "/api/search", {"colour": 1})),
        ("Nothing asked", 400, "request", _request("POST", "/api/hybrid-query", {"question": ""})),
        (
            "No such model",
            404,
            "model.unknown",
            _request("POST", "/api/hybrid-query", {**question, "model": "nobodys"}),
        ),
        (
            "No such workspace",
            404,
            "workspace.unknown",
            _request("POST", "/api/hybrid-query", {**question, "workspace": "nobodys"}),
        ),
        ("Nothing at the path", 404, "path", _request("GET", "/api/nothing", None)),
    ]
    return [
        _item(
            name,
            "A problem (RFC 9457), with a code that is stable.",
            asked,
            [
                *_status(status, _PROBLEM),
                *_fits("Problem"),
                _test(f"code {code}", f'pm.expect(pm.response.json().code).to.equal("{code}")'),
            ],
        )
        for name, status, code, asked in cases
    ]


def _expected(status: int, content: dict[str, Any]) -> list[str]:
    [media_type] = [kind for kind in content if kind != _EVENTS]
    tests = _status(status, media_type)
    schema = content[media_type]["schema"]
    if "$ref" in schema:
        return [*tests, *_fits(schema["$ref"].rsplit("/", 1)[1])]
    return [*tests, *_holds("nsllm_requests_running")]


def _status(status: int, media_type: str) -> list[str]:
    return [
        _test(f"status {status}", f"pm.response.to.have.status({status})"),
        _test(
            media_type,
            f'pm.expect(pm.response.headers.get("Content-Type")).to.include("{media_type}")',
        ),
        _test("a request id", 'pm.response.to.have.header("X-Request-ID")'),
    ]


def _fits(record: str) -> list[str]:
    return [
        'const definitions = JSON.parse(pm.collectionVariables.get("schemas"));',
        _test(
            f"the schema of {record}",
            f'pm.response.to.have.jsonSchema({{ $ref: "#/definitions/{record}", definitions }})',
        ),
    ]


def _holds(words: str) -> list[str]:
    return [_test(words, f'pm.expect(pm.response.text()).to.include("{words}")')]


def _test(name: str, assertion: str) -> str:
    return f'pm.test("{name}", () => {assertion});'


def _item(name: str, description: str, asked: dict[str, Any], tests: list[str]) -> dict[str, Any]:
    script = {"type": "text/javascript", "exec": tests}
    return {
        "name": name,
        "request": {**asked, "description": description},
        "event": [{"listen": "test", "script": script}],
    }


def _request(
    method: str, path: str, body: Any, *, public: bool = False, accept: str = "application/json"
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "method": method,
        "header": [_pair("Accept", accept)],
        "url": {"raw": f"{{{{baseUrl}}}}{path}", "host": ["{{baseUrl}}"], "path": _parts(path)},
    }
    if public:
        made["auth"] = {"type": "noauth"}
    if body is not None:
        made["header"].append(_pair("Content-Type", "application/json"))
        raw = json.dumps(body, indent=2, ensure_ascii=False)
        made["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    return made


def _filled(path: str, operation: dict[str, Any]) -> str:
    """Return the path with the examples of its parameters."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    return path


def _parts(path: str) -> list[str]:
    return path.strip("/").split("/")


def _definitions(schemas: dict[str, Any]) -> str:
    """Return the schemas as one text, for the validator inside Postman."""
    found = json.dumps(schemas, ensure_ascii=False, separators=(",", ":"))
    return found.replace("#/components/schemas/", "#/definitions/")


def _pair(key: str, value: str, **more: str) -> dict[str, str]:
    return {"key": key, "value": value, **more}


def main() -> int:
    """Write the file, or tell that it is stale."""
    found = stale()
    if "--check" in sys.argv[1:]:
        print("\n".join(f"Stale: {path}" for path in found))
        return 1 if found else 0
    (ROOT / COLLECTION).write_text(text(), encoding="utf-8")
    print(f"Written: {COLLECTION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
