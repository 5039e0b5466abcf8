"""What a rule is: it looks at a subject, and observes spans; its options decide what they weigh.

A rule says what it saw and measured, never how grave that is: the thresholds and the severity
in its options do, so that every verdict can be explained and changed by settings. No rule does
I/O, and what it needs of models has been measured before.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from nsllm.scoring.differences import Mention
from nsllm.scoring.scorer import Measurement
from nsllm.types import AnswerMode, Chunk, Evidence, Severity

Target = Literal["answer", "document"]
"""An answer is written to a question; a document came from elsewhere."""

Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]

_ID = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule looks at: a text, its measurement, and what it was compared with."""

    text: str
    measurement: Measurement
    passages: int | None
    """How many passages its markers can point to; None where they are not numbered for it."""
    mode: AnswerMode | None = None
    """How the text was made; None where it came from elsewhere."""
    target: Target = "answer"
    generated: bool = True
    """Whether a model wrote it, or may have; what people write may be new to the workspace."""
    path: str | None = None
    """The document that the text is in, relative to the workspace; None for an answer."""
    chunks: tuple[Chunk, ...] = ()
    """The passages that the text was compared with."""
    unknown_names: tuple[Mention, ...] = ()
    """Identifiers, flags and paths of the text that were looked for in vain."""
    sought_in: Literal["workspace", "passages"] = "workspace"
    """Where they were looked for."""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule saw on the span [start, end) of the text, with `value` where it measured."""

    start: int
    end: int
    message: str
    value: float | None = None
    evidence: Evidence | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every rule can be told."""

    worse: ClassVar[Literal["below", "above"] | None] = None
    """On which side of `warn` and `reject` a measured value is bad; None: nothing is measured."""

    enabled: bool = True
    """Whether the rule is applied at all."""
    severity: Severity = Severity.REJECT
    """The gravest finding of the rule; one that measures nothing always finds this."""
    paths: tuple[str, ...] = ()
    """Documents it applies to, in .gitignore syntax; none named: all. Answers have no path."""
    applies_to: tuple[Target, ...] = ("answer", "document")
    """Texts it applies to: answers, documents, or both."""


class LowScore(Options, frozen=True, kw_only=True):
    """Options of a rule that finds scores in [0, 1] which are too low."""

    worse: ClassVar[Literal["below", "above"] | None] = "below"

    warn: Unit
    """A lower score is a warning."""
    reject: Unit
    """A lower score rejects."""


class HighScore(Options, frozen=True, kw_only=True):
    """Options of a rule that finds scores in [0, 1] which are too high."""

    worse: ClassVar[Literal["below", "above"] | None] = "above"

    warn: Unit
    """A higher score is a warning."""
    reject: Unit
    """A higher score rejects."""


class TooFew(Options, frozen=True, kw_only=True):
    """Options of a rule that finds counts which are too small."""

    worse: ClassVar[Literal["below", "above"] | None] = "below"

    warn: Count
    """A smaller count is a warning."""
    reject: Count = 0
    """A smaller count rejects."""


class TooMany(Options, frozen=True, kw_only=True):
    """Options of a rule that finds counts which are too large."""

    worse: ClassVar[Literal["below", "above"] | None] = "above"

    warn: Count
    """A larger count is a warning."""
    reject: Count
    """A larger count rejects."""


O = TypeVar("O", bound=Options)  # noqa: E741 - the options of one rule


class Rule(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """A rule: its id, what it finds, and its options as the profile `standard` has them."""

    id: str
    summary: str
    """What it finds, in one sentence."""
    find: Callable[[Subject, O], Iterable[Observation]]
    options: O
    strict: Mapping[str, Any] = {}
    """Options that are others in the profile `strict`."""
    permissive: Mapping[str, Any] = {}
    """Options that are others in the profile `permissive`."""
    measured: bool = False
    """Whether it looks at what models measured; examples of the others run without models."""
    advice: str = ""
    """What to do about a finding, in one sentence."""
    help_uri: str | None = None
    """A page about the rule; None for the built-in ones, which docs/RULES.md describes."""

    def __post_init__(self) -> None:
        """Refuse an id that could not be written in nsllm.toml."""
        if not _ID.fullmatch(self.id):
            raise ValueError(
                f"The rule id {self.id!r} is not lower-case words, digits and hyphens with dots."
            )


def severity_of(options: Options, value: float | None) -> Severity | None:
    """Return how grave an observation is under these options; None: it is no finding."""
    if value is None or options.worse is None:
        return options.severity
    warn, reject = thresholds(options)
    below = options.worse == "below"
    if value < reject if below else value > reject:
        return options.severity
    if value < warn if below else value > warn:
        return min(Severity.WARN, options.severity, key=tuple(Severity).index)
    return None


def thresholds(options: Options) -> tuple[float, float]:
    """Return `warn` and `reject` of options that measure."""
    return getattr(options, "warn"), getattr(options, "reject")  # noqa: B009 - of subclasses only
