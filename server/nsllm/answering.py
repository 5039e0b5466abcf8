"""The stages of one answer: writing, scoring and judging, over the passages of one question."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from nsllm.attempts import Stages
from nsllm.errors import MachineError, QuestionError
from nsllm.generation.extractive import extract, says_not_found
from nsllm.generation.reading import Reading
from nsllm.governance.pipeline import judge
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.runtime import ModelRuntime
from nsllm.scoring.claims import markers
from nsllm.scoring.differences import Mention
from nsllm.scoring.grounding import Embed
from nsllm.scoring.scorer import measure, remembering
from nsllm.settings import Settings
from nsllm.stopping import on_thread
from nsllm.types import (
    NOT_FOUND_RULE,
    AnswerListener,
    AnswerMode,
    Delta,
    Draft,
    Finding,
    Judgement,
    Passage,
    Question,
    Scores,
    Severity,
    Verdict,
)

logger = logging.getLogger(__name__)


class Stopwatch:
    """Adds up the milliseconds of each stage."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count what the block takes as time of the stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self._stages[stage] = self._stages.get(stage, 0.0) + spent

    def timings_ms(self) -> dict[str, float]:
        """Return the time of each stage, and of all since the start."""
        return {**self._stages, "total": (time.perf_counter() - self._started) * 1000}


class Answering:
    """Writes and judges drafts for one question."""

    def __init__(
        self,
        question: Question,
        passages: Sequence[Passage],
        reading: Reading,
        *,
        models: ModelRuntime,
        settings: Settings,
        rulebook: Rulebook,
        clock: Stopwatch,
        embed: Embed,
        unknown_names: Callable[[str], tuple[Mention, ...]] = lambda _text: (),
    ) -> None:
        self._question = question
        self._passages = passages
        self._reading = reading
        self._models = models
        self._settings = settings
        self._rulebook = rulebook
        self._clock = clock
        self._unknown_names = unknown_names
        self._embed = remembering(embed)

    def stages(self) -> Stages:
        """Return what the attempts are made of."""
        return Stages(
            write=self._write,
            judge=self._judge,
            judge_beginning=self._judge_beginning,
            model=self._models.writer_name(self._question.model),
        )

    def modes(self) -> tuple[AnswerMode, ...]:
        """Return the ways to try in order: write twice, then quote."""
        return open_modes(self._question, self._passages, self._models)

    async def _write(
        self, mode: AnswerMode, attempt: int, begun: str, listener: AnswerListener
    ) -> Draft:
        with self._clock.measure("generation"):
            if mode == "generate":
                writer = self._models.writer(self._question.model)
                return await writer.write(
                    self._question.text,
                    self._passages,
                    history=self._question.history,
                    attempt=attempt,
                    begun=begun,
                    listener=listener,
                )
            draft = extract(self._reading, self._passages, self._settings.extraction)
            listener(Delta(text=draft.text))
            return draft

    async def _judge_beginning(self, text: str) -> Judgement | None:
        # Whether that is all the text says shows when it ends.
        if says_not_found(text):
            return None
        draft = Draft(text=text, mode="generate", model=None)
        return await on_thread(lambda: self._measure_and_judge(draft, ()))

    async def _judge(self, draft: Draft, notes: Sequence[Finding]) -> Judgement:
        with self._clock.measure("scoring"):
            if not draft.found:
                note = Finding(
                    rule=NOT_FOUND_RULE,
                    severity=Severity.INFO,
                    start=0,
                    end=0,
                    message="No passage of the workspace answers the question.",
                )
                return Judgement(scores=Scores(), findings=(*notes, note), verdict=Verdict.PASS)
            perplexity = draft.perplexity
            if perplexity is None:
                # A quotation is scored against what it quotes: the rest would only take time.
                cited = set(markers(draft.text))
                quoted = [p for number, p in enumerate(self._passages, 1) if number in cited]
                try:
                    perplexity = await self._models.perplexity(
                        self._question.text, quoted, draft.text
                    )
                except (MachineError, QuestionError) as error:
                    # A quotation needs no generator: it stands without what that would say of it.
                    logger.info("The quotation has no perplexity: %s", error.message)
            draft = msgspec.structs.replace(draft, perplexity=perplexity)
            return await on_thread(lambda: self._measure_and_judge(draft, notes))

    def _measure_and_judge(self, draft: Draft, notes: Sequence[Finding]) -> Judgement:
        chunks = [passage.chunk for passage in self._passages]
        measurement = measure(
            draft.text,
            chunks,
            self._embed,
            question=self._question.text,
            perplexity=draft.perplexity,
            classifiers=self._models.classifiers(),
        )
        subject = Subject(
            text=draft.text,
            measurement=measurement,
            passages=len(chunks),
            mode=draft.mode,
            chunks=tuple(chunks),
            unknown_names=self._unknown_names(draft.text),
        )
        return judge(subject, self._rulebook, [*notes, *self._models.remarks()])


def open_modes(
    question: Question, passages: Sequence[Passage], models: ModelRuntime
) -> tuple[AnswerMode, ...]:
    """Return the ways to answer in the order to try: write twice, then quote."""
    mode = question.mode
    if mode == "auto":
        mode = "generate" if models.may_generate(question.model) else "extract"
    if mode == "generate" and passages:
        return ("generate", "generate", "extract")
    return ("extract",)
