"""The folders of the editor's workspace: one Application each, one set of models for all."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from lsprotocol import types

from nsllm.errors import ModelMissingError, NsllmError, WorkspaceError
from nsllm.frontends.lsp.asking import new_progress, pull_section, register_for_changes
from nsllm.frontends.lsp.configuration import SECTION, Configuration
from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.status import Health
from nsllm.frontends.lsp.uris import path_of, relative, uri_of
from nsllm.settings import Generation, Settings
from nsllm.types import Progress, ProgressListener

if TYPE_CHECKING:
    from nsllm.app import Application
    from nsllm.frontends.lsp.server import Server
    from nsllm.runtime import ModelRuntime


class Workspaces:
    """All folders, by URI."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._folders: dict[str, Folder] = {}
        self._models: ModelRuntime | None = None
        self._configuration: Configuration | None = None
        self._own = Settings()
        self._begun = asyncio.Event()
        self._indexing = asyncio.Lock()
        self._syncing: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        server.documents.listen(self._buffer_changed, self._buffer_closed)

    def __iter__(self) -> Iterator[Folder]:
        return iter(list(self._folders.values()))

    def open(self, params: Mapping[str, Any], *, trusted: bool) -> None:
        """Take the folders that `initialize` names."""
        can_pull = self._server.supports("workspace.configuration")
        self._configuration = Configuration(
            partial(pull_section, self._server) if can_pull else None,
            self._server.show,
            trusted=trusted,
        )
        options = params.get("initializationOptions") or {}
        self._configuration.push({SECTION: options.get("settings") or {}})
        roots = [folder["uri"] for folder in params.get("workspaceFolders") or ()]
        if not roots and params.get("rootUri"):
            roots = [params["rootUri"]]
        elif not roots and params.get("rootPath"):
            roots = [uri_of(Path(params["rootPath"]))]
        for uri in roots:
            self._add(uri)

    async def begin(self) -> None:
        """Read the settings, register for changes, and index all folders in the background."""
        self._server.watching.client_watches = await register_for_changes(self._server)
        await self._load_settings()
        self._begun.set()
        self._server.watching.follow(self)
        self._server.status.changed()
        for folder in self:
            self.sync(folder)
        for buffer in self._server.documents:
            self._buffer_changed(buffer.uri)

    async def change(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        """Add and remove folders."""
        for removed in event.removed:
            folder = self._folders.pop(removed.uri, None)
            if folder:
                await self._close(folder)
        for added in event.added:
            if self._add(added.uri):
                folder = self._folders[added.uri]
                folder.settings = await self._settings(folder)
                self.sync(folder)
        self._server.watching.follow(self)
        for buffer in self._server.documents:
            self._buffer_changed(buffer.uri)
        self._server.status.changed()

    async def reconfigure(self, pushed: object = None) -> None:
        """Read the settings again and let them hold from now on."""
        if self._configuration is None:
            return
        self._configuration.push(pushed)
        before = {folder.uri: folder.settings for folder in self}
        models = _of_models(self._general())
        await self._load_settings()
        if self._models and _of_models(self._general()) != models:
            await self.release_models()
        for folder in self:
            if folder.settings != before.get(folder.uri):
                await folder.aclose()
                self.sync(folder)
        self._server.watching.follow(self)
        self._server.governor.sources_changed()
        self._server.succeeded()

    def place(self, uri: str) -> tuple[Folder, str] | None:
        """Return the folder of a document, and its path there; the innermost if they nest."""
        path = path_of(uri)
        if path is None:
            return None
        places = [
            (folder, inner) for folder in self if (inner := relative(path, folder.path)) is not None
        ]
        return min(places, key=lambda place: len(place[1]), default=None)

    def home(self, uri: str) -> tuple[Folder, str] | None:
        """Return the folder against which a document is governed, and the document's path.

        A document that is not saved yet belongs to the folder that is asked by default.
        """
        place = self.place(uri)
        if place is None and uri.startswith("untitled:") and self._folders:
            return self.pick(None), uri
        return place

    def at(self, root: Path | None) -> Folder | None:
        """Return the folder of this path; None where there is none."""
        return next((folder for folder in self if folder.path == root), None)

    def nearest(self, uri: str) -> Folder:
        """Return the folder of a document; of one that is in none, what is asked by default.

        Raises:
            WorkspaceError: no folder is open.
        """
        place = self.place(uri)
        return place[0] if place else self.pick(None)

    def pick(self, uri: str | None) -> Folder:
        """Return the folder of a URI; without one the only folder, or the active document's.

        Raises:
            WorkspaceError: there is no such folder.
        """
        if uri is not None:
            folder = self._folders.get(uri) or self._folders.get(uri.rstrip("/"))
            place = self.place(uri)
            if folder or place:
                return folder or place[0]  # type: ignore[index]
            raise WorkspaceError(
                f"{uri} is not in the workspace.", hint="Add the folder to the workspace first."
            )
        active = self._server.documents.active
        place = self.place(active) if active else None
        if place:
            return place[0]
        if not self._folders:
            raise WorkspaceError(
                "No folder is open.", hint="Open a folder: questions are answered from its files."
            )
        return next(iter(self._folders.values()))

    async def models(self) -> "ModelRuntime":
        """Return the models that all folders share."""
        await self._begun.wait()
        if self._models is None:
            # Importing the core takes long enough to be felt; requests go on meanwhile.
            module = await asyncio.to_thread(import_module, "nsllm.runtime")
            if self._models is None:
                self._models = module.ModelRuntime(self._general())
        return self._models

    def models_changed(self) -> None:
        """Go on with models that came or went."""
        self._server.status.changed()
        for folder in self:
            self.sync(folder)

    async def release_models(self) -> None:
        """Close all models and what rests on them; each is opened again at the next use."""
        # Who asks meanwhile must not be given what is about to close.
        models, self._models = self._models, None
        await asyncio.gather(*(folder.aclose() for folder in self))
        if models:
            await models.aclose()

    def sync(self, folder: Folder) -> None:
        """Bring a folder's index up to date in the background; one that runs is run once more."""
        running = self._syncing.get(folder.uri)
        if running and not running.done():
            self._again.add(folder.uri)
            return
        self._syncing[folder.uri] = self._server.background.start(self._sync(folder))

    def is_indexing(self, folder: Folder) -> bool:
        """Tell whether a folder's index is being brought up to date."""
        task = self._syncing.get(folder.uri)
        return task is not None and not task.done()

    async def sync_now(
        self, folder: Folder, listener: ProgressListener, *, rebuild: bool = False
    ) -> None:
        """Bring a folder's index up to date, or build it anew, and wait for it."""
        try:
            async with self._indexing:
                await folder.sync(self._both(folder, listener), rebuild=rebuild)
        finally:
            self._server.status.busy(folder.uri, None)
        self._server.status.trouble(folder.uri, None)
        self._server.governor.sources_changed(folder)

    def check_failed(self, error: NsllmError | None) -> None:
        """Say that documents cannot be judged, or with None that they can again."""
        self._server.status.trouble("check", error, "warning")

    def describe(self) -> dict[str, Any]:
        """Return what the status says of models and folders."""
        chosen = self._general().models
        return {
            "models": {"embedder": chosen.embedder, "generator": chosen.generator},
            "folders": [folder.describe() for folder in self],
        }

    async def aclose(self) -> None:
        """Close all folders and the models."""
        for folder in self:
            await self._close(folder)
        self._folders.clear()
        await self.release_models()

    def _add(self, uri: str) -> bool:
        path = path_of(uri)
        if path is None or uri in self._folders:
            return False
        self._folders[uri] = Folder(
            uri, path, self._open_application, self._server.background.start
        )
        return True

    async def _close(self, folder: Folder) -> None:
        task = self._syncing.pop(folder.uri, None)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._server.status.trouble(folder.uri, None)
        await folder.aclose()

    async def _open_application(self, folder: Folder) -> "Application":
        module = await asyncio.to_thread(import_module, "nsllm.app")
        application: Application = module.Application(
            folder.path, folder.settings, await self.models()
        )
        return application

    async def _sync(self, folder: Folder) -> None:
        token = await new_progress(self._server)
        task = f"Indexing {folder.path.name}"
        self._server.status.busy(folder.uri, Progress(task=task, unit="files"))
        try:
            async with self._indexing, self._server.work.show(token, task) as show:
                await folder.sync(self._both(folder, show))
            self._server.status.trouble(folder.uri, None)
            for buffer in self._server.documents:
                if (place := self.place(buffer.uri)) and place[0] is folder:
                    folder.buffer_changed(place[1], buffer.text, lambda: None)
        except NsllmError as error:
            health: Health = "warning" if isinstance(error, ModelMissingError) else "error"
            self._server.status.trouble(folder.uri, error, health)
        finally:
            self._server.status.busy(folder.uri, None)
        self._server.governor.sources_changed(folder)
        if folder.uri in self._again:
            self._again.discard(folder.uri)
            self._syncing[folder.uri] = self._server.background.start(self._sync(folder))

    def _both(self, folder: Folder, show: ProgressListener) -> ProgressListener:
        loop = asyncio.get_running_loop()

        def listen(step: Progress) -> None:
            show(step)
            loop.call_soon_threadsafe(self._server.status.busy, folder.uri, step)

        return listen

    def _buffer_changed(self, uri: str) -> None:
        place = self.place(uri)
        buffer = self._server.documents.get(uri)
        if place and buffer and self._begun.is_set():
            folder, path = place
            folder.buffer_changed(path, buffer.text, partial(self._indexed, folder, uri))
        self._server.governor.schedule(uri)

    def _buffer_closed(self, uri: str) -> None:
        self._server.governor.forget(uri)
        if (place := self.place(uri)) and self._begun.is_set():
            folder, path = place
            folder.buffer_changed(path, None, partial(self._indexed, folder, uri))

    def _indexed(self, folder: Folder, uri: str) -> None:
        self._server.governor.sources_changed(folder, by=uri)

    def _general(self) -> Settings:
        """Return the settings of what all folders share: the first folder's, or the user's own."""
        return next((folder.settings for folder in self), self._own)

    async def _load_settings(self) -> None:
        for folder in self:
            folder.settings = await self._settings(folder)
        if self._configuration and not self._folders:
            self._own = await self._configuration.load(None, None)

    async def _settings(self, folder: Folder) -> Settings:
        if self._configuration is None:
            return folder.settings
        return await self._configuration.load(folder.uri, folder.path)


def _of_models(settings: Settings) -> tuple[object, ...]:
    """Return those settings that models are opened with; a change of others leaves them open."""
    # The mode is the question's: it only says whether a model is to write.
    generation = msgspec.structs.replace(settings.generation, mode=Generation().mode)
    return settings.models, settings.remote, generation
