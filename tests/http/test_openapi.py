"""The document that describes the API."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from nsllm.frontends.http.catalogue import OPERATIONS
from nsllm.frontends.http.openapi import document
from nsllm.frontends.http.operations import Operation

DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(document(OPERATIONS)))


def named(operation: Operation) -> str:
    return operation.id


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_its_examples_are_of_its_types(operation: Operation) -> None:
    if operation.method == "POST":
        assert operation.request is not None
        msgspec.convert(operation.request, operation.takes)
    assert operation.response is not None
    found = msgspec.to_builtins(msgspec.convert(operation.response, operation.gives))
    # Nothing in the example that the result does not have.
    assert json.dumps(found, sort_keys=True) == json.dumps(operation.response, sort_keys=True)


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_its_examples_fit_the_schemas(operation: Operation) -> None:
    path = operation.path.replace(":str", "")
    described = DOCUMENT["paths"][path][operation.method.lower()]
    contents = [described["responses"]["200"]["content"][operation.media_type]]
    if operation.method == "POST":
        contents.append(described["requestBody"]["content"]["application/json"])
    for content in contents:
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(content["examples"]["example"]["value"])


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    operations = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    assert len(operations) == len(OPERATIONS) == len({each["operationId"] for each in operations})
    assert all(each["summary"] and each["description"] for each in operations)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    schemas = DOCUMENT["components"]["schemas"]
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= schemas.keys()


def test_only_health_readiness_and_nothing_else_is_public() -> None:
    public = [each.path for each in OPERATIONS if each.public]
    assert public == ["/healthz", "/readyz"]
    assert [each.path for each in OPERATIONS if not each.public and each.scope is None] == [
        "/metrics"
    ]


def test_the_reference_is_what_the_document_makes() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts" / "generate_reference.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
