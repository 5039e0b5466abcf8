"""Write docs/API_REFERENCE.md from the API's OpenAPI document.

python scripts/generate_reference.py [--check]

With --check nothing is written, and the status is 1 if the page is stale.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "server"))

from nsllm.frontends.http.catalogue import OPERATIONS  # noqa: E402 - from this script's own tree
from nsllm.frontends.http.openapi import document  # noqa: E402

PAGE = Path("docs/API_REFERENCE.md")
_HEAD = """# Reference of the HTTP API

Generated from the server's OpenAPI document by `scripts/generate_reference.py`; do not edit
it here.
[API.md](API.md) says how to get a token, ask, and read errors. `GET /openapi.json` returns the
document itself, and [nsllm.postman_collection.json](nsllm.postman_collection.json) has every
operation as a request for Postman.
"""
_RANGES = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "{} or more characters",
    "maxLength": "up to {} characters",
    "minItems": "{} or more",
    "maxItems": "up to {}",
    "pattern": "pattern `{}`",
}


def text() -> str:
    """Return the page."""
    described = json.loads(msgspec.json.encode(document(OPERATIONS)))
    return "\n".join(_lines(described)).rstrip() + "\n"


def stale() -> list[Path]:
    """Return the page, if it is not what the document makes."""
    path = ROOT / PAGE
    found = path.read_text(encoding="utf-8") if path.exists() else None
    return [] if found == text() else [PAGE]


def _lines(described: dict[str, Any]) -> Iterator[str]:
    yield _HEAD
    schemas = described["components"]["schemas"]
    for tag in described["tags"]:
        yield from [f"## {tag['name']}", ""]
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                if operation["tags"][0] == tag["name"]:
                    yield from _operation(method.upper(), path, operation, schemas)
    yield from ["## Records", ""]
    for name, schema in sorted(schemas.items()):
        yield from [f"### {name}", "", schema.get("description", ""), ""]
        yield from _table(schema)


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> Iterator[str]:
    yield from [f"### {method} {path}", "", f"**{operation['summary']}.**", ""]
    if operation["description"] != operation["summary"]:
        yield from [operation["description"], ""]
    if operation.get("security") == []:
        yield from ["Takes no token.", ""]
    if parameters := operation.get("parameters"):
        yield from ["| Parameter | In | Type | |", "|---|---|---|---|"]
        for one in parameters:
            kind = _kind(one["schema"])
            yield f"| `{one['name']}` | {one['in']} | {kind} | {_note(one['schema'], one)} |"
        yield ""
    if body := operation.get("requestBody"):
        content = body["content"]["application/json"]
        yield from [f"Takes {_kind(content['schema'])}:", ""]
        yield from _table(schemas[_name(content["schema"])])
        yield from _example("json", content["examples"]["example"]["value"])
    for media_type, content in operation["responses"]["200"]["content"].items():
        yield from [f"Returns {_kind(content['schema'])} (`{media_type}`):", ""]
        yield from _example(_language(media_type), content["examples"]["example"]["value"])
    statuses = [status for status in operation["responses"] if status != "200"]
    yield from ["| Status | |", "|---|---|"]
    for status in statuses:
        yield f"| {status} | {operation['responses'][status]['description']} |"
    yield ""


def _table(schema: dict[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        yield from [f"One of {_kind(schema)}.", ""]
        return
    if not schema["properties"]:
        return
    required = set(schema.get("required", ()))
    yield from ["| Key | Type | |", "|---|---|---|"]
    for key, own in schema["properties"].items():
        must = "required" if key in required else ""
        note = "; ".join(filter(None, [must, _note(own, {})]))
        yield f"| `{key}` | {_kind(own)} | {note} |"
    yield ""


def _kind(schema: dict[str, Any]) -> str:
    """Return the type of a value in words, with a link where it is a record."""
    if "$ref" in schema:
        name = _name(schema)
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" if schema.get("items") else "list"
    types = schema.get("type", "anything")
    return types if isinstance(types, str) else " or ".join(types)


def _note(schema: dict[str, Any], parameter: dict[str, Any]) -> str:
    """Return what else holds of a value: ranges, default, description."""
    parts = [parameter["description"]] if "description" in parameter else []
    for one in [schema, *schema.get("anyOf", ())]:
        parts += [form.format(one[key]) for key, form in _RANGES.items() if key in one]
    if schema.get("default") is not None:
        parts.append(f"default `{json.dumps(schema['default'])}`")
    return "; ".join(parts).replace("|", "\\|")


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[1]


def _language(media_type: str) -> str:
    return "json" if media_type == "application/json" else "text"


def _example(language: str, value: Any) -> Iterator[str]:
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    yield from [f"```{language}", shown.rstrip(), "```", ""]


def main() -> int:
    """Write the page, or tell that it is stale."""
    found = stale()
    if "--check" in sys.argv[1:]:
        print("\n".join(f"Stale: {path}" for path in found))
        return 1 if found else 0
    (ROOT / PAGE).write_text(text(), encoding="utf-8")
    print(f"Written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
