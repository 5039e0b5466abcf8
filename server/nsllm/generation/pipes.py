"""The worker's ends of the pipes: requests come in on a thread, replies go out whole."""

import os
import queue
import sys
import threading
from typing import BinaryIO

from nsllm.errors import WorkerError
from nsllm.generation import messages
from nsllm.generation.messages import Cancel, Reply, Request, Shutdown


def open_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for frames alone.

    Whatever else writes to standard output from now on, native code included, lands in standard
    error and cannot break a frame.
    """
    output = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (0, output):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return os.fdopen(0, "rb", closefd=False), os.fdopen(output, "wb")


class Outbox:
    """Sends replies, each flushed at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, reply: Reply) -> None:
        """Send one reply."""
        self._stream.write(messages.encode(reply))
        self._stream.flush()


class Inbox:
    """Requests in order; cancellations are known as soon as they arrive.

    The process ends when the parent closes the pipe, whatever it is doing: nobody is left to read
    what it would write.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def next(self) -> Request:
        """Wait for the next request other than Cancel."""
        return self._requests.get()

    def is_cancelled(self, request_id: int) -> bool:
        """Tell whether the parent no longer wants this request."""
        return request_id in self._cancelled

    def _read(self) -> None:
        while True:
            try:
                request = messages.read_request(self._stream)
            except WorkerError as error:
                sys.stderr.write(f"{error}\n")
                sys.stderr.flush()
                os._exit(1)
            if request is None or isinstance(request, Shutdown):
                os._exit(0)
            if isinstance(request, Cancel):
                # Requests run one at a time, so older ones are over.
                self._cancelled = {request.id}
            else:
                self._requests.put(request)
