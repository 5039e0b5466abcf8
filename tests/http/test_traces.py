"""OpenTelemetry traces, sent to a collector in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from http_live import Live

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER_KIND, ERROR = 2, 2


class Collector:
    """The process, its address, and the spans that came."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("trace_collector.py"))],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        self.url = f"http://127.0.0.1:{self._lines.readline().strip()}/v1/traces"

    def end(self) -> list[str]:
        """End the process, and return the lines that it printed."""
        if self._process.poll() is None:
            self._process.terminate()
        with self._lines as lines:
            found = lines.read().splitlines() if not lines.closed else []
        self._process.wait(60)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    if made._process.poll() is None:
        made.end()


def test_each_request_is_a_span_and_none_holds_what_was_asked(
    start: Callable[..., Live], collector: Collector
) -> None:
    server = start(NSLLM_SERVER_TRACES_ENDPOINT=collector.url).ready()
    with server.client() as client:
        response = client.post(
            "/api/search",
            json={"query": "zorbinator relays"},
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine.1"},
        )
        assert response.status_code == 200
        assert client.get("/v1/models/zorbinator").status_code == 404
        assert client.get("/zorbinator").status_code == 404
    with server.client("wrong") as stranger:
        assert stranger.get("/api/models").status_code == 401
    # What is not sent yet when the server stops is sent then.
    assert server.stop() == 0
    lines = collector.end()
    assert "zorbinator" not in "\n".join(lines)
    assert server.token not in "\n".join(lines)
    spans = [json.loads(line) for line in lines]
    [search] = [span for span in spans if span["name"] == "POST /api/search"]
    assert search["path"] == "/v1/traces"
    assert search["resource"]["service.name"] == "nsllm"
    assert search["kind"] == SERVER_KIND
    assert (search["trace"], search["parent"]) == (TRACE, PARENT)
    assert search["ns"] > 0
    assert search["attributes"] == {
        "http.request.method": "POST",
        "http.route": "/api/search",
        "http.response.status_code": 200,
        "nsllm.request_id": "mine.1",
    }
    routes = {
        (span["attributes"]["http.route"], span["attributes"]["http.response.status_code"])
        for span in spans
    }
    assert {("/v1/models/{model:str}", 404), ("unmatched", 404), ("unmatched", 401)} <= routes
    assert all(span["status"] != ERROR for span in spans if span["name"] != "GET /readyz")


def test_without_its_collector_the_server_answers_all_the_same(
    start: Callable[..., Live], collector: Collector
) -> None:
    url = collector.url
    collector.end()
    server = start(NSLLM_SERVER_TRACES_ENDPOINT=url).ready()
    with server.client() as client:
        assert client.post("/api/search", json={"query": "relays"}).status_code == 200
    assert server.stop() == 0
