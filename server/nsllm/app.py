"""Application: the pipeline in order; what front ends ask through."""

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from pathlib import Path

from nsllm import home
from nsllm.answering import Answering, Stopwatch
from nsllm.attempts import Attempts
from nsllm.cache.answers import KeptAnswer, Recording
from nsllm.cache.store import CacheStore
from nsllm.cache.vectors import KeptVectors, Vectors
from nsllm.checking import Sample, Text, check, score
from nsllm.documents.reader import same_file
from nsllm.documents.watcher import follow
from nsllm.errors import QuestionError, UsageError
from nsllm.generation.client import Sampling
from nsllm.generation.reading import rank, read
from nsllm.generation.remote import RemoteWriter
from nsllm.generation.template import Message
from nsllm.generation.writer import Lent
from nsllm.governance.audit import AuditLog
from nsllm.governance.ratelimit import RateLimiter, SharedStore
from nsllm.governance.records import record_of
from nsllm.governance.rulebook import Rulebook
from nsllm.index.report import IndexReport
from nsllm.index.workspace import WorkspaceIndex
from nsllm.names import KnownNames
from nsllm.provenance import generators_of, origin_of
from nsllm.recall import Asked, Recall
from nsllm.retrieval.follow_up import complete, search_text
from nsllm.retrieval.reranker import RERANKED, rerank
from nsllm.retrieval.retriever import Retriever
from nsllm.runtime import ModelRuntime
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.grounding import Embed
from nsllm.settings import Settings
from nsllm.stopping import on_thread
from nsllm.types import (
    Answer,
    AnswerListener,
    Delta,
    Judgement,
    Passage,
    ProgressListener,
    Question,
    Retrieved,
    ignore_event,
    ignore_progress,
)

POOL = 16
"""Passages that the reader looks at before the best `top_k` are kept."""


