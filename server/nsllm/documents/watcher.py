"""Follow the changes of a workspace's files."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from nsllm.documents.ignore import RULE_FILES, IgnoreRules
from nsllm.errors import WorkspaceError
from nsllm.settings import Documents

DEBOUNCE_MS = 400


async def watch(
    workspace: Path,
    settings: Documents,
    *,
    stop: asyncio.Event | None = None,
    listening: asyncio.Event | None = None,
    debounce_ms: int = DEBOUNCE_MS,
) -> AsyncGenerator[frozenset[str], None]:
    """Yield the paths that were added, changed or removed, as sync(paths=…) takes them.

    A path may be of a folder that came or went as a whole. Changes that follow each other
    within `debounce_ms` come together; what the rules leave out does not come at all.
    `listening` is set as soon as no change is missed any more.
    """
    from watchfiles import awatch

    root = await asyncio.to_thread(workspace.resolve)
    rules = IgnoreRules(root, settings)
    if listening is not None:
        # awatch listens before it pauses for the first time, and only then is this called.
        asyncio.get_running_loop().call_soon(listening.set)
    async for changes in awatch(
        root,
        watch_filter=None,
        debounce=debounce_ms,
        stop_event=stop,
        ignore_permission_denied=True,
    ):
        paths = {Path(changed).relative_to(root).as_posix() for _, changed in changes}
        paths.discard(".")  # of the folder itself, such as its rights; a file's comes by its name
        if any(path.rpartition("/")[2] in RULE_FILES for path in paths):
            rules = IgnoreRules(root, settings)
        kept = frozenset(path for path in paths if is_followed(rules, path))
        if kept:
            yield kept


async def follow(
    workspace: Path, settings: Documents, *, debounce_ms: int = DEBOUNCE_MS
) -> AsyncGenerator[frozenset[str] | None, None]:
    """Yield None as soon as no change is missed any more, then what `watch` yields.

    What is brought in step with all files at the first, and with the paths of the rest, misses
    nothing.

    Raises:
        WorkspaceError: the system cannot watch the folder; raised behind the first.
    """
    listening = asyncio.Event()
    bursts = watch(workspace, settings, listening=listening, debounce_ms=debounce_ms)
    burst = asyncio.ensure_future(anext(bursts, None))
    burst.add_done_callback(lambda _burst: listening.set())  # where it failed before
    try:
        await listening.wait()
        yield None
        while (paths := await burst) is not None:
            yield paths
            burst = asyncio.ensure_future(anext(bursts, None))
    except (OSError, RuntimeError) as error:
        # watchfiles reports what the system refuses, such as one watch too many, as either.
        raise WorkspaceError(
            f"{workspace} cannot be watched ({error}).",
            hint="Let the system watch more files, or index again after each change.",
        ) from error
    finally:
        burst.cancel()
        await asyncio.wait({burst})
        await bursts.aclose()


def is_followed(rules: IgnoreRules, path: str) -> bool:
    """Tell whether a change of `path` can matter to the index."""
    folder, _, name = path.rpartition("/")
    if name in RULE_FILES:
        return not (folder and rules.ignores(folder, directory=True))
    # What is gone cannot be asked whether it was a folder.
    return not rules.ignores(path) and not rules.ignores(path, directory=True)
