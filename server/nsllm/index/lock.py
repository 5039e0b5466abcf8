"""One process at a time writes the index of a workspace."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nsllm import private
from nsllm.errors import IndexBusyError
from nsllm.index.faults import translated
from nsllm.stopping import checkpoint
from nsllm.types import Progress, ProgressListener, ignore_progress

TIMEOUT_S = 300.0
_POLL_S = 0.1
_LOCK_FILE = "index.lock"
_OWNER_FILE = "index.pid"


class WriteLock:
    """A lock between processes and between the threads of this one."""

    def __init__(self, folder: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._threads = threading.RLock()
        self._lock = FileLock(folder / _LOCK_FILE, thread_local=False)

    @contextmanager
    def held(
        self,
        listener: ProgressListener = ignore_progress,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[bool]:
        """Hold the lock; yields false, without it, when cancelled while waiting.

        Raises:
            IndexBusyError: another process did not let go within the timeout; names it.
            Stopped: while it waited, whoever asked for the work has gone.
        """
        if not self._enter(cancelled):
            yield False
            return
        try:
            taken = self._acquire(listener, cancelled)
            try:
                yield taken
            finally:
                if taken:
                    self._lock.release()
        finally:
            self._threads.release()

    def _enter(self, cancelled: Callable[[], bool]) -> bool:
        """Wait for the other threads of this process; false when cancelled meanwhile."""
        while not self._threads.acquire(timeout=_POLL_S):
            checkpoint()
            if cancelled():
                return False
        return True

    def _acquire(self, listener: ProgressListener, cancelled: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self._timeout_s
        told = False
        while True:
            # Before it is taken: what nobody waits for must not begin, least of all to clear.
            checkpoint()
            with translated(self._folder):
                private.make_folder(self._folder)
                with suppress(Timeout):
                    self._lock.acquire(timeout=0)
                    with suppress(OSError):  # only a name for others to show
                        self._owner_file.write_text(str(os.getpid()), encoding="ascii")
                    return True
            if cancelled():
                return False
            if time.monotonic() >= deadline:
                raise IndexBusyError(
                    f"{self.owner().capitalize()} has been indexing this workspace for more than "
                    f"{self._timeout_s:g} s.",
                    hint="Wait for it to finish, or end that process, and try again.",
                )
            if not told:
                listener(Progress(task=f"waiting: {self.owner()} is indexing this workspace"))
                told = True
            time.sleep(_POLL_S)

    def owner(self) -> str:
        """Name who holds the lock, or held it last."""
        with suppress(OSError, ValueError):
            return f"process {int(self._owner_file.read_text(encoding='ascii'))}"
        return "another process"

    @property
    def _owner_file(self) -> Path:
        return self._folder / _OWNER_FILE
