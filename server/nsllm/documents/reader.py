"""Find and read the documents of a workspace; one bad file never stops the others."""

import codecs
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import msgspec

from nsllm.documents.ignore import IgnoreRules
from nsllm.errors import WorkspaceError
from nsllm.settings import Documents
from nsllm.types import Document

# Files of data rather than of sentences: beyond this size they would crowd out the rest.
DATA_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".log", ".sql", ".ipynb"}
)
DATA_MAX_SIZE_BYTES = 256_000

_SNIFFED_BYTES = 65_536
_BINARY_SHARE = 0.1
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that is not, or not wholly, in the index, and why."""

    path: str
    reason: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the rules keep; `path` is relative to the workspace, with forward slashes."""

    path: str
    size_bytes: int
    mtime_ns: int


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A document, with a note where some of its bytes were not text."""

    document: Document
    note: str | None = None


def check_workspace(workspace: Path) -> None:
    """Raise WorkspaceError unless `workspace` is a folder that can be listed."""
    hint = "Name an existing folder with --workspace, or run the command inside one."
    if not workspace.exists():
        raise WorkspaceError(f"There is no folder {workspace}.", hint=hint)
    if not workspace.is_dir():
        raise WorkspaceError(f"{workspace} is a file, not a folder.", hint=hint)
    try:
        os.scandir(workspace).close()
    except OSError as error:
        raise WorkspaceError(
            f"The folder {workspace} cannot be read: {error.strerror}.",
            hint="Grant yourself the right to list it, or choose another folder.",
        ) from error


def walk(
    workspace: Path, rules: IgnoreRules, settings: Documents, *, below: str = ""
) -> Iterator[Found | Skipped]:
    """Yield the files that the rules keep, folder by folder in the order of their names.

    Links to folders are not followed, links to files only to files within the workspace.
    """
    root = workspace.resolve()
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(workspace / folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(path=folder, reason=f"cannot be listed: {error.strerror}")
            continue
        folders: list[str] = []
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_junction(entry) and not rules.ignores_entry(path, directory=True):
                    folders.append(path)
            elif not rules.ignores_entry(path, directory=False):
                found = _examine(root, path, settings)
                if found is not None:
                    yield found
        waiting.extend(reversed(folders))


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Tell whether a folder is a Windows junction, which may lead in circles."""
    check = getattr(entry, "is_junction", None)  # Python 3.12
    return bool(check()) if check else False


def find(
    workspace: Path, path: str, rules: IgnoreRules, settings: Documents
) -> Iterator[Found | Skipped]:
    """Yield what `walk` would yield at and below `path`; nothing where that is gone."""
    root = workspace.resolve()
    absolute = root / path
    try:
        linked = absolute.parent.resolve() != absolute.parent
    except (OSError, RuntimeError):
        return
    directory = absolute.is_dir() and not absolute.is_symlink()
    if linked or rules.ignores(path, directory=directory) or not os.path.lexists(absolute):
        return
    if directory:
        yield from walk(workspace, rules, settings, below=path)
    else:
        entry = _examine(root, path, settings)
        if entry is not None:
            yield entry


def _examine(root: Path, path: str, settings: Documents) -> Found | Skipped | None:
    """Check name, kind, link and size without opening; None for a link to a folder."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return Skipped(path=ascii(path)[1:-1], reason="its name is not valid Unicode")
    absolute = root / path
    try:
        status = absolute.stat()
        if stat.S_ISDIR(status.st_mode):
            return None
        if not stat.S_ISREG(status.st_mode):
            return Skipped(path=path, reason="is not a regular file")
        if absolute.is_symlink() and not absolute.resolve().is_relative_to(root):
            return Skipped(path=path, reason="links to a file outside the workspace")
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Skipped(path=path, reason=f"cannot be read: {reason}")
    limit = settings.max_size_bytes
    if PurePosixPath(path).suffix.lower() in DATA_SUFFIXES:
        limit = min(limit, DATA_MAX_SIZE_BYTES)
    if status.st_size > limit:
        reason = f"{status.st_size:,} bytes; the limit is {limit:,}"
        return Skipped(path=path, reason=reason)
    return Found(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file."""
    return path.read_bytes()


def read(
    workspace: Path, found: Found, opener: Callable[[Path], bytes] = read_bytes
) -> Loaded | Skipped:
    """Read and decode a file; what is no text is reported, never raised."""
    try:
        data = opener(workspace / found.path)
    except OSError as error:
        return Skipped(path=found.path, reason=f"cannot be read: {error.strerror or error}")
    text = decode(data)
    if text is None:
        return Skipped(path=found.path, reason="is binary")
    repaired = text.count("�") - data.count("�".encode())
    note = None
    if repaired > 0 and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        note = f"{repaired} bytes are not UTF-8; each is shown as �"
    return Loaded(document=make_document(found.path, text), note=note)


def same_file(workspace: Path, path: str | None) -> Callable[[str], bool]:
    """Return what tells whether another path of the workspace is the file at `path`.

    Links are other names of their file. What is not on the disk is told by its name alone.
    """

    def status(of: str) -> os.stat_result | None:
        try:
            return (workspace / of).stat()
        except (OSError, ValueError):
            return None

    own = status(path) if path is not None else None

    @cache
    def is_same(other: str) -> bool:
        if own is None or other == path:
            return other == path
        there = status(other)
        return there is not None and os.path.samestat(own, there)

    return is_same


def make_document(path: str, text: str) -> Document:
    """Return the document of this path and text, with the hash of that text."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Document(path=path, text=text, content_hash=digest)


def decode(data: bytes) -> str | None:
    """Decode by byte order mark, else as UTF-8, replacing what is invalid; None for binary."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    sniffed = data[:_SNIFFED_BYTES]
    if b"\0" in sniffed:
        return None
    invalid = sniffed.decode("utf-8", errors="replace").count("�") - sniffed.count("�".encode())
    if invalid > _BINARY_SHARE * len(sniffed) + 1:
        return None
    return data.decode("utf-8", errors="replace")
