"""What the server serves: workspaces by name, their indexes kept true, and one set of models."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from nsllm import settings
from nsllm.app import Application
from nsllm.cache.store import CacheStatus
from nsllm.errors import ModelMissingError, NsllmError, SettingsError, UnknownModelError
from nsllm.frontends.http.contracts import Folder
from nsllm.frontends.http.problems import RequestRefused, crash
from nsllm.index.report import IndexReport
from nsllm.models.registry import setting_of
from nsllm.runtime import ModelRuntime
from nsllm.settings_file import remember

logger = logging.getLogger(__name__)

RETRY_S = 60.0
"""Until the files of a workspace are followed again after something went wrong."""


class _Loaded:
    """Models and the Applications that rest on them; closed when replaced and nobody uses them."""

    def __init__(self, folders: dict[str, Path], *, trusted: bool) -> None:
        first = next(iter(folders.values()))
        self.models = ModelRuntime(settings.load(first, trusted=trusted))
        self.applications = {
            name: Application(path, settings.load(path, trusted=trusted), self.models)
            for name, path in folders.items()
        }
        self.users = 0
        self.retired = False

    async def aclose(self) -> None:
        await self.models.aclose()
        for application in self.applications.values():
            application.close()


class Service:
    """The workspaces of one server; those that are not trusted decide less (`settings`)."""

    def __init__(self, folders: Iterable[Path], *, trusted: bool = True) -> None:
        self._folders = _named(folders)
        self._trusted = trusted
        self._loaded = _Loaded(self._folders, trusted=trusted)
        self._reports: dict[str, IndexReport] = {}
        self._problems: dict[str, NsllmError] = {}
        self._busy: dict[str, int] = {}
        self._indexing = asyncio.Lock()
        self._switching = asyncio.Lock()
        self._following: dict[str, asyncio.Task[None]] = {}
        self._updates: set[asyncio.Task[None]] = set()
        self._rebuilds: dict[str, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._begun = {name: asyncio.Event() for name in self._folders}
        self._is_stopping = False

    @property
    def models(self) -> ModelRuntime:
        """The models in use."""
        return self._loaded.models

    def start(self) -> None:
        """Index all workspaces in the background, then follow their files."""
        self._following = {
            name: asyncio.create_task(self._follow(name, application))
            for name, application in self._loaded.applications.items()
        }

    def stop(self) -> None:
        """Tell that no new question should be sent here."""
        self._is_stopping = True

    def name(self, workspace: str | None) -> str:
        """Return the name of a workspace; the first one's where none is given.

        Raises:
            RequestRefused: there is none of this name.
        """
        if workspace is None:
            return next(iter(self._folders))
        if workspace not in self._folders:
            raise RequestRefused(
                404,
                "workspace.unknown",
                "There is no workspace of this name.",
                hint=f"There are {', '.join(self._folders)}.",
            )
        return workspace

    def recorded(self) -> frozenset[str]:
        """Return the workspaces as the audit log names them; its others are none of this server."""
        return frozenset(str(folder) for folder in self._folders.values())

    def place(self, workspace: str | None = None) -> tuple[Path, settings.Settings]:
        """Return a workspace's folder and settings, indexed or not."""
        application = self._loaded.applications[self.name(workspace)]
        return application.workspace, application.settings

    @asynccontextmanager
    async def use(self, workspace: str | None = None) -> AsyncIterator[Application]:
        """Lend a workspace's Application, once it was indexed for the first time.

        A switch of models meanwhile does not disturb it.
        """
        name = self.name(workspace)
        while not self._begun[name].is_set():  # it may have to begin again meanwhile
            await self._begun[name].wait()
        async with self._lent(name) as application:
            yield application

    @asynccontextmanager
    async def _lent(self, name: str) -> AsyncIterator[Application]:
        loaded = self._loaded
        loaded.users += 1
        try:
            yield loaded.applications[name]
        finally:
            loaded.users -= 1
            self._close_if_free(loaded)

    def caches(self) -> list[CacheStatus]:
        """Return the state of every workspace's cache."""
        return [one.cache.status() for one in self._loaded.applications.values()]

    async def admit(self, workspace: str | None, client: str) -> None:
        """Count a call that costs work by the limits of its workspace.

        Raises:
            RequestRefused: there is no such workspace.
            RateLimitedError: a limit is used up.
        """
        await self._loaded.applications[self.name(workspace)].admit(client)

    def check_generator(self, model: str | None) -> None:
        """Refuse a model that cannot answer.

        Raises:
            UnknownModelError: there is none, or it is of another kind.
        """
        if model is not None and self.models.registry.get(model).task != "generation":
            raise UnknownModelError(
                f"The model {model} does not write texts.", hint="`GET /api/models` lists them."
            )

    async def index(self, workspace: str | None, *, rebuild: bool) -> None:
        """Bring the index of one workspace, or of all, up to date, or build it anew.

        It is done whether or not the caller waits for its end. Questions are answered meanwhile.
        """
        names = list(self._folders) if workspace is None else [self.name(workspace)]
        updates = [self._begin(name, rebuild=rebuild) for name in names]
        await asyncio.shield(asyncio.gather(*updates))

    async def switch(self, model: str) -> None:
        """Use another model for what it does from now on; what runs goes on with the old one.

        Raises:
            UnknownModelError: there is no such model.
            ModelMissingError: it is not on this machine.
            UsageError: it is not a matter of choice.
            SettingsError: the workspace's file or the environment decides otherwise.
        """
        async with self._switching:
            known = self.models.registry.get(model)
            setting = setting_of(known)
            if not known.is_remote and self.models.registry.installed(model) is None:
                raise ModelMissingError(
                    f"The model {model} is not on this machine.",
                    hint=f"Fetch it on the server: nsllm models pull {model}",
                )
            if model in self.models.needed():
                return
            await asyncio.to_thread(remember, "models", setting, model)
            new = _Loaded(self._folders, trusted=self._trusted)
            if model not in new.models.needed():
                await new.aclose()
                raise SettingsError(
                    f"The model {model} was chosen, but `models.{setting}` is set elsewhere too.",
                    hint=f"Remove it from the first workspace's {settings.FILE_NAME} and from the "
                    f"server's environment (NSLLM_MODELS_{setting.upper()}): they come first.",
                )
            await self._stop_following()
            old, self._loaded = self._loaded, new
            if setting == "embedder":
                self._reports.clear()  # they hold no vectors that the new one could search
                for begun in self._begun.values():
                    begun.clear()
            old.retired = True
            self._close_if_free(old)
            self.start()

    def describe(self, workspace: str | None = None) -> list[Folder]:
        """Return the state of one workspace, or of all."""
        names = list(self._folders) if workspace is None else [self.name(workspace)]
        return [self._describe(name) for name in names]

    def readiness(self) -> Literal["ready", "indexing", "failed", "stopping"]:
        """Tell whether questions are answered."""
        if self._is_stopping:
            return "stopping"
        if any(name not in self._reports for name in self._folders):
            return "failed" if self._problems and not any(self._busy.values()) else "indexing"
        return "ready"

    async def aclose(self) -> None:
        """Close everything; what still runs fails."""
        self._is_stopping = True
        await _end(self._updates)
        await self._stop_following()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._loaded.aclose()

    def _describe(self, name: str) -> Folder:
        report, problem = self._reports.get(name), self._problems.get(name)
        is_busy = self._busy.get(name, 0) > 0 or (report is None and problem is None)
        return Folder(
            workspace=name,
            state="indexing" if is_busy else "failed" if problem else "ready",
            documents=report.documents if report else 0,
            chunks=report.chunks if report else 0,
            skipped=len(report.skipped) if report else 0,
            problem=str(problem) if problem else None,
        )

    def _begin(self, name: str, *, rebuild: bool) -> asyncio.Task[None]:
        """Start to bring an index up to date; who asks for a rebuild that runs gets that one."""
        running = self._rebuilds.get(name)
        if rebuild and running is not None and not running.done():
            return running
        task = asyncio.create_task(self._update(name, rebuild=rebuild))
        self._updates.add(task)
        task.add_done_callback(self._updates.discard)
        if rebuild:
            self._rebuilds[name] = task
        return task

    async def _update(self, name: str, *, rebuild: bool) -> None:
        was_followed = name not in self._problems
        try:
            await self._sync(name, lambda application: application.index(rebuild=rebuild))
        finally:
            # What was wrong until now is mended, or what failed now has to be made up for; what has
            # failed again is tried again in any case.
            is_followed = name not in self._problems
            if not self._is_stopping and was_followed != is_followed:
                self._follow_anew(name)

    async def _sync(self, name: str, work: Callable[[Application], Awaitable[IndexReport]]) -> None:
        """Index a workspace when it is its turn, and note how it went."""
        self._busy[name] = self._busy.get(name, 0) + 1
        if name not in self._reports:
            self._begun[name].clear()  # an attempt may have failed: there is nothing to search yet
        try:
            async with self._indexing, self._lent(name) as application:
                try:
                    outcome: IndexReport | NsllmError = await work(application)
                except Exception as error:
                    self._note(name, application, _problem(error))
                    raise
                self._note(name, application, outcome)
        finally:
            self._busy[name] -= 1

    def _note(self, name: str, application: Application, outcome: IndexReport | NsllmError) -> None:
        if self._loaded.applications[name] is not application:
            return  # another took its place, which is told of the index that it searches
        if isinstance(outcome, IndexReport):
            self._reports[name] = outcome
            self._problems.pop(name, None)
        else:
            self._problems[name] = outcome
        self._begun[name].set()

    async def _follow(self, name: str, application: Application) -> None:
        """Keep an index up to date; what goes wrong is logged once, and tried again."""
        told = ""
        while True:
            try:
                async with aclosing(application.watch()) as reports:
                    await self._sync(name, lambda _current: anext(reports))
                    async for report in reports:
                        self._reports[name] = report
            except Exception as error:  # of any kind: nobody awaits this task, the log must tell
                problem = self._problems[name] = _problem(error)
                if str(problem) != told:
                    told = str(problem)
                    message = "The index of %s is not kept up to date: %s"
                    logger.exception(message, name, told, exc_info=problem is not error)
            await asyncio.sleep(RETRY_S)

    def _follow_anew(self, name: str) -> None:
        """Go through all files once more, and follow them, if the workspaces are followed."""
        if name in self._following:
            self._following[name].cancel()
            self._following[name] = asyncio.create_task(
                self._follow(name, self._loaded.applications[name])
            )

    async def _stop_following(self) -> None:
        # None may be followed anew with an Application that is about to go.
        following, self._following = self._following, {}
        await _end(following.values())

    def _close_if_free(self, loaded: _Loaded) -> None:
        if loaded.retired and loaded.users == 0:
            self._spawn(loaded.aclose())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    ended = list(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)


def _problem(error: Exception) -> NsllmError:
    """Return what is told of an error; of one that nobody foresaw, nothing of its inside."""
    if isinstance(error, NsllmError):
        return error
    return NsllmError(crash(error).message, hint="This is a bug. The server's log has the details.")


def _named(folders: Iterable[Path]) -> dict[str, Path]:
    """Name each folder as on the disk; a second one of the same name gets a number."""
    named: dict[str, Path] = {}
    for folder in folders:
        path = folder.resolve()
        name, count = path.name or "workspace", 1
        while name in named:
            count += 1
            name = f"{path.name}-{count}"
        named[name] = path
    return named
