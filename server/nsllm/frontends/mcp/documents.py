"""The documents of a workspace as a client may read them: what the index would hold, no more."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from nsllm.documents import reader
from nsllm.documents.ignore import IgnoreRules
from nsllm.errors import UsageError
from nsllm.settings import Documents

_HINT = "`resources/list` names the documents that can be read."


def paths(workspace: Path, settings: Documents) -> Iterator[reader.Found]:
    """Yield the documents, folder by folder in the order of their names."""
    rules = IgnoreRules(workspace, settings)
    for found in reader.walk(workspace, rules, settings):
        if isinstance(found, reader.Found):
            yield found


def read(workspace: Path, path: str, settings: Documents) -> str:
    """Return the text of one document.

    Raises:
        UsageError: the path leaves the workspace, is ignored, or leads to nothing readable. What
            lies outside is not looked at, so that the answer tells nothing about it.
    """
    if not _is_inside(path):
        raise UsageError(f"{path} is not a path within the workspace.", hint=_HINT)
    rules = IgnoreRules(workspace, settings)
    try:
        found = next(reader.find(workspace, path, rules, settings), None)
    except ValueError:  # a null byte
        found = None
    if found is None or found.path != path:
        raise UsageError(f"There is no document {path} in the workspace.", hint=_HINT)
    loaded = reader.read(workspace, found) if isinstance(found, reader.Found) else found
    if isinstance(loaded, reader.Skipped):
        raise UsageError(f"{path} cannot be read: it {loaded.reason}.", hint=_HINT)
    return loaded.document.text


def _is_inside(path: str) -> bool:
    """Tell whether a path is relative and normal, on every system."""
    windows = PureWindowsPath(path)
    is_normal = str(PurePosixPath(path)) == path and ".." not in windows.parts
    return is_normal and path not in ("", ".") and not (windows.drive or windows.root)
