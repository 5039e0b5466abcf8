"""The language model as the rest of the program sees it: a worker process, kept and restarted."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import msgspec

from nsllm.errors import (
    ModelCorruptError,
    ModelMissingError,
    ModelUnsupportedError,
    NativeLibraryError,
    NsllmError,
    OutOfMemoryError,
    QuestionError,
    UsageError,
    WorkerError,
)
from nsllm.generation.child import COMMAND, Child
from nsllm.generation.messages import (
    Cancel,
    Done,
    Failed,
    Generate,
    Guidance,
    Load,
    Loaded,
    Reply,
    Score,
    Scored,
    Tokens,
)
from nsllm.generation.queue import Queue, Ticket

_CANCEL_S = 2.0
"""A worker that is still busy this long after a cancellation is killed: it hangs."""

_ERRORS: dict[str, type[NsllmError]] = {
    error.code: error
    for error in (
        ModelCorruptError,
        ModelMissingError,
        ModelUnsupportedError,
        NativeLibraryError,
        OutOfMemoryError,
        QuestionError,
        UsageError,
        WorkerError,
    )
}


class GeneratorModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model folder and how to run it; another one means another worker."""

    folder: Path
    threads: int = 1
    provider: str = "cpu"
    memory_bytes: int | None = None
    """What the model takes in memory; None: unknown, and not checked."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is continued; see messages.Generate."""

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    guidance: Guidance | None = None


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """Others are being served: so many are ahead. 0, once they are not, says whose turn it is."""

    ahead: int


