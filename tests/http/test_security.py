"""What must not get through does not."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from http_live import Live, read_all, until
from nsllm.frontends.http.catalogue import OPERATIONS
from nsllm.frontends.http.operations import Operation
from nsllm.frontends.http.tokens import SCOPES, Tokens

pytestmark = [
    pytest.mark.models,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.timeout(600),
]
Start = Callable[..., Live]
TRAVERSALS = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "....//....//etc/passwd",
    "docs/../../secret",
    "file:///etc/passwd",
    "C:\\secret",
    "storage.md\0.png",
)
PROTECTED = [each for each in OPERATIONS if not each.public]


def named(operation: Operation) -> str:
    return operation.id


def call(client: httpx.Client, operation: Operation, **options: Any) -> httpx.Response:
    path = operation.path.replace("{model:str}", "nsllm")
    body = {"json": operation.request} if operation.method == "POST" else {}
    return client.request(operation.method, path, **{**body, **options})


@pytest.mark.parametrize("operation", PROTECTED, ids=named)
def test_without_a_token_nothing_is_answered(live: Live, operation: Operation) -> None:
    with live.client("") as client:
        response = call(client, operation)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.json()["code"] == "token"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong",
        "Bearer",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {token}, Bearer {token}",
        "Bearer \xff",
    ],
)
def test_a_wrong_token_is_refused(live: Live, header: str) -> None:
    value = header.format(token=live.token).encode("latin-1")
    with live.client("") as client:
        response = client.get("/api/models", headers={b"Authorization": value})
    assert response.status_code == 401
    assert live.token not in response.text


@pytest.mark.parametrize("query", ["token", "access_token", "api_key"])
def test_a_token_in_the_address_is_none(live: Live, query: str) -> None:
    with live.client("") as client:
        assert client.get("/api/models", params={query: live.token}).status_code == 401


def test_a_token_of_another_scope_is_refused(live: Live) -> None:
    tokens = Tokens(live.home / "server")
    for scope in SCOPES:
        with live.client(tokens.add(f"only-{scope}", (scope,))) as client:
            for operation in PROTECTED:
                if operation.scope not in (None, scope):
                    response = call(client, operation)
                    assert response.status_code == 403, (scope, operation.id)
                    assert response.json()["code"] == "scope"
            assert client.get("/metrics").status_code == 200
        tokens.remove(f"only-{scope}")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil"]
)
@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/api/models"])
def test_a_foreign_host_is_refused(live: Live, host: str, path: str) -> None:
    with live.client() as client:
        response = client.get(path, headers={"Host": host})
    assert response.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    ],
)
def test_a_foreign_origin_is_refused_and_told_nothing(live: Live, headers: dict[str, str]) -> None:
    with live.client() as client:
        for method in ("GET", "POST", "OPTIONS"):
            response = client.request(method, "/api/models", headers=headers)
            assert response.status_code == 403, method
            assert not [name for name in response.headers if name.startswith("access-control")]


def test_an_origin_that_was_configured_may_call(start: Start) -> None:
    server = start(toml='[server]\ncors_origins = ["https://wiki.example.org"]\n')
    page = {"Origin": "https://wiki.example.org", "Sec-Fetch-Site": "cross-site"}
    with server.client("", **page) as client:
        asked = client.options("/api/search", headers={"Access-Control-Request-Method": "POST"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == page["Origin"]
        refused = client.get("/api/models")
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == page["Origin"]
        assert "access-control-allow-credentials" not in refused.headers


@pytest.mark.parametrize("value", TRAVERSALS)
def test_no_parameter_leads_out_of_the_workspace(live: Live, value: str) -> None:
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/api/hybrid-query", {"question": "relays?", "workspace": value}),
        ("/api/hybrid-query", {"question": "relays?", "model": value}),
        ("/api/search", {"query": "relays", "workspace": value}),
        ("/api/check", {"text": "A relay.", "workspace": value}),
        ("/api/models/use", {"id": value}),
        ("/api/index", {"workspace": value}),
        ("/v1/embeddings", {"model": value, "input": "x"}),
        ("/v1/completions", {"model": "nsllm", "prompt": "x", "nsllm": {"workspace": value}}),
    ]
    with live.client() as client:
        for path, body in bodies:
            response = client.post(path, json=body)
            assert response.status_code in (400, 404), (path, response.text)
        # What names no file that is read changes nothing.
        for path, body in [
            ("/api/check", {"text": "A relay sends its readings.", "path": value}),
            ("/api/hybrid-query", {"question": "relays?", "session": value}),
        ]:
            response = client.post(path, json=body)
            assert response.status_code == 200
            assert "root:" not in response.text
    for path in ("/", "/v1/models/", "/api/"):
        answered = live.send(
            f"GET {path}{value.replace(chr(0), '%00')} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {live.token}\r\nConnection: close\r\n\r\n".encode()
        )
        assert answered.split()[1] in (b"400", b"404")
        assert b"root:" not in answered


def test_a_body_that_is_too_large_is_refused(start: Start) -> None:
    server = start(NSLLM_SERVER_MAX_BODY_BYTES="1000")
    json_type = {"Content-Type": "application/json"}
    with server.client() as client:
        declared = client.post("/api/search", content=b" " * 1001, headers=json_type)
        chunked = client.post(
            "/api/search", content=iter([b" " * 600, b" " * 600]), headers=json_type
        )
        fits = client.post("/api/nothing", content=b" " * 1000, headers=json_type)
    assert [each.status_code for each in (declared, chunked, fits)] == [413, 413, 404]
    claimed = server.send(
        b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
        b"Connection: close\r\nAuthorization: Bearer " + server.token.encode() + b"\r\n\r\n"
    )
    assert claimed.split()[1] == b"413"


def test_nobody_without_a_token_sends_a_body(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(
            b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        )
        assert connection.recv(4096).split()[1] == b"401"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"question":' * 50_000,
        json.dumps({"question": "x", "history": [[[]] * 40] * 40}).encode(),
    ],
)
@pytest.mark.parametrize("path", ["/api/hybrid-query", "/v1/chat/completions"])
def test_deep_nesting_is_refused(live: Live, path: str, body: bytes) -> None:
    with live.client() as client:
        response = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["code"] in ("json", "request")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_declared_json_is_read(live: Live, kind: str) -> None:
    with live.client() as client:
        response = client.post("/api/index", content=b"{}", headers={"Content-Type": kind})
    assert response.status_code == 415


@pytest.mark.parametrize(
    "extra",
    [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: x\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 2 \r\n 3\r\n",
        "Host: evil.example\r\n",
        "Authorization: Bearer other\r\n",
        "Bad Header: x\r\n",
        "Space : x\r\n",
        "X: \0\r\n",
    ],
)
def test_headers_that_two_servers_could_read_differently_are_refused(
    live: Live, extra: str
) -> None:
    text = (
        f"POST /api/index HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {live.token}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\n{extra}\r\n{{}}"
        "GET /api/audit HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    answered = live.send(text.encode())
    status = int(answered.split()[1])
    assert status in (400, 501), answered
    assert answered.count(b"HTTP/1.1 ") <= 2
    assert b'"records"' not in answered


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://evil.example/ HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"GET / HTTP/9.9",
        b"GET /\xff HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1",
    ],
)
def test_a_request_line_that_is_none_is_refused(live: Live, line: bytes) -> None:
    answered = live.send(line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answered == b"" or 400 <= int(answered.split()[1]) < 600
    assert b"Traceback" not in answered


def test_methods_that_clients_make_up_are_counted_as_one(live: Live) -> None:
    """Each label of a metric is kept for ever: what a client writes must not become one."""
    with live.client("") as client:
        for number in range(3):
            assert client.request(f"MADEUP{number}", "/healthz").status_code in (401, 405)
    with live.client() as client:
        counted = client.get("/metrics").text
    assert "MADEUP" not in counted
    assert 'method="_OTHER"' in counted


def test_headers_without_end_are_refused(live: Live) -> None:
    with live.connect() as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000)
        except OSError:
            return  # It was closed already.
        answered = read_all(connection)
    assert answered == b"" or answered.split()[1] in (b"400", b"431")


def test_slow_clients_are_left_behind_and_hold_up_nobody(live: Live) -> None:
    slow: list[socket.socket] = [live.connect() for _ in range(50)]
    try:
        for n, connection in enumerate(slow):
            connection.sendall(b"GET /healthz HTTP/1.1\r\n" if n % 2 else b"G")
        with live.client() as client:
            assert client.get("/healthz").status_code == 200
        for connection in slow:
            answered = read_all(connection)
            assert answered == b"" or answered.split()[1] == b"408"
    finally:
        for connection in slow:
            connection.close()


def test_a_head_that_drips_is_ended(live: Live) -> None:
    """Each byte comes in time; the head as a whole does not."""
    with live.connect() as connection:

        def is_ended() -> bool:
            time.sleep(0.2)
            try:
                connection.sendall(b"X")
                connection.setblocking(False)
                return connection.recv(100) is not None
            except BlockingIOError:
                return False
            except OSError:
                return True
            finally:
                connection.setblocking(True)

        until(is_ended)


def test_every_answer_forbids_sniffing_and_storing(live: Live) -> None:
    with live.client() as client:
        for path in ("/healthz", "/api/models", "/nothing"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


def test_the_owners_token_is_not_in_any_answer(live: Live) -> None:
    with live.client() as client:
        for operation in PROTECTED:
            assert live.token not in call(client, operation).text
