"""Follow the files of folders for clients that do not tell of changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from nsllm.errors import WorkspaceError
from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.uris import uri_of
from nsllm.settings import Documents

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

logger = logging.getLogger(__name__)

_CLIENT_WATCHES = "workspace.didChangeWatchedFiles.dynamicRegistration"


class Watching:
    """The watchers of all folders; none where the client watches."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._changed: Callable[[Iterable[str]], None] = lambda _uris: None
        self._tasks: dict[str, tuple[Documents, asyncio.Task[None]]] = {}
        self.client_watches = True
        """Whether a client that offered to watch files has agreed to it."""

    def listen(self, changed: Callable[[Iterable[str]], None]) -> None:
        """Call `changed` with the URIs of files that came, changed or went."""
        self._changed = changed

    def follow(self, folders: Iterable[Folder]) -> None:
        """Follow these folders and no others; one with other settings is followed anew."""
        if self.client_watches and self._server.supports(_CLIENT_WATCHES):
            return
        wanted = {folder.uri: folder for folder in folders}
        for uri, (documents, task) in list(self._tasks.items()):
            if uri not in wanted or wanted[uri].settings.documents != documents or task.done():
                task.cancel()
                del self._tasks[uri]
        for uri, folder in wanted.items():
            if uri not in self._tasks and folder.path.is_dir():
                task = self._server.background.start(self._watch(folder))
                self._tasks[uri] = folder.settings.documents, task

    async def _watch(self, folder: Folder) -> None:
        from nsllm.documents.watcher import watch

        key = f"watch {folder.uri}"
        try:
            async for paths in watch(folder.path, folder.settings.documents):
                self._changed([uri_of(folder.path / path) for path in paths])
        except (OSError, RuntimeError) as error:
            # watchfiles reports what the system refuses, such as one watch too many, as either.
            logger.warning("%s is not watched: %s", folder.path, error)
            trouble = WorkspaceError(
                f"{folder.path} cannot be watched ({error}).",
                hint="Changes outside the editor are seen at the next start, or by `nsllm index`.",
            )
            self._server.status.trouble(key, trouble, "warning")
