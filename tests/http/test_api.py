"""The project's own operations, over the wire, with the embedded models."""

import json
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from http_live import Live, events_of, until
from nsllm import home
from nsllm.frontends.http.tokens import Tokens
from nsllm.governance.audit import AuditLog
from nsllm.governance.records import Acceptance, record_of_acceptance

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
Start = Callable[..., Live]
QUESTION = "How long are readings kept?"
LONG = "Describe at length what the notes say of readings, relays and alarms."


@pytest.fixture(scope="module")
def client(live: Live) -> httpx.Client:
    return live.client()


def ask(client: httpx.Client, **body: Any) -> Any:
    response = client.post("/api/hybrid-query", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_answer_has_its_sources_scores_and_verdict(client: httpx.Client) -> None:
    answer = ask(client, question=QUESTION)
    assert "30 days" in answer["text"]
    assert answer["sources"][0]["path"] == "docs/storage.md"
    assert answer["verdict"] in ("pass", "warn")
    assert answer["scores"]["relevance"] is not None
    assert {"id", "mode", "model", "findings", "timings_ms", "cached"} <= answer.keys()


def test_what_is_not_there_is_not_found(client: httpx.Client) -> None:
    answer = ask(client, question="Who won the chess championship of 1972?")
    assert [finding["rule"] for finding in answer["findings"]] == ["answer.not-found"]
    assert answer["sources"], "what was looked at is named"


def test_an_answer_comes_as_events_if_asked_so(client: httpx.Client) -> None:
    response = client.post(
        "/api/hybrid-query", json={"question": QUESTION}, headers={"Accept": "text/event-stream"}
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    names = [name for name, _ in events]
    assert names[0] == "sources"
    assert names[-1] == "answer"
    text = "".join(data["text"] for name, data in events if name == "delta")
    assert text.strip() == events[-1][1]["text"]


def test_a_stream_that_fails_ends_with_an_error(client: httpx.Client) -> None:
    body = {"question": "relay " * 1300, "mode": "generate"}
    response = client.post("/api/hybrid-query", json=body, headers={"Accept": "text/event-stream"})
    name, data = events_of(response.text)[-1]
    if name == "error":
        assert data["code"] == "question"
        assert data["request_id"] == response.headers["x-request-id"]
    else:
        assert name == "answer"


def test_a_session_understands_what_follows(client: httpx.Client) -> None:
    ask(client, question="What does the Team plan cost?", session="s")
    followed = ask(client, question="And how many relays does it cover?", session="s")
    assert "50 relays" in followed["text"]


def test_a_search_finds_passages(client: httpx.Client) -> None:
    body = {"query": "blinking status light", "top_k": 2}
    hits = client.post("/api/search", json=body).json()["hits"]
    assert len(hits) == 2
    assert hits[0]["path"] == "docs/relays.md"


def test_texts_are_embedded_to_unit_vectors(client: httpx.Client) -> None:
    found = client.post("/api/embed", json={"texts": ["A relay.", "An alarm."]}).json()
    assert found["model"] == "all-minilm-l6-v2"
    assert [len(vector) for vector in found["vectors"]] == [found["dimension"]] * 2
    assert sum(x * x for x in found["vectors"][0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/api/score",
            {
                "answer": "Readings are kept for 90 days.",
                "passages": ["Readings are kept for 30 days."],
            },
        ),
        ("/api/check", {"text": "Readings are kept for 90 days."}),
    ],
)
def test_a_false_claim_is_found(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    judged = client.post(path, json=body).json()
    assert any(finding["rule"].startswith("grounding") for finding in judged["findings"])
    assert judged["verdict"] in ("warn", "reject")


def test_a_check_heeds_comments_that_mute_and_who_wrote_the_text(client: httpx.Client) -> None:
    """As `nsllm check` does; the findings stand where they are in the text with its comments."""
    false, new = "Readings are kept for 90 days.", "The Zeppelin plan costs 12 krakens."

    def rules(text: str, **body: Any) -> dict[str, str]:
        judged = client.post("/api/check", json={"text": text, **body}).json()
        places = [text[finding["start"] : finding["end"]] for finding in judged["findings"]]
        assert all(place and (place in false or place in new) for place in places)
        return {finding["rule"]: finding["severity"] for finding in judged["findings"]}

    (rule,) = (name for name in rules(false) if name.startswith("grounding"))
    assert rule in rules(f"Notes.\n\n{false}\n")
    assert rule not in rules(f"Notes.\n\n<!-- nsllm-ignore {rule} -->\n{false}\n")
    assert rules(new) != rules(new, generated=False)


def test_the_models_are_listed_and_one_in_use_stays(client: httpx.Client) -> None:
    models = client.get("/api/models").json()["models"]
    used = {model["id"] for model in models if model["in_use"]}
    assert "smollm2-135m-instruct" in used
    response = client.post("/api/models/use", json={"id": "smollm2-135m-instruct"})
    assert response.status_code == 200


def test_a_model_that_is_not_there_is_not_used(client: httpx.Client) -> None:
    models = client.get("/api/models").json()["models"]
    absent = [m["id"] for m in models if not m["installed"] and m["task"] == "generation"]
    for name, status in [("nobodys-model", 404), *((name, 409) for name in absent[:1])]:
        response = client.post("/api/models/use", json={"id": name})
        assert response.status_code == status, response.text


def test_the_index_is_described_and_brought_up_to_date(client: httpx.Client, harrow: Path) -> None:
    [before] = client.get("/api/index").json()["workspaces"]
    assert before["state"] == "ready"
    path = harrow / "docs" / "added.md"
    path.write_text("# Casings\n\nThe casing of series 9 is vermilion.\n", encoding="utf-8")
    try:
        [after] = client.post("/api/index", json={}).json()["workspaces"]
        assert after["documents"] == before["documents"] + 1
        hits = client.post("/api/search", json={"query": "vermilion casing"}).json()["hits"]
        assert hits[0]["path"] == "docs/added.md"
    finally:
        path.unlink()
        client.post("/api/index", json={"action": "rebuild"})


def test_the_audit_log_is_listed_page_by_page_and_intact(client: httpx.Client) -> None:
    asked = [ask(client, question=f"{QUESTION} ({n})")["id"] for n in range(3)]
    found: list[str] = []
    before: int | None = None
    while len(found) < 3:
        query = {"limit": 2} | ({} if before is None else {"before": before})
        page = client.get("/api/audit", params=query).json()
        found += [record["id"] for record in page["records"]]
        assert page["records"][0]["client"] == "http:owner"
        before = page["next"]
    assert found[:3] == asked[::-1]
    verified = client.get("/api/audit/verify").json()
    assert verified["intact"]
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", verified["head"])


def test_what_was_asked_about_other_folders_is_not_listed(
    live: Live, client: httpx.Client, harrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is the user's, for all folders; who reads it here was let in to this one."""
    asked = ask(client, question=QUESTION)["id"]
    monkeypatch.setenv("NSLLM_HOME", str(live.home))
    log = AuditLog(home.audit_path())
    [(_, record)] = log.find(asked)
    log.append(msgspec.structs.replace(record, id="elsewhere", workspace="/home/other"))
    assert log.page(1)[0][1].id == "elsewhere"
    log.close()
    records = client.get("/api/audit").json()["records"]
    assert records[0]["id"] == asked
    assert {record["workspace"] for record in records} == {str(harrow.resolve())}
    assert client.get("/api/audit/verify").json()["intact"]


def test_an_accepted_finding_is_listed_with_its_rule_document_and_reason(
    live: Live, client: httpx.Client, harrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSLLM_HOME", str(live.home))
    accepted = Acceptance(rule="text.forbidden", uri="file:///docs/a.md", reason="A quotation.")
    answered = ask(client, question=QUESTION)["id"]
    log = AuditLog(home.audit_path())
    log.append(record_of_acceptance(accepted, "30 days", workspace=harrow.resolve(), version="1"))
    log.close()
    acceptance, answer = client.get("/api/audit", params={"limit": 2}).json()["records"]
    assert (acceptance["mode"], acceptance["text"]) == ("accept", "30 days")
    assert acceptance["accepted"] == msgspec.to_builtins(accepted)
    assert answer["id"] == answered
    assert "accepted" not in answer


def test_the_metrics_count_requests_answers_and_stages(client: httpx.Client) -> None:
    for _ in range(2):
        ask(client, question=QUESTION)
    text = client.get("/metrics").text
    assert 'nsllm_answers_total{cached="true",mode="extract",verdict="' in text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
    assert float(figures['nsllm_cache_hits_total{kind="answer"}']) >= 1
    assert float(figures['nsllm_cache_entries{kind="embedding"}']) >= 1
    assert 0 < float(figures["nsllm_cache_bytes"]) <= float(figures["nsllm_cache_limit_bytes"])
    assert 'nsllm_http_requests_total{method="POST",route="/api/hybrid-query",status="200"}' in text
    assert 'nsllm_answer_stage_seconds_count{stage="retrieval"}' in text
    assert 'nsllm_answers_total{cached="false",mode="extract",verdict="' in text


def test_a_request_keeps_the_id_that_it_brings(client: httpx.Client, live: Live) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": "my-id.1"})
    assert response.headers["x-request-id"] == "my-id.1"
    forged = client.get("/nothing", headers={"X-Request-ID": 'x" {"level":"error"}'})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])
    assert forged.json()["request_id"] == forged.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "word"),
    [
        ("/api/hybrid-query", b"{}", 400, "request", "question"),
        ("/api/hybrid-query", b'{"question": " "}', 400, "request", "question"),
        ("/api/hybrid-query", b'{"question": "?", "colour": 1}', 400, "request", "colour"),
        ("/api/hybrid-query", b'{"question": "?", "top_k": 0}', 400, "request", "top_k"),
        ("/api/hybrid-query", b'{"question": "?", "model": "none"}', 404, "model.unknown", "none"),
        ("/api/hybrid-query", b'{"question": "?", "model": "all-minilm-l6-v2"}', 404,
         "model.unknown", "write"),
        ("/api/search", b'{"query": "x", "workspace": "no"}', 404, "workspace.unknown", "name"),
        ("/api/search", b"{", 400, "json", "JSON"),
        ("/api/search", b'{"query": "\xff"}', 400, "json", "JSON"),
        ("/api/search", b"", 400, "json", "JSON"),
        ("/api/nothing", b"{}", 404, "path", "path"),
    ],
)  # fmt: skip
def test_an_error_says_what_is_wrong_and_what_to_do(
    client: httpx.Client, path: str, body: bytes, status: int, code: str, word: str
) -> None:
    response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:nsllm:problem:{code}"
    assert word in problem["detail"]
    assert problem["hint"]


