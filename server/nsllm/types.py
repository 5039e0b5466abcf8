"""The vocabulary: records that pass from one stage of the pipeline to the next.

Records are not wire formats: front ends translate them (`nsllm.frontends.wire`).
Offsets count characters (code points) of the text they refer to; lines count from 1.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal

import msgspec

Mode = Literal["auto", "generate", "extract"]
AnswerMode = Literal["generate", "extract"]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file or open buffer; `path` is relative to the workspace, with forward slashes."""

    path: str
    text: str
    content_hash: str


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A span of one document; `start` and `end` are character offsets into its text."""

    path: str
    start: int
    end: int
    start_line: int
    end_line: int
    text: str
    heading: str = ""
    """The trail of headings above the chunk, outermost first, joined by ' > '."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A retrieved chunk.

    `similarity` is the cosine between question and chunk, in [-1, 1]; `score` orders the
    passages of one search and lies in [0, 1].
    """

    chunk: Chunk
    score: float
    similarity: float


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A question of a session and the text of its answer."""

    question: str
    answer: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asks, and how it should be answered."""

    text: str
    top_k: int = 5
    mode: Mode = "auto"
    model: str | None = None
    history: tuple[Turn, ...] = ()
    """Earlier turns of the session, oldest first; a follow-up is understood from them."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The span of a passage that a claim was compared with; `marker` counts passages from 1."""

    marker: int
    text: str
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One checkable sentence of a text; `markers` are the passages it cites."""

    start: int
    end: int
    text: str
    markers: tuple[int, ...] = ()


ProblemKind = Literal[
    "number",
    "date",
    "version",
    "unit",
    "identifier",
    "path",
    "flag",
    "name",
    "negation",
]
"""What a claim and its source differ in."""


class ClaimGrounding(msgspec.Struct, frozen=True, kw_only=True):
    """How far the passages support one claim: `score` in [0, 1], 1 is supported."""

    claim: Claim
    score: float
    evidence: Evidence | None
    problem: str | None = None
    """What contradicts or is missing, in words, where it can be named."""
    cited: float | None = None
    """The same as `score`, of the cited passages alone; None where it cites none that is there."""
    kind: ProblemKind | None = None
    """What kind of thing that is; None where it cannot be named."""
    contradicted: bool = False
    """Whether the evidence says something else there, or denies it: it is not merely silent."""
    unsupported: tuple[tuple[int, int], ...] = ()
    """Spans [start, end) of the text, within the claim, that the evidence does not support."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Each in [0, 1] and higher is better, but perplexity (≥ 1) and toxicity (1 is toxic).

    None: could not be computed. Nothing here is ever guessed.
    """

    relevance: float | None = None
    coherence: float | None = None
    grounding: float | None = None
    perplexity: float | None = None
    toxicity: float | None = None
    overall: float | None = None


class Severity(StrEnum):
    """What a finding does to the verdict."""

    INFO = "info"
    WARN = "warn"
    REJECT = "reject"


class Verdict(StrEnum):
    """What governance says of a text."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    REJECT = "reject"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a rule has to say about the span [start, end) of a text."""

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    evidence: Evidence | None = None
    value: float | None = None
    """What the rule measured, where it measures; its thresholds made the severity of it."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, findings and verdict of one text."""

    scores: Scores
    findings: tuple[Finding, ...]
    verdict: Verdict


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was written and not yet judged."""

    text: str
    mode: AnswerMode
    model: str | None
    found: bool = True
    """False: the passages do not answer the question, and `text` says so."""
    perplexity: float | None = None
    finish: Literal["stop", "length"] = "stop"


NOT_FOUND_RULE = "answer.not-found"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A judged draft with the passages it was written from."""

    id: str
    question: str
    text: str
    mode: AnswerMode
    model: str | None
    passages: tuple[Passage, ...]
    judgement: Judgement
    timings_ms: dict[str, float]
    cached: bool = False

    @property
    def found(self) -> bool:
        """Whether something answers; if not, the passages are what was looked at."""
        return all(finding.rule != NOT_FOUND_RULE for finding in self.judgement.findings)


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """Event of an answer in the making: the passages it will be written from."""

    passages: tuple[Passage, ...]


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """Event of an answer in the making: the next piece of its text."""

    text: str
    tokens: int = 0
    """How many were generated for it; 0 for what no model wrote."""


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """Event of an answer in the making: the text so far was rejected, another one follows."""

    reason: str


AnswerEvent = Retrieved | Delta | Withdrawn
AnswerListener = Callable[[AnswerEvent], None]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a long task is: `done` of `total` in `unit`; total None where it is unknown."""

    task: str
    done: int = 0
    total: int | None = None
    unit: Literal["bytes", "files", "chunks", "steps", "questions"] = "steps"


ProgressListener = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """Listen to nothing: the default where no one watches."""


def ignore_event(_event: AnswerEvent) -> None:
    """Listen to nothing: the default where only the finished answer matters."""
