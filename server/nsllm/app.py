"""Application: the pipeline in order; the only object that front ends hold."""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from nsllm import __version__, home
from nsllm.documents.watcher import watch
from nsllm.errors import QuestionError
from nsllm.generation.extractive import Reading, extract, rank, read
from nsllm.governance.audit import AuditLog
from nsllm.governance.pipeline import judge
from nsllm.governance.records import Origin, record_of
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.index.report import IndexReport
from nsllm.index.workspace import WorkspaceIndex
from nsllm.retrieval.follow_up import complete
from nsllm.retrieval.retriever import Retriever
from nsllm.runtime import ModelRuntime
from nsllm.scoring.claims import claims, markers, without_markers
from nsllm.scoring.evidence import blank, passage_chunk
from nsllm.scoring.scorer import measure
from nsllm.settings import Settings
from nsllm.types import (
    Answer,
    AnswerListener,
    AnswerMode,
    Chunk,
    Delta,
    Draft,
    Finding,
    Judgement,
    Passage,
    ProgressListener,
    Question,
    Retrieved,
    Scores,
    Severity,
    Verdict,
    Withdrawn,
    ignore_event,
    ignore_progress,
)

_POOL = 12
"""Passages that the reader looks at before the best `top_k` are kept."""

_PASSAGES_PER_CLAIM = 3
"""Passages that a claim of a text from elsewhere is compared with."""

_CANDIDATES_PER_CLAIM = 12
"""Passages to choose those from: the text's own document may hold the nearest ones."""


