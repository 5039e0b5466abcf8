"""A server in a process of its own, as a shell starts it."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

WAIT_S = 280
"""Far more than anything here takes: a test that waits so long has failed."""


class Live:
    """`nsllm serve`, or another command that serves, on a free port, with its log as it comes."""

    def __init__(
        self,
        home: Path,
        folders: list[Path],
        *,
        command: Sequence[str] = ("serve",),
        **variables: str,
    ) -> None:
        self.home = home
        self.log: list[dict[str, Any]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nsllm", *command, *map(str, folders), "--port", "0"],
            # One thread: where tests share the cores, more of them only wait for each other.
            env={
                **os.environ,
                "NSLLM_HOME": str(home),
                "NSLLM_MODELS_THREADS": "1",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.logged("listening")["url"]
        except BaseException:
            self.stop()
            raise
        self.port = int(self.url.rsplit(":", 1)[1])
        token = home / "server" / "token"
        self.token = token.read_text("utf-8").strip() if token.exists() else ""

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """Return a client that sends a token, by default the owner's; none where it is empty."""
        token = self.token if token is None else token
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers={**sent, **headers}, timeout=WAIT_S)

    def ready(self) -> "Live":
        """Wait until questions are answered."""
        with self.client("") as client:
            until(lambda: client.get("/readyz").status_code == 200)
        return self

    def connect(self) -> socket.socket:
        """Open a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)

    def send(self, text: bytes) -> bytes:
        """Send bytes on a connection of their own, and return all that comes until its end.

        Whoever half-closes a connection has left, so it is the server that ends it: the bytes say
        `Connection: close`, or are no request.
        """
        with self.connect() as connection:
            connection.sendall(text)
            return read_all(connection)

    def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        with self.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.split()[0] == name)

    def logged(self, message: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            line = self._lines.get(timeout=WAIT_S)
            if line is None:
                raise AssertionError(f"the server ended: {self.log}")
            if line.startswith("{"):
                self.log.append(json.loads(line))
                if self.log[-1]["message"] == message:
                    return self.log[-1]
            else:
                self.log.append({"message": line})
        raise AssertionError(f"never logged {message}: {self.log}")

    def stop(self) -> int:
        """Tell the server to stop, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return status

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self._lines.put(line.rstrip())
        self._lines.put(None)


def read_all(connection: socket.socket) -> bytes:
    """Return all that comes until the end."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def events_of(text: str) -> list[tuple[str, Any]]:
    """Return the server-sent events of a body: name and data."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if "data" in fields:
            found.append((fields.get("event", "message"), json.loads(fields["data"])))
    return found
