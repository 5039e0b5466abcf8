"""How long it takes to judge an answer: each stage, the audit record, and strict streaming.

The answer has about 150 words and five passages. Each run has its own numbers in both, so that no
result of an earlier run is remembered; the models are loaded before the first one.
"""

import asyncio
import re
import tempfile
import time
import uuid
from pathlib import Path

import msgspec

from nsllm import __version__
from nsllm.answering import Stopwatch
from nsllm.bench.figures import Quantiles, quantiles
from nsllm.bench.samples import Sample, sample
from nsllm.governance.audit import AuditLog
from nsllm.governance.pipeline import judge
from nsllm.governance.records import Origin, record_of
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.governance.streaming import Gate
from nsllm.runtime import ModelRuntime
from nsllm.scoring.grounding import Embed
from nsllm.scoring.scorer import measure, remembering
from nsllm.settings import Audit, Settings
from nsllm.types import (
    Answer,
    Judgement,
    Passage,
    Progress,
    ProgressListener,
    Scores,
    Verdict,
)

STAGES = ("relevance", "coherence", "grounding", "toxicity", "rules", "audit")

_WARM_UP = 2
"""Runs that are not counted: the first one loads the models, the second fills the allocators."""

_AUDIT_RECORDS = 500

_TOKEN_MS = 10.0
"""A token of the embedded generator, about: what sentences are judged behind."""


class StreamingFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What strict streaming costs whoever reads along."""

    held_per_sentence: Quantiles
    """From the token that finished a sentence to its being shown; live shows it at once."""
    added_to_answer: Quantiles
    """By how much later the last sentence is shown than without judging."""


class GovernanceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured."""

    runs: int
    """Answers that each figure is over; `audit` is over more records."""
    words: int
    passages: int
    threads: int
    verdict: Quantiles
    """All stages but `audit`: what a reader waits for."""
    stages: dict[str, Quantiles]
    streaming: StreamingFigures


async def measure_governance(
    settings: Settings, models: ModelRuntime, runs: int, listener: ProgressListener
) -> GovernanceFigures:
    """Judge `runs` samples, and as many again while they are streamed.

    Raises:
        ModelMissingError, ModelCorruptError: a model in use is not here, or damaged.
    """
    rulebook = Rulebook(settings.governance)
    spent: dict[str, list[float]] = {stage: [] for stage in STAGES}
    whole: list[float] = []
    held: list[float] = []
    added: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with AuditLog(place / "audit.db", Audit(), seal=place / "seal") as log:
            drawn, judged = sample(0), Judgement(scores=Scores(), findings=(), verdict=Verdict.PASS)
            for number in range(-_WARM_UP, runs):
                clock = Stopwatch()
                drawn = sample(number + _WARM_UP)
                judged = await asyncio.to_thread(
                    _judged, drawn, drawn.answer, models, rulebook, clock
                )
                taken = clock.timings_ms()
                if number >= 0:
                    whole.append(taken.pop("total"))
                    for stage, ms in taken.items():
                        spent[stage].append(ms)
                listener(Progress(task="judging", done=number + 1, total=runs, unit="steps"))
            spent["audit"] = _appended(log, drawn, judged)
    for number in range(runs):
        drawn = sample(number + runs + _WARM_UP)
        one_held, one_added = await _streamed(drawn, models, rulebook)
        held += one_held
        added.append(one_added)
        listener(Progress(task="streaming", done=number + 1, total=runs, unit="steps"))
    return GovernanceFigures(
        runs=runs,
        words=len(drawn.answer.split()),
        passages=len(drawn.chunks),
        threads=models.threads,
        verdict=quantiles(whole),
        stages={stage: quantiles(ms) for stage, ms in spent.items()},
        streaming=StreamingFigures(
            held_per_sentence=quantiles(held), added_to_answer=quantiles(added)
        ),
    )


def _judged(
    drawn: Sample,
    text: str,
    models: ModelRuntime,
    rulebook: Rulebook,
    clock: Stopwatch,
    *,
    embed: Embed | None = None,
) -> Judgement:
    measurement = measure(
        text,
        drawn.chunks,
        embed or models.embedder().embed,
        question=drawn.question,
        classifiers=models.classifiers(),
        timed=clock.measure,
    )
    with clock.measure("rules"):
        subject = Subject(
            text=text, measurement=measurement, passages=len(drawn.chunks), chunks=drawn.chunks
        )
        return judge(subject, rulebook, models.remarks())


def _appended(log: AuditLog, drawn: Sample, judged: Judgement) -> list[float]:
    """Append records of one answer; return the milliseconds of each."""
    passages = tuple(Passage(chunk=chunk, score=1.0, similarity=1.0) for chunk in drawn.chunks)
    origin = Origin(workspace="bench", version=__version__, client="bench")
    spent = []
    for _ in range(_AUDIT_RECORDS + 1):
        answer = Answer(
            id=uuid.uuid4().hex,
            question=drawn.question,
            text=drawn.answer,
            mode="generate",
            model=None,
            passages=passages,
            judgement=judged,
            timings_ms={},
        )
        record = record_of(answer, origin)
        started = time.perf_counter()
        log.append(record)
        spent.append((time.perf_counter() - started) * 1000)
    # The first one makes key, head and tables.
    return spent[1:]


async def _streamed(
    drawn: Sample, models: ModelRuntime, rulebook: Rulebook
) -> tuple[list[float], float]:
    """Stream an answer through a strict gate at the speed of a generator.

    Return the milliseconds that each sentence was held, and by how much the last one was late.
    """
    written: list[tuple[int, float]] = []
    shown: list[tuple[int, float]] = []
    # As an answer in the making does, whose sentences are judged again and again.
    embed = remembering(models.embedder().embed)

    def show(piece: str) -> None:
        so_far = shown[-1][0] if shown else 0
        shown.append((so_far + len(piece), time.perf_counter()))

    async def judged(text: str) -> Judgement:
        found = await asyncio.to_thread(
            _judged, drawn, text, models, rulebook, Stopwatch(), embed=embed
        )
        # Whatever was found, the stream goes on: what is measured is how long that takes.
        return Judgement(scores=found.scores, findings=(), verdict=Verdict.PASS)

    gate = Gate(judged, show, strict=True)
    watching = asyncio.create_task(gate.watch())
    pieces = re.findall(r"\s*\S+", drawn.answer)
    for piece in pieces:
        await asyncio.sleep(_TOKEN_MS / 1000)
        gate.push(piece)
        written.append((len(gate.text), time.perf_counter()))
    # From here on as `Attempts` does: what is being judged is given up, and judged to its end.
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await gate.settle()
    await judged(gate.text)
    gate.release(gate.text)
    held = [(at - _time_of(end, written)) * 1000 for end, at in shown]
    return held, (shown[-1][1] - written[-1][1]) * 1000


def _time_of(end: int, written: list[tuple[int, float]]) -> float:
    """Return when the text had been written up to `end`."""
    return next(at for length, at in written if length >= end)