class GeneratorClient:
    """Serves one request at a time, in the order in which they come.

    The worker starts with the first request, is replaced after a crash, and ends after
    `idle_unload_s` seconds without a request (0: never).
    """

    def __init__(
        self,
        *,
        idle_unload_s: float = 0.0,
        free_memory_bytes: Callable[[], int | None] = lambda: None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._idle_unload_s = idle_unload_s
        self._free_memory_bytes = free_memory_bytes
        self._command = command
        self._queue = Queue()
        self._ids = itertools.count(1)
        self._child: Child | None = None
        self._loading: Child | None = None
        self._model: GeneratorModel | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._unloading: asyncio.Task[None] | None = None
        self._is_closed = False
        self.loaded: Loaded | None = None
        """What the worker said of the model that it holds; None while there is none."""

    @property
    def pid(self) -> int | None:
        """The id of the worker process, None while there is none."""
        return self._child.pid if self._child and self._child.is_alive else None

    async def generate(
        self, model: GeneratorModel, prompt: Sequence[int], sampling: Sampling
    ) -> AsyncGenerator[Queued | Tokens | Done, None]:
        """Continue a prompt, token by token; Done comes last.

        Closing the iterator, or cancelling its task, stops the model at the next token. Wrap it in
        contextlib.aclosing where it may be left early.

        Raises:
            WorkerError: the worker died; the next request gets a new one.
            OutOfMemoryError, ModelCorruptError, ModelMissingError, ModelUnsupportedError,
            NativeLibraryError: the model cannot be loaded.
            QuestionError: the prompt is longer than the model's context.
        """
        ticket = self._queue.join()
        try:
            has_waited = False
            async for ahead in ticket.wait():
                has_waited = True
                yield Queued(ahead=ahead)
            if has_waited:
                yield Queued(ahead=0)
            child = await self._child_for(model)
            fields = msgspec.structs.asdict(sampling)
            request = Generate(id=next(self._ids), prompt=tuple(prompt), **fields)
            try:
                await child.send(request)
                while child.pending is not None:
                    reply = await _receive(child)
                    if isinstance(reply, Tokens | Done):
                        yield reply
            finally:
                await self._settle(child)
        finally:
            self._leave(ticket)

    async def score(
        self, model: GeneratorModel, prompt: Sequence[int], continuation: Sequence[int]
    ) -> tuple[float, ...]:
        """Return the natural log-probability of each token of `continuation` after `prompt`.

        Raises:
            As `generate`.
        """
        ticket = self._queue.join()
        try:
            async for _ in ticket.wait():
                pass
            child = await self._child_for(model)
            request = Score(
                id=next(self._ids), prompt=tuple(prompt), continuation=tuple(continuation)
            )
            try:
                await child.send(request)
                reply = await _receive(child)
            finally:
                await self._settle(child)
        finally:
            self._leave(ticket)
        if not isinstance(reply, Scored):
            raise _out_of_turn(reply)
        return reply.logprobs

    async def aclose(self) -> None:
        """End the worker; requests that are being served or wait fail."""
        self._is_closed = True
        for child in (self._child, self._loading):
            if child:
                child.kill_now()
        ticket = self._queue.join()
        try:
            # A reader that neither reads on nor closes its iterator keeps the turn for good.
            async with asyncio.timeout(_CANCEL_S):
                async for _ in ticket.wait():
                    pass
                await self._unload()
        except TimeoutError:
            pass
        finally:
            self._leave(ticket)

    async def _child_for(self, model: GeneratorModel) -> Child:
        """Return a worker that holds `model`; the caller has the turn."""
        self._check_open()
        if self._child and self._child.is_alive and self._model == model:
            return self._child
        await self._unload()
        self._check_memory(model)
        child = await Child.start(self._command)
        self._loading = child
        try:
            # A worker that was only being started, `aclose` could not end.
            self._check_open()
            await child.send(
                Load(folder=str(model.folder), threads=model.threads, provider=model.provider)
            )
            reply = await _receive(child)
            if not isinstance(reply, Loaded):
                raise _out_of_turn(reply)
            self._check_open()
            self._child, self._model, self.loaded = child, model, reply
        finally:
            self._loading = None
            # Loading cannot be interrupted, so a cancellation ends the process.
            if self._child is not child:
                await child.kill()
        return child

    async def _settle(self, child: Child) -> None:
        """Bring the worker back to rest after a request, whichever way that ended."""
        if child.pending is None or not child.is_alive:
            return
        settled = False
        try:
            async with asyncio.timeout(_CANCEL_S):
                await child.send(Cancel(id=child.pending))
                while child.pending is not None:
                    await child.receive()
                settled = True
        except (TimeoutError, WorkerError):
            # The reader has gone; what the worker died of concerns nobody any more.
            pass
        finally:
            if not settled:
                await child.kill()

    async def _unload(self) -> None:
        child, self._child, self._model, self.loaded = self._child, None, None, None
        if child:
            await child.stop()

    def _leave(self, ticket: Ticket) -> None:
        self._queue.leave(ticket)
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._idle_unload_s and self._child and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_unload_s, self._unload_if_idle)

    def _unload_if_idle(self) -> None:
        if not self._queue:
            self._unloading = asyncio.create_task(self._unload_in_turn(self._queue.join()))

    async def _unload_in_turn(self, ticket: Ticket) -> None:
        try:
            await self._unload()
        finally:
            self._queue.leave(ticket)

    def _check_open(self) -> None:
        if self._is_closed:
            raise WorkerError("The language model was closed.", hint="Ask again after a restart.")

    def _check_memory(self, model: GeneratorModel) -> None:
        free = self._free_memory_bytes()
        if model.memory_bytes is not None and free is not None and model.memory_bytes > free:
            raise OutOfMemoryError(
                f"The model {model.folder.name} needs {model.memory_bytes / 1e9:.1f} GB of memory, "
                f"and {free / 1e9:.1f} GB are free.",
                hint="Close other programs, or choose a smaller model (`nsllm models list`).",
            )


async def _receive(child: Child) -> Reply:
    """Wait for the next reply, and raise what a failure reports."""
    reply = await child.receive()
    if isinstance(reply, Failed):
        raise _ERRORS.get(reply.code, WorkerError)(reply.message, hint=reply.hint)
    return reply


def _out_of_turn(reply: Reply) -> WorkerError:
    return WorkerError(
        f"The generation worker answered {type(reply).__name__} out of turn.",
        hint="Ask again: a new worker is started. If it comes back, run `nsllm doctor`.",
    )
