"""Judge the generated and the governed parts of open documents, in the background."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from nsllm.errors import NsllmError
from nsllm.frontends.lsp.buffers import Buffer, Buffers
from nsllm.frontends.lsp.edits import Edit
from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.mutes import Muted
from nsllm.frontends.lsp.positions import Span
from nsllm.frontends.lsp.quotes import claim_span
from nsllm.frontends.lsp.regions import Match, Region, Regions
from nsllm.frontends.lsp.work import Start
from nsllm.types import Finding, Judgement

_DEBOUNCE_S = 0.2
_SOURCES_S = 1.0
"""Other documents are judged again this long after a source changed: typing goes on."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A judged part of a document; findings' offsets are the document's."""

    span: Span
    judgement: Judgement
    region: Region | None = None
    """None: the part was governed on demand, or by the setting."""
    passages: tuple[tuple[str, int, int], ...] = ()
    """Where the citation markers of an answer lead: path, first and last line, by marker."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one version of a document."""

    uri: str
    version: int
    text: str
    parts: tuple[Part, ...]
    clean: str = ""
    """The text without muting comments, in which regions were searched."""
    matches: tuple[Match, ...] = ()
    root: Path | None = None
    """The folder that the paths of evidence are relative to."""

    def findings(self) -> list[tuple[Part, Finding]]:
        """Return each finding once, with the part that it is in."""
        found: dict[tuple[str, int, int], tuple[Part, Finding]] = {}
        for part in self.parts:
            for finding in part.judgement.findings:
                found.setdefault((finding.rule, finding.start, finding.end), (part, finding))
        return sorted(found.values(), key=lambda each: (each[1].start, each[1].end))

    def carried(self, text: str, version: int) -> "Report":
        """Return the report as it holds for a later text, until that is judged itself.

        Findings on words that were edited are left out: they were about other words.
        """
        edit = Edit(self.text, text)
        parts = []
        for part in self.parts:
            span = edit.carry(part.span)
            if span is None:
                continue
            kept = [f for f in part.judgement.findings if not edit.touches((f.start, f.end))]
            moved = [(f, edit.carry((f.start, f.end))) for f in kept]
            findings = tuple(
                msgspec.structs.replace(f, start=place[0], end=place[1])
                for f, place in moved
                if place
            )
            judgement = msgspec.structs.replace(part.judgement, findings=findings)
            parts.append(msgspec.structs.replace(part, span=span, judgement=judgement))
        return Report(uri=self.uri, version=version, text=text, parts=tuple(parts), root=self.root)


Fixed = Callable[[Buffer], Awaitable[Report]]


