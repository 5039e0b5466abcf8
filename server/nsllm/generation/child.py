"""One worker process: started, spoken to, and brought to an end with its last words."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence

from nsllm.errors import NativeLibraryError, WorkerError
from nsllm.generation import messages
from nsllm.generation.messages import (
    Done,
    Failed,
    Generate,
    Reply,
    ReplyReader,
    Request,
    Score,
    Scored,
)

# -P: a file in the current folder, which may be anyone's, is never imported.
COMMAND = (sys.executable, "-P", "-m", "nsllm.generation.worker")

_SIGKILL = 9
_AGAIN = "Ask again: a new worker is started. If it comes back, run `nsllm doctor`."
_OUT_OF_MEMORY = f"Systems that run out of memory end programs like this. {_AGAIN}"
_STOP_S = 1.0
_TAIL_BYTES = 16_384
_TAIL_LINES = 50


class Child:
    """A running worker. `pending` is the id of the request that it has not finished."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process needs three pipes")
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._replies = ReplyReader(process.stdout)
        self._tail = bytearray()
        self._listening = asyncio.create_task(self._listen(process.stderr))
        self.pending: int | None = None

    @classmethod
    async def start(cls, command: Sequence[str] = COMMAND) -> "Child":
        """Start a worker process.

        Raises:
            NativeLibraryError: the interpreter cannot be started.
        """
        # Without it Windows opens a console window for each worker; other systems have no flags.
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=pipe, creationflags=flags
            )
        except OSError as error:
            raise NativeLibraryError(
                f"The generation worker cannot be started ({command[0]}: {error}).",
                hint="Run `nsllm doctor`.",
            ) from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, as far as is known."""
        return self._process.returncode is None and not self._stdout.at_eof()

    async def send(self, request: Request) -> None:
        """Send one request.

        Raises:
            WorkerError: the worker has died.
        """
        if isinstance(request, Generate | Score):
            self.pending = request.id
        try:
            self._stdin.write(messages.encode(request))
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise await self._last_words() from error

    async def receive(self) -> Reply:
        """Wait for the next reply.

        Raises:
            WorkerError: the worker has died, or sends what is no reply; it is ended then.
        """
        try:
            reply = await self._replies.read()
        except EOFError as error:
            raise await self._last_words() from error
        except WorkerError:
            await self.kill()
            raise
        if isinstance(reply, Done | Scored | Failed) and reply.id == self.pending:
            self.pending = None
        return reply

    async def stop(self) -> None:
        """End the worker by closing its pipe; kill it if it does not end soon."""
        self._stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            self.kill_now()
        await self._drain()

    async def kill(self) -> None:
        """End the worker at once, and wait until nothing of it is left."""
        self.kill_now()
        await self._drain()

    def kill_now(self) -> None:
        """End the worker at once; whoever reads from it learns that it has gone."""
        self._stdin.close()
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return

    async def _drain(self) -> None:
        """Read the pipes to their ends, so that nothing of the process is left."""
        while await self._stdout.read(_TAIL_BYTES):
            pass
        await self._process.wait()
        await self._listening

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while part := await stderr.read(_TAIL_BYTES):
            self._tail += part
            del self._tail[:-_TAIL_BYTES]

    async def _last_words(self) -> WorkerError:
        """Make the error that tells how the worker ended; end it if it only closed its pipe."""
        await self.stop()
        lines = self._tail.decode(errors="replace").strip().splitlines()[-_TAIL_LINES:]
        code = self._process.returncode
        said = f": {lines[-1].strip().rstrip('.')}" if lines else ""
        error = WorkerError(
            f"The generation worker {_ending(code)}{said}.",
            hint=_OUT_OF_MEMORY if code == -_SIGKILL else _AGAIN,
        )
        if lines:
            error.add_note("\n".join(lines))
        return error


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended unexpectedly with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"was killed by signal {-code} ({name})"
