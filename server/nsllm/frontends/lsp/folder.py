"""One workspace folder: its Application, its index kept true, and its generated regions."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsllm import home
from nsllm.errors import NsllmError, WorkspaceError
from nsllm.frontends.lsp.positions import without_surrogates
from nsllm.frontends.lsp.region_store import RegionStore, accepted_form
from nsllm.frontends.lsp.regions import Region, Regions, grown, normal_form, sentences_of
from nsllm.frontends.lsp.work import Start
from nsllm.settings import Settings
from nsllm.types import Judgement, ProgressListener

if TYPE_CHECKING:
    from nsllm.app import Application
    from nsllm.index.report import IndexReport

_DEBOUNCE_S = 0.15
_SOURCES = 5
"""Passages in which a sentence of generated text is looked for."""

Open = Callable[["Folder"], Awaitable["Application"]]


class Folder:
    """A folder of the editor's workspace."""

    def __init__(self, uri: str, path: Path, open_application: Open, start: Start) -> None:
        self.uri = uri
        self.path = path
        self.settings = Settings()
        self.report: IndexReport | None = None
        self.regions = Regions()
        self.accepted: set[tuple[str, str]] = set()
        self._open = open_application
        self._start = start
        self._opening: asyncio.Task[Application] | None = None
        self._store = RegionStore(home.workspace_folder(path))
        self._remembered = False
        self._remembering = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._pending: dict[str, str | None] = {}
        self._timer: asyncio.Task[None] | None = None
        self._flushing = asyncio.Lock()

    async def application(self) -> "Application":
        """Return the folder's Application, opened at the first use.

        Raises:
            WorkspaceError: the folder is gone.
        """
        if not self.path.is_dir():
            raise WorkspaceError(
                f"{self.path} is not a folder.", hint="Remove it from the workspace, or restore it."
            )
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open(self))
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except NsllmError:
            # The next request tries again: what was missing may be there by then.
            if self._opening is opening:
                self._opening = None
            raise

    async def sync(self, listener: ProgressListener, *, rebuild: bool = False) -> None:
        """Bring the index up to date with the files, or build it anew."""
        application = await self.application()
        self.report = await application.index(listener, rebuild=rebuild)

    async def check(self, text: str, path: str | None) -> Judgement:
        """Judge a text against the folder; its own document and generated text support nothing."""
        application = await self.application()
        return await application.check(
            without_surrogates(text), path=path, is_generated=self.regions.wrote
        )

    def governs(self, path: str) -> bool:
        """Tell whether the setting `check.folders` names a document."""
        patterns = self.settings.check.folders
        if not patterns:
            return False
        import pathspec

        return pathspec.GitIgnoreSpec.from_lines(patterns).match_file(path)

    async def remember(self) -> None:
        """Read what was known of generated text before the last restart."""
        # Of several documents that open at once, none is judged before this is known.
        async with self._remembering:
            if self._remembered:
                return
            regions, self.accepted = await asyncio.to_thread(self._store.load)
            for region in regions:
                self.regions.add(region)
            self._remembered = True

    async def keep(self, region: Region) -> None:
        """Remember a region, over restarts too."""
        self.regions.add(region)
        async with self._writing:
            await asyncio.to_thread(self._store.save, region)

    async def keep_new(self, region: Region, learnt: Sequence[str], path: str) -> None:
        """Remember a region with new sentences, of which some may be quotes.

        What stands word for word in another document is its source's, and not generated: it must
        not be taken for generated text there, nor left out as evidence.
        """
        application = await self.application()
        quoted: dict[str, str] = {}
        for sentence in learnt or sentences_of(region.text):
            for passage in await application.search(without_surrogates(sentence), _SOURCES):
                chunk = passage.chunk
                if chunk.path != path and normal_form(sentence) in normal_form(chunk.text):
                    quoted[sentence] = chunk.path
        await self.keep(grown(region, learnt, quoted))

    async def accept(self, rule: str, text: str) -> None:
        """Remember that the user accepts findings of a rule on this text."""
        async with self._writing:
            self.accepted.add(await asyncio.to_thread(self._store.accept, rule, text))

    def is_accepted(self, rule: str, text: str) -> bool:
        """Tell whether the user accepted findings of a rule on this text."""
        return (rule, accepted_form(text)) in self.accepted

    def buffer_changed(self, path: str, text: str | None, done: Callable[[], None]) -> None:
        """Search an open document's text from soon on; with None, the file's again."""
        self._pending[path] = text
        if self._timer is None or self._timer.done():
            self._timer = self._start(self._flush_soon(done))

    async def flush(self) -> None:
        """Bring all changed buffers into the index now, those included that are on their way."""
        application = await self.application()
        # One at a time: an older text of a document must not come in after a newer one.
        async with self._flushing:
            while self._pending:
                path, text = self._pending.popitem()
                try:
                    if text is None:
                        await application.close_buffer(path)
                    else:
                        await application.update_buffer(path, without_surrogates(text))
                except asyncio.CancelledError:
                    # A search was given up: what it was to find is still to come in.
                    self._pending.setdefault(path, text)
                    raise

    async def aclose(self) -> None:
        """Close the Application, and end what is under way."""
        # Who asks meanwhile opens another one: this one's models may be about to close.
        opening, self._opening = self._opening, None
        if self._timer:
            self._timer.cancel()
            await asyncio.wait([self._timer])
        if opening:
            [opened] = await asyncio.gather(opening, return_exceptions=True)
            if not isinstance(opened, BaseException):
                opened.close()

    def describe(self) -> dict[str, Any]:
        """Return what the status says of the folder."""
        report = self.report
        return {
            "workspace": self.uri,
            "documents": report.documents if report else 0,
            "chunks": report.chunks if report else 0,
        }

    async def _flush_soon(self, done: Callable[[], None]) -> None:
        await asyncio.sleep(_DEBOUNCE_S)
        try:
            await self.flush()
        except NsllmError:
            return  # What is wrong with the index, the status says; after a sync all is sent again.
        done()