class Governor:
    """Keeps a report of each open document, judged again soon after each change."""

    def __init__(
        self,
        buffers: Buffers,
        folder_of: Callable[[str], tuple[Folder, str] | None],
        *,
        start: Start,
        fail: Callable[[NsllmError | None], None],
    ) -> None:
        self._buffers = buffers
        self._folder_of = folder_of
        self._start = start
        self._fail = fail
        self._reports: dict[str, Report] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._judged: list[Callable[[str], None]] = []
        self._failed: set[str] = set()
        """Documents that could not be judged the last time."""
        self._whole: set[str] = set()
        self._marked: dict[str, Regions] = {}
        self._fixed: tuple[str, Fixed] | None = None

    def listen(self, judged: Callable[[str], None]) -> None:
        """Call `judged` with a document's URI after each new report on it."""
        self._judged.append(judged)

    def report(self, uri: str) -> Report | None:
        """Return what is known of a document now, carried over to its present text."""
        buffer, report = self._buffers.get(uri), self._reports.get(uri)
        if buffer is None or report is None or report.text == buffer.text:
            return report if buffer else None
        return report.carried(buffer.text, buffer.version)

    def is_fresh(self, uri: str) -> bool:
        """Tell whether nothing about a document is still to be judged."""
        return uri not in self._tasks

    def fix(self, scheme: str, make: Fixed) -> None:
        """Let documents of a scheme be reported on by `make`, as answers' own documents are."""
        self._fixed = (scheme, make)

    def govern_whole(self, uri: str) -> None:
        """Govern all of an open document from now on, until it is closed."""
        self._whole.add(uri)

    def govern_text(self, uri: str, text: str) -> None:
        """Govern a part of an open document from now on, wherever it goes there."""
        self._marked.setdefault(uri, Regions()).add(Region(id=uuid.uuid4().hex, text=text))

    def schedule(self, uri: str, delay_s: float = _DEBOUNCE_S) -> None:
        """Judge a document soon; what was under way for it is dropped."""
        if self._buffers.get(uri) is None:
            return
        if task := self._tasks.pop(uri, None):
            task.cancel()
        self._tasks[uri] = self._start(self._judge_soon(uri, delay_s))

    def sources_changed(self, folder: Folder | None = None, by: str | None = None) -> None:
        """Judge open documents of a folder again, because what they rest on changed.

        `by`: the document that changed, which is judged for its own change anyhow.
        """
        for buffer in self._buffers:
            place = self._folder_of(buffer.uri)
            within = folder is None or (place is not None and place[0] is folder)
            if within and buffer.uri != by and buffer.uri not in self._tasks:
                self.schedule(buffer.uri, _SOURCES_S)

    async def settled(self, uri: str) -> Report | None:
        """Wait until a document is judged, and return the report."""
        while task := self._tasks.get(uri):
            await asyncio.wait([task])
        return self.report(uri)

    def forget(self, uri: str) -> None:
        """Drop what is known of a document that was closed."""
        if task := self._tasks.pop(uri, None):
            task.cancel()
        self._reports.pop(uri, None)
        self._note(uri, None)
        self._whole.discard(uri)
        self._marked.pop(uri, None)

    async def aclose(self) -> None:
        """End all judging."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _judge_soon(self, uri: str, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            buffer = self._buffers.get(uri)
            if buffer is not None:
                self._reports[uri] = await self._judge(buffer)
                self._note(uri, None)
        except NsllmError as error:
            self._note(uri, error)
        finally:
            if self._tasks.get(uri) is asyncio.current_task():
                del self._tasks[uri]
        for listener in self._judged:
            listener(uri)

    def _note(self, uri: str, error: NsllmError | None) -> None:
        """Say what keeps documents from being judged, and once that nothing does any more."""
        if error:
            self._failed.add(uri)
            self._fail(error)
        elif uri in self._failed:
            self._failed.discard(uri)
            if not self._failed:
                self._fail(None)

    async def _judge(self, buffer: Buffer) -> Report:
        if self._fixed and buffer.uri.startswith(self._fixed[0]):
            return await self._fixed[1](buffer)
        place = self._folder_of(buffer.uri)
        if place is None:
            return _empty(buffer)
        folder, path = place
        await folder.remember()
        view = Muted(buffer.lines)
        known = self._reports.get(buffer.uri)
        before, old = (known.matches, known.clean) if known else ((), "")
        matches = await asyncio.to_thread(folder.regions.find, view.text, path, before, old)
        for match in matches:
            if learnt := folder.regions.unknown(match, view.text, path):
                await folder.keep_new(match.region, learnt, path)
        parts = [
            await judge_part(folder, path, view, match.span, match.region) for match in matches
        ]
        if buffer.uri in self._whole or folder.governs(path):
            parts.append(await judge_part(folder, path, view, (0, len(view.text))))
        return Report(
            uri=buffer.uri,
            version=buffer.version,
            text=buffer.text,
            parts=tuple(parts),
            clean=view.text,
            matches=tuple(matches),
            root=folder.path,
        )


async def judge_part(
    folder: Folder, path: str | None, view: Muted, span: Span, region: Region | None = None
) -> Part:
    """Judge a span of a text without muting comments; findings come in the whole text's offsets.

    Muted and accepted findings are left out, and out of the verdict.
    """
    from nsllm.governance.pipeline import verdict_of

    text = view.text[slice(*span)]
    judgement = await folder.check(text, path)
    kept = []
    for finding in judgement.findings:
        start, end = view.restore((span[0] + finding.start, span[0] + finding.end))
        words = text[slice(*claim_span(text, finding))]
        if not view.mutes(finding.rule, (start, end)) and not folder.is_accepted(
            finding.rule, words
        ):
            kept.append(msgspec.structs.replace(finding, start=start, end=end))
    return Part(
        span=view.restore(span),
        judgement=Judgement(
            scores=judgement.scores, findings=tuple(kept), verdict=verdict_of(kept)
        ),
        region=region,
        passages=region.places if region else (),
    )


def _empty(buffer: Buffer) -> Report:
    return Report(uri=buffer.uri, version=buffer.version, text=buffer.text, parts=())
