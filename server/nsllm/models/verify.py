"""Compares an installed model with its manifest."""

import hashlib
from pathlib import Path

from nsllm.errors import ModelCorruptError
from nsllm.models.registry import FileRecord, InstalledModel
from nsllm.types import Progress, ProgressListener, ignore_progress


def check_sizes(installed: InstalledModel) -> None:
    """Compare the size of each file: cheap enough for every load.

    Raises:
        ModelCorruptError: a file is missing or has another size; names it.
    """
    for name, record in installed.manifest.files.items():
        path = installed.folder / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _corrupt(installed, f"{name} is missing") from error
        if size != record.size_bytes:
            raise _corrupt(installed, f"{name} has {size} bytes in place of {record.size_bytes}")


def verify(installed: InstalledModel, listener: ProgressListener = ignore_progress) -> None:
    """Read every file, and compare its SHA-256.

    Raises:
        ModelCorruptError: a file differs; names it, and what differs.
    """
    check_sizes(installed)
    total = installed.manifest.disk_bytes
    done = 0
    for name, record in installed.manifest.files.items():
        listener(Progress(task=f"verify {installed.id}", done=done, total=total, unit="bytes"))
        found = sha256_of(installed.folder / name)
        if found != record.sha256:
            raise _corrupt(
                installed, f"{name} has the SHA-256 {found[:12]}… in place of {record.sha256[:12]}…"
            )
        done += record.size_bytes
    listener(Progress(task=f"verify {installed.id}", done=total, total=total, unit="bytes"))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_of(path: Path) -> FileRecord:
    """Return the size and SHA-256 of a file."""
    return FileRecord(size_bytes=path.stat().st_size, sha256=sha256_of(path))


def _corrupt(installed: InstalledModel, reason: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"The model {installed.id} is damaged: {reason}.",
        hint=f"Fetch it again: nsllm models pull {installed.id}",
    )
