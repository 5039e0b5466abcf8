"""The wire format of answers, hits and judgements: what every front end sends as JSON."""

from typing import TYPE_CHECKING, Any

import msgspec

from nsllm.errors import ModelCorruptError
from nsllm.types import Answer, Evidence, Finding, Judgement, Passage, Scores

if TYPE_CHECKING:
    # The language server answers its first requests before the models' libraries are imported.
    from nsllm.models.registry import Model
    from nsllm.runtime import ModelRuntime


class WireSource(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that an answer was written from, under its citation marker."""

    marker: int
    path: str
    start_line: int
    end_line: int
    text: str
    score: float


class WireFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finding; offsets count characters of the text it is about."""

    rule: str
    severity: str
    start: int
    end: int
    message: str
    evidence: Evidence | None = None


class WireAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question."""

    id: str
    text: str
    mode: str
    model: str | None
    sources: list[WireSource]
    scores: Scores
    findings: list[WireFinding]
    verdict: str
    timings_ms: dict[str, float]
    cached: bool


class WireHit(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that a search found."""

    path: str
    start_line: int
    end_line: int
    score: float


class WireHits(msgspec.Struct, frozen=True, kw_only=True):
    """The passages for the query of this id, best first."""

    id: str
    hits: list[WireHit]


class WireJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """The scores, findings and verdict of one line of `nsllm score`."""

    id: str
    scores: Scores
    findings: list[WireFinding]
    verdict: str


class WireExam(msgspec.Struct, frozen=True, kw_only=True):
    """What a generator has shown in the reading exam; see docs/MODELS.md."""

    score: float
    passed: bool
    facts: float
    citations: float
    not_found: float


class WireModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model, whether it is on this machine, and whether it is in use."""

    id: str
    task: str
    family: str
    parameters: int
    licence: str
    context_length: int
    disk_bytes: int
    memory_bytes: int
    installed: bool
    in_use: bool
    calibrated: bool
    """False: its scores are another maker's, and what they are worth was not said."""
    exam: WireExam | None
    remote: str | msgspec.UnsetType = msgspec.UNSET
    """The server to which text is sent when it writes; only of a model on another machine."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A line that `nsllm score` reads."""

    id: str | int
    answer: str
    passages: list[str]
    question: str | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A line that `nsllm search --queries` reads."""

    id: str | int
    query: str


def answer(record: Answer) -> WireAnswer:
    """Translate an answer."""
    return WireAnswer(
        id=record.id,
        text=record.text,
        mode=record.mode,
        model=record.model,
        sources=[source(i, passage) for i, passage in enumerate(record.passages, start=1)],
        scores=_rounded(record.judgement.scores),
        findings=[finding(one) for one in record.judgement.findings],
        verdict=record.judgement.verdict.value,
        timings_ms={stage: round(ms, 1) for stage, ms in record.timings_ms.items()},
        cached=record.cached,
    )


def source(marker: int, passage: Passage) -> WireSource:
    """Translate a passage that is cited as `marker`."""
    chunk = passage.chunk
    return WireSource(
        marker=marker,
        path=chunk.path,
        start_line=chunk.start_line,
        end_line=chunk.end_line,
        text=chunk.text,
        score=round(passage.score, 4),
    )


def hits(query_id: str | int, passages: list[Passage]) -> WireHits:
    """Translate the result of one search."""
    return WireHits(
        id=str(query_id),
        hits=[
            WireHit(
                path=passage.chunk.path,
                start_line=passage.chunk.start_line,
                end_line=passage.chunk.end_line,
                score=round(passage.score, 4),
            )
            for passage in passages
        ],
    )


def judgement(sample_id: str | int, record: Judgement) -> WireJudgement:
    """Translate the judgement of one sample."""
    return WireJudgement(
        id=str(sample_id),
        scores=_rounded(record.scores),
        findings=[finding(one) for one in record.findings],
        verdict=record.verdict.value,
    )


def models(runtime: "ModelRuntime") -> list[WireModel]:
    """Translate all models."""
    return [model(runtime, known) for known in runtime.registry.all()]


def model(runtime: "ModelRuntime", known: "Model") -> WireModel:
    """Translate one model."""
    try:
        installed = runtime.registry.installed(known.id)
    except ModelCorruptError:
        # It has to be fetched again, and a list that fails would be in the way of that.
        installed = None
    is_here = installed is not None or known.is_remote
    result = runtime.exam_result(known.id) if is_here else None
    return WireModel(
        id=known.id,
        task=known.task,
        family="remote" if known.is_remote else known.family,
        parameters=known.parameters,
        licence=known.licence,
        context_length=known.context_length,
        disk_bytes=installed.manifest.disk_bytes if installed else known.disk_bytes or 0,
        memory_bytes=known.memory_bytes or 0,
        installed=is_here,
        in_use=known.id in runtime.needed(),
        remote=known.origin if known.is_remote else msgspec.UNSET,
        calibrated=not known.is_uncalibrated,
        exam=None
        if result is None
        else WireExam(
            score=round(result.score, 3),
            passed=result.passed,
            facts=round(result.facts, 3),
            citations=round(result.citations, 3),
            not_found=round(result.not_found, 3),
        ),
    )


def finding(record: Finding) -> WireFinding:
    """Translate a finding."""
    return WireFinding(
        rule=record.rule,
        severity=record.severity.value,
        start=record.start,
        end=record.end,
        message=record.message,
        evidence=record.evidence,
    )


def to_json(record: Any, *, indent: bool = False) -> str:
    """Encode a wire record as JSON text, on one line unless indented."""
    encoded = msgspec.json.encode(record)
    return (msgspec.json.format(encoded, indent=2) if indent else encoded).decode()


def _rounded(scores: Scores) -> Scores:
    values = {
        name: None if value is None else round(value, 4)
        for name, value in msgspec.structs.asdict(scores).items()
    }
    return Scores(**values)
