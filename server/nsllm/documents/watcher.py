"""Follow the changes of a workspace's files."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from nsllm.documents.ignore import RULE_FILES, IgnoreRules
from nsllm.settings import Documents

DEBOUNCE_MS = 400


async def watch(
    workspace: Path,
    settings: Documents,
    *,
    stop: asyncio.Event | None = None,
    debounce_ms: int = DEBOUNCE_MS,
) -> AsyncIterator[frozenset[str]]:
    """Yield the paths that were added, changed or removed, as sync(paths=…) takes them.

    A path may be of a folder that came or went as a whole. Changes that follow each other
    within `debounce_ms` come together; what the rules leave out does not come at all.
    """
    from watchfiles import awatch

    root = await asyncio.to_thread(workspace.resolve)
    rules = IgnoreRules(root, settings)
    async for changes in awatch(
        root,
        watch_filter=None,
        debounce=debounce_ms,
        stop_event=stop,
        ignore_permission_denied=True,
    ):
        paths = {Path(changed).relative_to(root).as_posix() for _, changed in changes}
        if any(path.rpartition("/")[2] in RULE_FILES for path in paths):
            rules = IgnoreRules(root, settings)
        kept = frozenset(path for path in paths if is_followed(rules, path))
        if kept:
            yield kept


def is_followed(rules: IgnoreRules, path: str) -> bool:
    """Tell whether a change of `path` can matter to the index."""
    folder, _, name = path.rpartition("/")
    if name in RULE_FILES:
        return not (folder and rules.ignores(folder, directory=True))
    # What is gone cannot be asked whether it was a folder.
    return not rules.ignores(path) and not rules.ignores(path, directory=True)
