"""The one tree of errors.

Each class has a stable `code` that front ends pass on, a message that says what was met, and a
hint that says what to do. Front ends turn the `exit_code` into a process status.
"""

from pathlib import Path
from typing import ClassVar


class NsllmError(Exception):
    """A failure that the user can understand and act on."""

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"

    @property
    def details(self) -> dict[str, object]:
        """What a program can act on, besides the code; front ends pass it on."""
        return {}


class UsageError(NsllmError):
    """The request itself is wrong: nothing about the machine has to change."""

    code = "usage"
    exit_code = 2


class SettingsError(UsageError):
    """A settings file, variable or argument holds a value that does not fit; names the key."""

    code = "settings"

    def __init__(self, message: str, *, hint: str, file: Path | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file


class QuestionError(UsageError):
    """The question is empty, or longer than the model's context can hold."""

    code = "question"


class UnknownModelError(UsageError):
    """No entry of models.toml has this id, or it has another task."""

    code = "model.unknown"


class RateLimitedError(NsllmError):
    """More was asked than `[limits]` allows; `retry_after_s` is how long to wait."""

    code = "rate.limited"

    def __init__(self, message: str, *, hint: str, retry_after_s: float) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s

    @property
    def details(self) -> dict[str, object]:
        return {"retry_after_s": round(self.retry_after_s, 3)}


class MachineError(NsllmError):
    """The machine, its disk or its network stands in the way."""

    code = "environment"


class WorkspaceError(MachineError):
    """The workspace folder does not exist, cannot be read, or holds nothing to index."""

    code = "workspace"


class WorkspaceIndexError(MachineError):
    """The index cannot be opened, written or rebuilt."""

    code = "index"


class IndexBusyError(WorkspaceIndexError):
    """Another process is indexing the same workspace and did not finish in time."""

    code = "index.busy"


class DiskFullError(MachineError):
    """A file could not be written because the disk, or the user's share of it, is full."""

    code = "disk.full"


class AuditError(MachineError):
    """The audit log cannot be opened, read or written, or is of a newer format."""

    code = "audit"


class DownloadError(MachineError):
    """A model could not be fetched; what was there before is untouched."""

    code = "model.download"


class ModelMissingError(MachineError):
    """The model is known but not on this machine, and downloading was not allowed."""

    code = "model.missing"


class ModelCorruptError(MachineError):
    """A model file does not have the hash, the size or the structure it should have."""

    code = "model.corrupt"


class ModelUnsupportedError(MachineError):
    """A model file is sound, but of an architecture or quantisation that is not supported."""

    code = "model.unsupported"


class NativeLibraryError(MachineError):
    """A native library is missing, is of the wrong build, or fails to load."""

    code = "native"


class WorkerError(MachineError):
    """The generation worker died or answered out of protocol; carries its last words."""

    code = "worker"


class OutOfMemoryError(MachineError):
    """The model does not fit into the memory that is free."""

    code = "memory"


class RemoteError(MachineError):
    """The generator on another machine cannot be used, or broke off; `reason` says how."""

    code = "remote"

    def __init__(self, message: str, *, hint: str, reason: str) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason

    @property
    def details(self) -> dict[str, object]:
        return {"reason": self.reason}


class RemoteBusyError(RemoteError):
    """The generator on another machine asks to come back in `retry_after_s`."""

    code = "remote.busy"

    def __init__(self, message: str, *, hint: str, retry_after_s: float) -> None:
        super().__init__(message, hint=hint, reason="busy")
        self.retry_after_s = retry_after_s

    @property
    def details(self) -> dict[str, object]:
        return {**super().details, "retry_after_s": round(self.retry_after_s, 3)}