class Application:
    """One workspace, its index, and the models of the process.

    Every method may be cancelled; what runs on a thread stops at its next batch.
    """

    def __init__(self, workspace: Path, settings: Settings, models: ModelRuntime) -> None:
        self.workspace = workspace
        self.settings = settings
        self.models = models
        self.rulebook = Rulebook(settings.governance)
        self._audit = AuditLog(home.audit_path(), settings.audit) if settings.audit.enabled else None
        self._index: WorkspaceIndex | None = None
        self._opening = threading.Lock()

    async def index(
        self, listener: ProgressListener = ignore_progress, *, rebuild: bool = False
    ) -> IndexReport:
        """Bring the index up to date with the workspace, or build it anew.

        Raises:
            WorkspaceError: there is no such folder, or nothing in it to index.
            IndexBusyError: another process is indexing it and did not finish in time.
        """
        cancelled = threading.Event()
        try:
            if rebuild:
                await asyncio.to_thread(lambda: self._open_index().clear())
            return await asyncio.to_thread(
                lambda: self._open_index().sync(listener, cancelled.is_set)
            )
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def search(self, query: str, top_k: int | None = None) -> list[Passage]:
        """Return the passages nearest to the query, best first."""
        count = top_k or self.settings.retrieval.top_k
        return await asyncio.to_thread(self._retrieve, query, count)

    async def ask(self, question: Question, listener: AnswerListener = ignore_event) -> Answer:
        """Answer a question from the workspace, judge the answer, and record it.

        A follow-up is answered as the question that it stands for. A rejected draft is written
        once more, and then replaced by a quotation.

        Raises:
            QuestionError: the question is empty, or longer than the model's context.
        """
        if not question.text.strip():
            raise QuestionError("The question is empty.", hint="Ask something.")
        asked, question = question.text, complete(question)
        clock = _Stopwatch()
        with clock.measure("retrieval"):
            found = await asyncio.to_thread(
                self._retrieve, question.text, max(_POOL, question.top_k)
            )
        with clock.measure("reading"):
            reading = await asyncio.to_thread(self._read, question.text, found)
        passages = tuple(rank(found, reading)[: question.top_k])
        listener(Retrieved(passages=passages))
        notes: list[Finding] = []
        modes = self._modes(question)
        attempt = 0
        while True:
            mode = modes[attempt]
            with clock.measure("generation"):
                draft = await self._write(question, passages, reading, mode, attempt, listener)
            with clock.measure("scoring"):
                judgement = await self._judge(question.text, draft, passages, notes)
            attempt += 1
            if judgement.verdict is not Verdict.REJECT or attempt == len(modes):
                break
            reason = _reason(judgement)
            notes = [_note("generation.rejected", f"A generated text was rejected: {reason}")]
            listener(Withdrawn(reason=reason))
        answer = Answer(
            id=uuid.uuid4().hex,
            question=asked,
            text=draft.text,
            mode=draft.mode,
            model=draft.model,
            passages=passages if draft.found else (),
            judgement=judgement,
            timings_ms=clock.timings_ms(),
        )
        if self._audit:
            origin = Origin(workspace=str(self.workspace), version=__version__)
            record = record_of(answer, origin)
            await asyncio.to_thread(self._audit.append, record)
        return answer

    async def score(
        self,
        text: str,
        passages: Sequence[str],
        *,
        question: str | None = None,
        perplexity: bool = False,
    ) -> Judgement:
        """Judge a text against passages that come with it; `perplexity` runs the generator."""
        chunks = [passage_chunk(passage) for passage in passages]
        surprise = None
        if perplexity:
            sources = [Passage(chunk=chunk, score=1.0, similarity=1.0) for chunk in chunks]
            surprise = await self.models.perplexity(question or "", sources, text)
        embed = self.models.embedder().embed
        measurement = await asyncio.to_thread(
            measure, text, chunks, embed, question=question, perplexity=surprise
        )
        subject = Subject(
            text=text, measurement=measurement, passages=len(chunks), chunks=tuple(chunks)
        )
        return judge(subject, self.rulebook)

    async def watch(self) -> AsyncIterator[IndexReport]:
        """Follow the files: bring the index up to date after each burst of changes."""
        async for paths in watch(self.workspace, self.settings.documents):
            yield await asyncio.to_thread(self._sync, paths)

    async def check(
        self,
        text: str,
        *,
        path: str | None = None,
        is_generated: Callable[[str], bool] = lambda _sentence: False,
    ) -> Judgement:
        """Judge a text against the whole workspace, leaving out the document it comes from.

        Sentences of the workspace of which `is_generated` is true support nothing.
        """
        return await asyncio.to_thread(self._check, text, path, is_generated)

    async def update_buffer(self, path: str, text: str) -> None:
        """Search the unsaved text of an open document in place of its file."""
        index = await asyncio.to_thread(self._open_index)
        if index.covers(path):
            await asyncio.to_thread(index.update_buffer, path, text)

    async def close_buffer(self, path: str) -> None:
        """Search the file again, in place of the document that was open."""
        index = await asyncio.to_thread(self._open_index)
        await asyncio.to_thread(index.close_buffer, path)

    def close(self) -> None:
        """Close the index, and leave the models to the other workspaces."""
        if self._audit:
            self._audit.close()
        if self._index:
            self._index.close()
            self._index = None

    async def aclose(self) -> None:
        """Stop the models and close the index."""
        await self.models.aclose()
        self.close()

    def _read(self, question: str, passages: Sequence[Passage]) -> Reading:
        return read(question, passages, self.models.reader(), self.models.embedder().embed)

    def _sync(self, paths: Collection[str]) -> IndexReport:
        return self._open_index().sync(paths=paths)

    def _open_index(self) -> WorkspaceIndex:
        with self._opening:
            if self._index is None:
                self._index = WorkspaceIndex(
                    self.workspace,
                    embedder=self.models.embedder(),
                    chunker=self.models.chunker(),
                    settings=self.settings.documents,
                )
            return self._index

    def _retrieve(self, query: str, top_k: int) -> list[Passage]:
        retriever = Retriever(self._open_index(), self.models.embedder(), self.settings.retrieval)
        return retriever.find(query, top_k)

    def _check(self, text: str, path: str | None, is_generated: Callable[[str], bool]) -> Judgement:
        found: dict[tuple[str, int], Chunk] = {}
        for claim in claims(text):
            passages = self._retrieve(without_markers(claim.text), _CANDIDATES_PER_CLAIM)
            others = [p.chunk for p in passages if p.chunk.path != path]
            for chunk in others[:_PASSAGES_PER_CLAIM]:
                found[chunk.path, chunk.start] = blank(chunk, is_generated)
        chunks = list(found.values())
        measurement = measure(text, chunks, self.models.embedder().embed)
        subject = Subject(
            text=text,
            measurement=measurement,
            passages=None,
            target="document",
            path=path,
            chunks=tuple(chunks),
        )
        return judge(subject, self.rulebook)

    def _modes(self, question: Question) -> tuple[AnswerMode, ...]:
        """Return the ways to try in order: write twice, then quote."""
        mode = question.mode
        if mode == "auto":
            mode = "generate" if self.models.may_generate(question.model) else "extract"
        return ("generate", "generate", "extract") if mode == "generate" else ("extract",)

    async def _write(
        self,
        question: Question,
        passages: Sequence[Passage],
        reading: Reading,
        mode: AnswerMode,
        attempt: int,
        listener: AnswerListener,
    ) -> Draft:
        if mode == "generate" and passages:
            writer = self.models.writer(question.model)
            return await writer.write(
                question.text,
                passages,
                history=question.history,
                attempt=attempt,
                listener=listener,
            )
        draft = extract(reading, passages, self.settings.extraction)
        listener(Delta(text=draft.text))
        return draft

    async def _judge(
        self, question: str, draft: Draft, passages: Sequence[Passage], notes: Sequence[Finding]
    ) -> Judgement:
        if not draft.found:
            note = _note("answer.not-found", "No passage of the workspace answers the question.")
            return Judgement(scores=Scores(), findings=(*notes, note), verdict=Verdict.PASS)
        perplexity = draft.perplexity
        if perplexity is None:
            # A quotation is scored against what it quotes: the rest would only take time.
            quoted = [passages[marker - 1] for marker in sorted(set(markers(draft.text)))]
            perplexity = await self.models.perplexity(question, quoted, draft.text)
        draft = msgspec.structs.replace(draft, perplexity=perplexity)
        return await asyncio.to_thread(self._judge_draft, question, draft, passages, notes)

    def _judge_draft(
        self, question: str, draft: Draft, passages: Sequence[Passage], notes: Sequence[Finding]
    ) -> Judgement:
        chunks = [passage.chunk for passage in passages]
        measurement = measure(
            draft.text,
            chunks,
            self.models.embedder().embed,
            question=question,
            perplexity=draft.perplexity,
        )
        subject = Subject(
            text=draft.text,
            measurement=measurement,
            passages=len(chunks),
            mode=draft.mode,
            chunks=tuple(chunks),
        )
        return judge(subject, self.rulebook, notes)


class _Stopwatch:
    """Adds up the milliseconds of each stage."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self._stages[stage] = self._stages.get(stage, 0.0) + spent

    def timings_ms(self) -> dict[str, float]:
        return {**self._stages, "total": (time.perf_counter() - self._started) * 1000}


def _reason(judgement: Judgement) -> str:
    """Name the first finding that rejects."""
    return next(f.message for f in judgement.findings if f.severity is Severity.REJECT)


def _note(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.INFO, start=0, end=0, message=message)
