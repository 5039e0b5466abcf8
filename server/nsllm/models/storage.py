"""The folder of the models: locks, space, and errors of the disk."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from nsllm import home
from nsllm.errors import DiskFullError, DownloadError

_HINT = "Free some space, or set NSLLM_HOME to a folder on a larger disk."


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(
                f"The disk of {folder} is full; what was installed before is untouched.",
                hint=_HINT,
            ) from error
        raise DownloadError(
            f"{error.filename or folder} cannot be written: {error.strerror or error}.",
            hint="Check the permissions, and that no other program uses the model.",
        ) from error


@contextmanager
def exclusive(model_id: str) -> Iterator[None]:
    """Keep other processes off one model, as long as the block runs."""
    folder = home.models_folder()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{model_id}.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def partial_folder(model_id: str) -> Path:
    """Return where a model is made, and what an interrupted run leaves is found and removed."""
    return home.models_folder() / f".partial-{model_id}"


def require_space(what: str, needed_bytes: int) -> None:
    """Check that the disk of the models has room.

    Raises:
        DiskFullError: it has less; says how much it takes, and how much there is.
    """
    folder = home.models_folder()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskFullError(
            f"{what} takes {needed_bytes / 1e6:,.0f} MB while it is installed, and {folder} has "
            f"{free_bytes / 1e6:,.0f} MB free.",
            hint=_HINT,
        )