class Application:
    """One workspace, its index, and the models of the process.

    Every method may be cancelled; what runs on a thread stops at its next batch.
    """

    def __init__(self, workspace: Path, settings: Settings, models: ModelRuntime) -> None:
        self.workspace = workspace
        self.settings = settings
        self.models = models
        self.rulebook = Rulebook(settings.governance)
        self._audit = (
            AuditLog(home.audit_path(), settings.audit) if settings.audit.enabled else None
        )
        self.cache = CacheStore(home.cache_path(workspace), settings.cache.size_bytes)
        self._limiter = RateLimiter(settings.limits, SharedStore(home.limits_path()))
        self._index: WorkspaceIndex | None = None
        self._opening = threading.Lock()

    async def index(
        self,
        listener: ProgressListener = ignore_progress,
        *,
        paths: Collection[str] | None = None,
        rebuild: bool = False,
    ) -> IndexReport:
        """Bring the index up to date with the workspace, or with `paths`, or build it anew.

        Raises:
            WorkspaceError: there is no such folder, or nothing in it to index.
            IndexBusyError: another process is indexing it and did not finish in time.
        """

        def work() -> IndexReport:
            return self._open_index().sync(listener, paths=paths, rebuild=rebuild)

        return await on_thread(work)

    async def admit(self, client: str) -> None:
        """Count a call that costs work; `ask` counts itself.

        Raises:
            RateLimitedError: more was asked than `[limits]` allows; says how long to wait.
        """
        if not self._limiter.is_off:
            await asyncio.to_thread(self._limiter.admit, client)

    async def search(self, query: str, top_k: int | None = None) -> list[Passage]:
        """Return the passages nearest to the query, best first."""
        count = top_k or self.settings.retrieval.top_k
        return await on_thread(lambda: self._retrieve(query, count))

    async def shortlist(self, query: str, count: int = POOL) -> list[Passage]:
        """Return the passages to read for a question, the most promising first.

        Slower than `search`, and better: their sentences are compared with the question too.
        """
        return await on_thread(lambda: self._shortlist(query, count))

    async def ask(
        self,
        question: Question,
        listener: AnswerListener = ignore_event,
        *,
        client: str = "",
    ) -> Answer:
        """Answer a question from the workspace, judge the answer, and record it.

        A follow-up is answered as the question that it stands for. A rejected draft is written
        once more, and then replaced by a quotation. `client` is who asks: the front end, and its
        session where it has one.

        Raises:
            QuestionError: the question is empty, or longer than the model's context.
            RateLimitedError: more was asked than `[limits]` allows; says how long to wait.
        """
        if not question.text.strip():
            raise QuestionError("The question is empty.", hint="Ask something.")
        await asyncio.to_thread(self._limiter.admit, client)
        clock = Stopwatch()
        with clock.measure("retrieval"):
            completed = complete(question)
            count = max(POOL, question.top_k)
            found = await self.shortlist(search_text(completed), count)
        asked = Asked(question, completed, tuple(found), client, listener, clock)
        recall = self._recall(asked)
        kept = await asyncio.to_thread(recall.find)
        if kept is not None:
            return await self._repeat(asked, kept)
        return await self._answer(asked, recall)

    async def lend(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stops: Sequence[str] = (),
        *,
        model: str | None = None,
        client: str = "",
    ) -> AsyncGenerator[Lent, None]:
        """Yield what the generator writes behind a conversation, for who judges it elsewhere.

        Closing the iterator stops the model. Neither documents nor rules take part.

        Raises:
            RateLimitedError: more was asked than `[limits]` allows.
            UsageError: the generator is on yet another machine.
        """
        await asyncio.to_thread(self._limiter.admit, client)
        writer = self.models.writer(model)
        if isinstance(writer, RemoteWriter):
            raise UsageError("This generator is borrowed itself.", hint="Use its own server.")
        tokens = 0
        try:
            async with aclosing(writer.lend(messages, sampling, stops)) as pieces:
                async for piece in pieces:
                    tokens += len(piece.tokens)
                    yield piece
        finally:
            await asyncio.to_thread(self._limiter.charge, client, tokens)

    async def score(
        self,
        text: str,
        passages: Sequence[str],
        *,
        question: str | None = None,
        perplexity: bool = False,
        path: str | None = None,
        numbered: bool = False,
    ) -> Judgement:
        """Judge a text against passages that come with it; `perplexity` runs the generator.

        With a `path` it is judged as the document there, which people wrote. An answer has to cite
        them where they were `numbered` for it, which is also told by its markers.
        """
        surprise = None
        if perplexity:
            chunks = [passage_chunk(passage) for passage in passages]
            sources = [Passage(chunk=chunk, score=1.0, similarity=1.0) for chunk in chunks]
            surprise = await self.models.perplexity(question or "", sources, text)
        given = Sample(
            text=text,
            passages=tuple(passages),
            question=question,
            path=path,
            numbered=numbered,
            perplexity=surprise,
        )
        return await on_thread(lambda: score(given, models=self.models, rulebook=self.rulebook))

    async def watch(
        self, listener: ProgressListener = ignore_progress
    ) -> AsyncGenerator[IndexReport, None]:
        """Bring the index up to date, of which `listener` hears, and again with each change.

        Raises:
            WorkspaceError: as `index`, or the system cannot watch the folder, which is indexed.
            IndexBusyError: another process is indexing it and did not finish in time.
        """
        async with aclosing(follow(self.workspace, self.settings.documents)) as bursts:
            async for paths in bursts:
                yield await self.index(ignore_progress if paths else listener, paths=paths)

    async def check(
        self,
        text: str,
        *,
        path: str | None = None,
        is_generated: Callable[[str], bool] = lambda _sentence: False,
        generated: bool = True,
    ) -> Judgement:
        """Judge a text against the whole workspace, leaving out the document it comes from.

        Sentences of the workspace of which `is_generated` is true support nothing. Of a text that
        is not `generated` a claim may be new: what nothing is about is noted, not rejected.
        """
        given = Text(text=text, path=path, is_generated=is_generated, generated=generated)
        return await on_thread(lambda: self._check(given))

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
        self.cache.close()
        if self._index:
            self._index.close()
            self._index = None

    async def aclose(self) -> None:
        """Stop the models and close the index."""
        await self.models.aclose()
        self.close()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows float32 [len(texts), d]; text beyond the context is cut off."""
        return await on_thread(lambda: KeptVectors(self.models.embedder(), self.cache).embed(texts))

    def _recall(self, asked: Asked) -> Recall:
        return Recall(
            asked,
            store=self.cache,
            index=self._open_index(),
            models=self.models,
            settings=self.settings,
            rulebook=self.rulebook,
        )

    async def _answer(self, asked: Asked, recall: Recall) -> Answer:
        """Read, write, score, judge and record."""
        question, clock = asked.completed, asked.clock
        embed = await asyncio.to_thread(self._embedding, asked.found)
        with clock.measure("reading"):
            reader = self.models.reader()
            reading = await on_thread(lambda: read(question.text, asked.found, reader))
        passages = tuple(rank(asked.found, reading)[: question.top_k])
        recording = Recording(asked.listener)
        recording(Retrieved(passages=passages))
        names = KnownNames(self._open_index())
        answering = Answering(
            question,
            passages,
            reading,
            models=self.models,
            settings=self.settings,
            rulebook=self.rulebook,
            clock=clock,
            embed=embed,
            unknown_names=names.unknown,
        )
        attempts = Attempts(answering.stages(), recording, strict=self._is_strict)
        try:
            draft, judgement = await attempts.settle(answering.modes())
        finally:
            # What was generated is paid for, whoever left before the end.
            await asyncio.to_thread(self._limiter.charge, asked.client, attempts.tokens)
        made = KeptAnswer(
            id=uuid.uuid4().hex,
            text=draft.text,
            mode=draft.mode,
            model=draft.model,
            order=tuple(asked.found.index(passage) for passage in passages),
            judgement=judgement,
            pieces=recording.pieces,
            names=names.found,
        )
        answer = asked.answer(made, made.id)
        await asyncio.to_thread(self._record, answer, asked, attempts)
        await asyncio.to_thread(recall.keep, made)
        return answer

    async def _repeat(self, asked: Asked, kept: KeptAnswer) -> Answer:
        """Give an answer that was given before: shown, and recorded, as any other."""
        asked.listener(Retrieved(passages=asked.passages(kept)))
        for piece in kept.pieces:
            asked.listener(Delta(text=piece))
        answer = asked.answer(kept, uuid.uuid4().hex, cached=True)
        await asyncio.to_thread(self._record, answer, asked, cached_from=kept.id)
        return answer

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

    def _retriever(self) -> Retriever:
        return Retriever(self._open_index(), self.models.embedder(), self.settings.retrieval)

    def _retrieve(self, query: str, top_k: int) -> list[Passage]:
        return self._retriever().find(query, top_k)

    def _shortlist(self, query: str, count: int) -> list[Passage]:
        found = self._retrieve(query, max(RERANKED, count))
        return rerank(query, found, self._embedding(found))[:count]

    def _embedding(self, passages: Sequence[Passage]) -> Embed:
        """Return what embeds texts about the passages, each text once if that may be kept."""
        saved = self._open_index().has_saved([passage.chunk for passage in passages])
        return KeptVectors(self.models.embedder(), self.cache, writes=saved).embed

    def _check(self, given: Text) -> Judgement:
        is_own = same_file(self.workspace, given.path)
        return check(
            given,
            lambda claim, count: self._retriever().find_others(claim, count, is_own),
            unknown_names=lambda words, path: KnownNames(self._open_index()).unknown(words, path),
            models=self.models,
            rulebook=self.rulebook,
        )

    @property
    def _is_strict(self) -> bool:
        """Whether nothing may be shown before it is judged."""
        stream = self.settings.governance.stream
        return stream == "strict" or (stream == "auto" and self.rulebook.profile == "strict")

    def _record(
        self,
        answer: Answer,
        asked: Asked,
        attempts: Attempts | None = None,
        *,
        cached_from: str = "",
    ) -> None:
        if self._audit is None:
            return
        rejected, tokens = (attempts.rejected, attempts.tokens) if attempts else ((), 0)
        origin = origin_of(
            self.workspace,
            asked.client,
            self.settings,
            self.rulebook,
            self.models,
            generators=generators_of(answer, rejected, asked.question.model),
        )
        self._audit.append(
            record_of(answer, origin, rejected=rejected, tokens=tokens, cached_from=cached_from)
        )
