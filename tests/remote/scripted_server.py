"""A real HTTP server that speaks the protocol and follows a script: a fake of the other machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def chunk(
    text: str | None = None, logprobs: list[float] | None = None, finish: str | None = None
) -> dict[str, Any]:
    """Return one event of a stream, with all the members that others send."""
    choice: dict[str, Any] = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    if logprobs is not None:
        content = [{"token": "x", "logprob": p, "bytes": [120]} for p in logprobs]
        choice["logprobs"] = {"content": content, "refusal": None}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


class ScriptedServer:
    """What it answers is set by the test; what arrived is in `requests`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.models: list[dict[str, Any]] = [{"id": "tiny", "owned_by": "vllm"}]
        self.status = 200
        self.headers: dict[str, str] = {}
        self.error: Any = {"error": {"message": "It is so."}}
        self.events: list[Any] = [chunk("Yes [1]."), chunk(finish="stop"), "[DONE]"]
        self.ends = True
        """False: the connection is cut behind the events."""
        self.waits: threading.Event | None = None
        """Waited for behind the first event."""
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.left = threading.Event()
        """Set when the client was gone while it was written to."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def script(self) -> ScriptedServer:
        return self.server.script  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.script.requests.append((self.path, dict(self.headers), None))
        self.reply(200, {"object": "list", "data": self.script.models})

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(size))
        self.script.requests.append((self.path, dict(self.headers), body))
        if self.script.status != 200:
            self.reply(self.script.status, self.script.error)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.stream()
        except OSError:
            self.script.left.set()
            self.close_connection = True

    def stream(self) -> None:
        for number, event in enumerate(self.script.events):
            data = event if isinstance(event, str) else json.dumps(event)
            self.piece(f": comment\n\ndata: {data}\n\n".encode())
            if number == 0 and self.script.waits is not None:
                while not self.script.waits.wait(0.02):
                    self.piece(b": still here\n\n")
        if self.script.ends:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def piece(self, body: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    def reply(self, status: int, told: Any) -> None:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in self.script.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Serve on a free port until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = ScriptedServer(f"http://127.0.0.1:{server.server_address[1]}/v1")
    server.script = script  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield script
    finally:
        if script.waits is not None:
            script.waits.set()
        server.shutdown()
        thread.join()
        server.server_close()
