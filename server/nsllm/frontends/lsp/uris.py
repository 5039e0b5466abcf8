"""Files and their URIs."""

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

_DRIVE = re.compile(r"^/([A-Za-z]):")


def path_of(uri: str) -> Path | None:
    """Return the path of a `file:` URI; None for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    # Only "?" and "#" that are not encoded end a path, and those are not part of a file's name.
    path = unquote(parts.path)
    if os.name == "nt":
        path = _DRIVE.sub(lambda match: f"{match[1].upper()}:", path)
        if parts.netloc:
            path = f"//{parts.netloc}{path}"
    return Path(path)


def uri_of(path: Path) -> str:
    """Return the URI of an absolute path."""
    return path.as_uri()


def relative(path: Path, folder: Path) -> str | None:
    """Return the path within a folder, with forward slashes; None if it is not within."""
    for inner, outer in ((path, folder), (path.resolve(), folder.resolve())):
        try:
            return str(PurePosixPath(*inner.relative_to(outer).parts))
        except ValueError:
            continue
    return None
