"""`[limits]` over HTTP: whatever costs work is counted, and nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from http_live import Live
from nsllm.frontends.http.catalogue import OPERATIONS
from nsllm.frontends.http.operations import Operation
from nsllm.frontends.http.tokens import SCOPES, Tokens

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
Start = Callable[..., Live]
COSTLY = [each for each in OPERATIONS if each.works or each.streams]


def asked(operation: Operation) -> Any:
    return msgspec.to_builtins(operation.request)


def test_all_that_takes_a_body_costs_work() -> None:
    """What a GET returns is at hand; a new operation must not be left out by mistake."""
    assert {each.path for each in COSTLY} == {
        each.path for each in OPERATIONS if each.method == "POST"
    }


def test_every_route_that_costs_work_is_limited(start: Start) -> None:
    server = start(toml="[limits]\nrequests_per_minute = 1\n").ready()
    for number, operation in enumerate(COSTLY):
        token = Tokens(server.home / "server").add(f"client-{number}", SCOPES)
        with server.client(token) as client:
            # A search is over long before a minute's share is there again.
            assert client.post("/api/search", json={"query": "relays"}).status_code == 200
            refused = client.post(operation.path, json=asked(operation))
            assert refused.status_code == 429, operation.path
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.json()["code"].startswith("rate.limited")
            # What costs nothing is still answered.
            assert client.get("/api/models").status_code == 200
            assert client.get("/metrics").status_code == 200


def test_one_limit_holds_for_all_routes_together(start: Start) -> None:
    server = start(toml="[limits]\nrequests_per_minute = 2\n").ready()
    with server.client() as client:
        assert client.post("/api/embed", json={"texts": ["x"]}).status_code == 200
        made = client.post("/v1/embeddings", json={"model": "nsllm", "input": "x"})
        assert made.status_code == 200
        assert client.post("/api/search", json={"query": "relays"}).status_code == 429


def test_another_model_answers_from_now_on_and_after_a_restart(start: Start) -> None:
    """models/use: the choice is kept, `in_use` moves, and what runs is not disturbed."""
    server = start().ready()
    twin = with_twin(server.home / "models")
    server.stop()

    server = start().ready()
    with server.client() as client:
        assert in_use(client) == "smollm2-135m-instruct"
        response = client.post("/api/models/use", json={"id": twin.name})
        assert response.status_code == 200, response.text
        listed = response.json()["models"]
        assert [m["id"] for m in listed if m["in_use"] and m["task"] == "generation"] == [twin.name]
        body = {"question": "How long are readings kept?", "mode": "generate"}
        answer = client.post("/api/hybrid-query", json=body).json()
        # A rejected text is replaced by a quotation, which no model wrote.
        assert answer["model"] in (twin.name, None)
        records = client.get("/api/audit").json()["records"]
        assert records[0]["id"] == answer["id"]
    assert twin.name in (server.home / "nsllm.toml").read_text(encoding="utf-8")
    kept = (server.home / "nsllm.toml").read_text(encoding="utf-8")
    server.stop()

    again = start(toml=kept).ready()
    with again.client() as client:
        assert in_use(client) == twin.name


def test_a_choice_that_something_else_overrides_is_not_said_to_be_made(start: Start) -> None:
    variable = {"NSLLM_MODELS_GENERATOR": "smollm2-135m-instruct"}
    server = start()
    twin = with_twin(server.home / "models")
    server.stop()
    server = start(**variable).ready()
    with server.client() as client:
        refused = client.post("/api/models/use", json={"id": twin.name})
        assert refused.status_code == 409
        assert refused.json()["code"] == "settings"
        assert "NSLLM_MODELS_GENERATOR" in refused.json()["hint"]
        assert in_use(client) == "smollm2-135m-instruct"
        body = {"question": "How long are readings kept?"}
        assert client.post("/api/hybrid-query", json=body).status_code == 200


def with_twin(models: Path) -> Path:
    """Install the generator a second time, under another id."""
    twin = models / "smollm2-twin"
    shutil.copytree(models / "smollm2-135m-instruct", twin)
    manifest = msgspec.json.decode((twin / "manifest.json").read_bytes())
    (twin / "manifest.json").write_bytes(msgspec.json.encode({**manifest, "id": twin.name}))
    return twin


def in_use(client: Any) -> str:
    models = client.get("/api/models").json()["models"]
    [name] = [m["id"] for m in models if m["in_use"] and m["task"] == "generation"]
    return str(name)