def test_a_method_that_is_not_taken_is_told_with_those_that_are(client: httpx.Client) -> None:
    response = client.delete("/api/search")
    assert response.status_code == 405
    assert response.headers["allow"] == "OPTIONS, POST"


def test_all_methods_of_a_path_are_told(client: httpx.Client) -> None:
    response = client.options("/api/index")
    assert response.status_code == 204
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize("path", ["/healthz", "/api/models", "/", "/openapi.json"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    """Health checks of load balancers send it."""
    got, asked = client.get(path), client.head(path)
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("content-type", "content-length", "cache-control"):
        assert asked.headers[name] == got.headers[name]


def test_head_is_not_taken_where_get_is_not(client: httpx.Client) -> None:
    assert client.head("/api/search").status_code == 405


@pytest.mark.parametrize("query", ["before=null", "limit=1&limit=2", "limit=0", "limit=x"])
def test_a_parameter_that_does_not_fit_is_refused(client: httpx.Client, query: str) -> None:
    response = client.get(f"/api/audit?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.json()["detail"]


def test_the_document_of_the_api_takes_no_token(live: Live) -> None:
    with live.client("") as anyone:
        found = anyone.get("/openapi.json").json()
        assert found["openapi"] == "3.1.0"
        assert anyone.get("/healthz").json()["status"] == "ok"


def test_the_log_is_json_and_holds_no_question(start: Start) -> None:
    server = start().ready()
    with server.client() as client:
        ask(client, question="What is a zorbinator?")
    server.stop()
    server.logged("stopped")
    requests = [line for line in server.log if line["message"] == "request"]
    assert {"request_id", "route", "status", "ms", "client"} <= requests[-1].keys()
    assert "zorbinator" not in json.dumps(server.log)
    assert server.token not in json.dumps(server.log)


def test_several_workspaces_are_named(start: Start, harrow: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "plans.md").write_text("# Plans\n\nThe Solo plan is free.\n", encoding="utf-8")
    with start(harrow, other).ready().client() as client:
        question = "Which plan is free?"
        assert "free" in ask(client, question=question, workspace="other")["text"]
        assert "free" not in ask(client, question=question)["text"]
        names = [each["workspace"] for each in client.get("/api/index").json()["workspaces"]]
        assert names == ["harrow", "other"]


def test_a_client_that_leaves_frees_its_slot(start: Start) -> None:
    server = start(NSLLM_SERVER_CONCURRENCY="1", NSLLM_GENERATION_MAX_TOKENS="2000").ready()
    body = json.dumps({"question": LONG, "mode": "generate"}).encode()
    head = (
        f"POST /api/hybrid-query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
    )
    for accept in ("text/event-stream", "application/json"):
        with server.connect() as connection:
            connection.sendall(f"{head}Accept: {accept}\r\n\r\n".encode() + body)
            until(lambda: server.metric("nsllm_requests_running") == 1)
        until(lambda: server.metric("nsllm_requests_running") == 0)
    with server.client() as client:
        assert client.post("/api/search", json={"query": "relays"}).status_code == 200


def test_what_finds_no_place_to_wait_is_told_when_to_come_back(start: Start) -> None:
    server = start(NSLLM_SERVER_CONCURRENCY="1", NSLLM_SERVER_QUEUE="0").ready()
    long = {"texts": ["a relay sends its readings " * 200] * 256}
    with server.client() as client, server.client() as other:
        thread = threading.Thread(target=client.post, args=["/api/embed"], kwargs={"json": long})
        thread.start()
        until(lambda: server.metric("nsllm_requests_running") == 1)
        refused = other.post("/api/search", json={"query": "relays"})
        thread.join()
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["code"] == "busy"
        assert other.post("/api/search", json={"query": "relays"}).status_code == 200


def test_a_request_that_takes_too_long_is_ended(start: Start) -> None:
    server = start(NSLLM_SERVER_REQUEST_TIMEOUT_S="0.001").ready()
    with server.client() as client:
        response = client.post("/api/hybrid-query", json={"question": QUESTION})
        assert response.status_code == 504
        assert response.json()["code"] == "timeout"
    until(lambda: server.metric("nsllm_requests_running") == 0)


def test_more_than_the_limit_is_refused_until_later(start: Start) -> None:
    server = start(NSLLM_LIMITS_REQUESTS_PER_MINUTE="1").ready()
    with server.client() as client:
        ask(client, question=QUESTION)
        refused = client.post("/api/hybrid-query", json={"question": QUESTION})
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
    token = Tokens(server.home / "server").add("other", ("ask",))
    with server.client(token) as other:
        ask(other, question=QUESTION)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_told_to_stop_it_finishes_what_runs(start: Start) -> None:
    server = start(NSLLM_SERVER_CONCURRENCY="2", NSLLM_SERVER_SHUTDOWN_TIMEOUT_S="250").ready()
    statuses: list[int] = []

    def once() -> None:
        with server.client() as client:
            response = client.post("/api/hybrid-query", json={"question": QUESTION})
            statuses.append(response.status_code)

    threads = [threading.Thread(target=once) for _ in range(8)]
    for thread in threads:
        thread.start()
    # All eight are accepted: answered, worked on, or waiting for a slot.
    states = ("nsllm_requests_running", "nsllm_requests_waiting")
    until(lambda: sum(map(server.metric, states)) + len(statuses) >= 8)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert server.stop() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_what_does_not_end_in_time_is_cancelled(start: Start) -> None:
    server = start(NSLLM_SERVER_SHUTDOWN_TIMEOUT_S="1", NSLLM_GENERATION_MAX_TOKENS="4000").ready()
    body = {"question": LONG, "mode": "generate"}
    done: list[httpx.Response] = []

    def once() -> None:
        with server.client() as client:
            done.append(client.post("/api/hybrid-query", json=body))

    thread = threading.Thread(target=once)
    thread.start()
    until(lambda: server.metric("nsllm_requests_running") == 1)
    assert server.stop() == 0
    thread.join()
    assert done[0].status_code in (200, 503)
