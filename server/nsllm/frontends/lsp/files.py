"""Changes that come from outside the open documents: files, names and settings."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from nsllm import settings
from nsllm.frontends.lsp.folder import Folder

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

_DEBOUNCE_S = 0.3


def register(server: "Server") -> None:
    """Take the notifications."""
    waiting: dict[str, Folder] = {}
    timers: list[asyncio.TimerHandle] = []

    def changed(uris: Iterable[str]) -> None:
        for uri in uris:
            place = server.workspaces.place(uri)
            if place is None or _is_hidden(place[1]):
                continue
            waiting[place[0].uri] = place[0]
            if PurePosixPath(place[1]).name == settings.FILE_NAME:
                server.background.run(server.workspaces.reconfigure())
        if waiting and not timers:
            # Checking out a branch changes many files within a moment: one look is enough.
            timers.append(asyncio.get_running_loop().call_later(_DEBOUNCE_S, sync))

    def sync() -> None:
        timers.clear()
        for folder in waiting.values():
            server.workspaces.sync(folder)
        waiting.clear()

    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        changed(event.uri for event in params.changes)

    def renamed(params: types.RenameFilesParams) -> None:
        changed(uri for file in params.files for uri in (file.old_uri, file.new_uri))

    def saved(params: Mapping[str, Any]) -> None:
        changed([params["textDocument"]["uri"]])

    async def configured(params: Mapping[str, Any]) -> None:
        await server.workspaces.reconfigure(params.get("settings"))

    server.watching.listen(changed)
    server.handle(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, watched)
    server.handle(types.WORKSPACE_DID_RENAME_FILES, renamed)
    server.handle(types.TEXT_DOCUMENT_DID_SAVE, saved)
    server.handle(types.WORKSPACE_DID_CHANGE_CONFIGURATION, configured)


def _is_hidden(path: str) -> bool:
    """Tell whether a path is the version control's own: it changes with every command."""
    return PurePosixPath(path).parts[:1] in {(".git",), (".hg",), (".svn",)}
