"""Which texts a command was given: files, folders through the ignore rules, standard input."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from nsllm.cli.checked import shown
from nsllm.documents.ignore import IgnoreRules
from nsllm.documents.reader import Skipped, decode, find, walk
from nsllm.errors import UsageError
from nsllm.settings import Documents

STDIN = "-"
_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".txt", ".rst", ".adoc", ".org"})
"""What of a folder is checked: what is written for people. A file that is named always is."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A text to check; `path` is relative to the workspace, None where it is not in it."""

    shown: str
    text: str
    path: str | None


def targets(
    paths: Iterable[str],
    workspace: Path,
    documents: Documents,
    *,
    stdin_filename: Path | None = None,
) -> Iterator[Target | Skipped]:
    """Yield each text once, in the order of the arguments.

    `stdin_filename`: the file that standard input stands for, there or not.

    Raises:
        UsageError: there is no such file or folder, or the name cannot be looked up.
    """
    seen: set[str] = set()
    for given in paths:
        for target in _one(given, workspace, documents, stdin_filename):
            name = target.path if isinstance(target, Skipped) else target.shown
            if name not in seen:
                seen.add(name)
                yield target


def _one(
    given: str, workspace: Path, documents: Documents, stdin_filename: Path | None
) -> Iterator[Target | Skipped]:
    if given == STDIN:
        data = sys.stdin.buffer.read()
        if stdin_filename is None:
            yield _decoded(data, "<stdin>", None)
        else:
            yield _decoded(data, shown(stdin_filename), _relative(stdin_filename, workspace))
        return
    path = Path(given)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        # Too long for a name, or in a folder that is closed to this user.
        raise UsageError(
            f"{given} cannot be read: {error.strerror}.", hint="Check the name and its permissions."
        ) from error
    if is_folder:
        yield from _folder(path, workspace, documents)
    elif is_there:
        yield _file(path, workspace)
    else:
        raise UsageError(
            f"There is no file or folder {given}.", hint="Check the name; - reads standard input."
        )


def _folder(folder: Path, workspace: Path, documents: Documents) -> Iterator[Target | Skipped]:
    within = _relative(folder, workspace)
    root = workspace if within is not None else folder
    rules = IgnoreRules(root.resolve(), documents)
    below = "" if within in {None, "."} else within
    listed = find(root, below, rules, documents) if below else walk(root, rules, documents)
    for found in listed:
        if isinstance(found, Skipped):
            yield Skipped(path=shown(root / found.path), reason=found.reason)
        elif PurePosixPath(found.path).suffix.lower() in _SUFFIXES:
            yield _file(root / found.path, workspace)


def _file(path: Path, workspace: Path) -> Target | Skipped:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Skipped(path=shown(path), reason=f"cannot be read: {error.strerror}")
    return _decoded(data, shown(path), _relative(path, workspace))


def _decoded(data: bytes, name: str, path: str | None) -> Target | Skipped:
    text = decode(data)
    if text is None:
        return Skipped(path=name, reason="is binary")
    return Target(shown=name, text=text, path=path)


def _relative(path: Path, workspace: Path) -> str | None:
    try:
        return path.resolve().relative_to(workspace.resolve()).as_posix()
    except ValueError:
        return None
