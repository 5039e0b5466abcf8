"""Folders and files that hold what a user wrote or may do: closed to other users of the machine."""

from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder, or take the one there is, and close it: what lies in it is closed too.

    Raises:
        OSError: it is not there and cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # somebody else's, or a file system without modes
        folder.chmod(0o700)


def make_file(path: Path) -> None:
    """Make a file, or take the one there is, and close it, before anything is written to it.

    What cannot be made or closed is left to the writer, who says what is wrong with it.
    """
    with suppress(OSError):
        path.touch(mode=0o600)
        path.chmod(0o600)
