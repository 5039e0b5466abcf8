"""The reading exam: may this model answer freely?

Each question comes with three short passages. A writer is marked for stating the fact, for citing
the passage that holds it, and for saying "not found" where none does.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib import resources

import msgspec

from nsllm.scoring.claims import markers
from nsllm.types import Chunk, Draft, Passage, Progress, ProgressListener

PASS_MARK = 0.75

Write = Callable[[str, Sequence[Passage]], Awaitable[Draft]]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One question; `facts` are alternatives, None where the passages do not answer."""

    id: str
    passages: tuple[str, ...]
    question: str
    facts: tuple[str, ...] | None
    marker: int | None


class Exam(msgspec.Struct, frozen=True, kw_only=True):
    """All questions; a result counts for one version only."""

    version: int
    items: tuple[Item, ...]


class ExamResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer has shown; each share in [0, 1]."""

    version: int
    facts: float
    """Share of the answerable questions whose answer states the fact."""
    citations: float
    """Share of the answerable questions whose answer cites the passage that holds the fact."""
    not_found: float
    """Share of the unanswerable questions that are answered by 'not found'."""
    duration_s: float

    @property
    def score(self) -> float:
        """The mean of the three shares."""
        return (self.facts + self.citations + self.not_found) / 3

    @property
    def passed(self) -> bool:
        """Whether each share reaches the pass mark: a model must be able to do all three."""
        return min(self.facts, self.citations, self.not_found) >= PASS_MARK


@cache
def exam() -> Exam:
    """Return the exam that comes with this version."""
    body = (resources.files(__package__) / "reading_exam.json").read_bytes()
    return msgspec.json.decode(body, type=Exam)


async def sit(write: Write, listener: ProgressListener) -> ExamResult:
    """Let a writer answer every question, and mark it."""
    questions = exam()
    started = time.monotonic()
    facts: list[bool] = []
    citations: list[bool] = []
    not_found: list[bool] = []
    total = len(questions.items)
    for done, item in enumerate(questions.items):
        listener(Progress(task="reading exam", done=done, total=total, unit="questions"))
        draft = await write(item.question, passages_of(item))
        if item.facts is None:
            not_found.append(not draft.found)
        else:
            facts.append(draft.found and states(draft.text, item.facts))
            citations.append(draft.found and item.marker in markers(draft.text))
    listener(Progress(task="reading exam", done=total, total=total, unit="questions"))
    return ExamResult(
        version=questions.version,
        facts=sum(facts) / len(facts),
        citations=sum(citations) / len(citations),
        not_found=sum(not_found) / len(not_found),
        duration_s=round(time.monotonic() - started, 1),
    )


def passages_of(item: Item) -> list[Passage]:
    """Return the passages of an item as retrieval would hand them on."""
    return [
        Passage(
            chunk=Chunk(
                path=f"{item.id}-{number}.md",
                start=0,
                end=len(text),
                start_line=1,
                end_line=1 + text.count("\n"),
                text=text,
            ),
            score=1.0,
            similarity=1.0,
        )
        for number, text in enumerate(item.passages, start=1)
    ]


def states(text: str, facts: Sequence[str]) -> bool:
    """Tell whether a text holds one of the facts, whatever its case and white space."""
    flat = " ".join(text.split()).lower()
    return any(" ".join(fact.split()).lower() in flat for fact in facts)
