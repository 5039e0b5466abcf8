"""`nsllm/status`: how the server is, and what it does, told at most four times a second."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from nsllm.errors import NsllmError
from nsllm.types import Progress

Health = Literal["ok", "warning", "error"]
_INTERVAL_S = 0.25
_GRAVITY: tuple[Health, ...] = ("ok", "warning", "error")


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong until it is mended."""

    health: Health
    message: str
    hint: str
    code: str | None = None


class Status:
    """What is under way and what is wrong; each change is told, grouped in time."""

    def __init__(
        self, notify: Callable[[str, Any], None], describe: Callable[[], dict[str, Any]]
    ) -> None:
        self._notify = notify
        self._describe = describe
        self._busy: dict[object, Progress] = {}
        self._troubles: dict[str, Trouble] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._told: dict[str, Any] | None = None

    def busy(self, key: object, step: Progress | None) -> None:
        """Say how far a task is, or with None that it is over."""
        if step is None:
            self._busy.pop(key, None)
        else:
            self._busy[key] = step
        self.changed()

    def trouble(self, key: str, error: NsllmError | None, health: Health = "error") -> None:
        """Say what is wrong, or with None that it no longer is."""
        if error is None:
            self._troubles.pop(key, None)
        else:
            self._troubles[key] = Trouble(
                health=health, message=error.message, hint=error.hint, code=error.code
            )
        self.changed()

    def changed(self) -> None:
        """Tell the client soon."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_at(max(self._due, loop.time()), self._tell)

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer:
            self._timer.cancel()

    def snapshot(self) -> dict[str, Any]:
        """Return the parameters of the notification."""
        worst = max(
            self._troubles.values(),
            key=lambda trouble: _GRAVITY.index(trouble.health),
            default=Trouble(health="ok", message="Ready.", hint=""),
        )
        told: dict[str, Any] = {"health": worst.health, "message": worst.message}
        if worst.hint:
            told["hint"] = worst.hint
        if worst.code:
            told["code"] = worst.code
        told["busy"] = [
            {"task": step.task, "done": step.done, "unit": step.unit}
            | ({} if step.total is None else {"total": step.total})
            for step in self._busy.values()
        ]
        return told | self._describe()

    def _tell(self) -> None:
        self._timer = None
        self._due = asyncio.get_running_loop().time() + _INTERVAL_S
        told = self.snapshot()
        if told != self._told:
            self._told = told
            self._notify("nsllm/status", told)
