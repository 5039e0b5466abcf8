"""A text from elsewhere, judged against the passages that its claims find."""

from collections.abc import Callable, Sequence

import msgspec

from nsllm.documents.markup import plain
from nsllm.documents.sentences import is_prose
from nsllm.governance.pipeline import judge
from nsllm.governance.rulebook import Rulebook
from nsllm.governance.rules import Subject
from nsllm.runtime import ModelRuntime
from nsllm.scoring.claims import claims, without_markers
from nsllm.scoring.differences import Mention
from nsllm.scoring.evidence import blank
from nsllm.scoring.scorer import measure
from nsllm.stopping import checkpoint
from nsllm.types import Chunk, Judgement, Passage

_PASSAGES_PER_CLAIM = 3
"""Passages that a claim is compared with."""

_CANDIDATES_PER_CLAIM = 12
"""Passages to choose those from: the text's own document may hold the nearest ones."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged; Application.check says what the fields mean."""

    text: str
    path: str | None
    is_generated: Callable[[str], bool]
    generated: bool

    @property
    def words(self) -> str:
        """The text without its markup, as long as the text."""
        is_marked_up = self.path is None or is_prose(self.path)
        return plain(self.text) if is_marked_up else self.text


def check(
    given: Text,
    retrieve: Callable[[str, int], Sequence[Passage]],
    *,
    unknown_names: Callable[[str, str | None], tuple[Mention, ...]],
    models: ModelRuntime,
    rulebook: Rulebook,
) -> Judgement:
    """Judge a text.

    `retrieve` finds so many passages for a query, `unknown_names` the code names of a text that no
    document but its own has.
    """
    words = given.words
    chunks = _evidence(given, words, retrieve)
    measurement = measure(words, chunks, models.embedder().embed, classifiers=models.classifiers())
    subject = Subject(
        text=given.text,
        measurement=measurement,
        passages=None,
        target="document",
        generated=given.generated,
        path=given.path,
        chunks=chunks,
        unknown_names=unknown_names(words, given.path),
    )
    return judge(subject, rulebook, models.remarks())


def _evidence(
    given: Text, words: str, retrieve: Callable[[str, int], Sequence[Passage]]
) -> tuple[Chunk, ...]:
    """Return what the claims find in other documents, without what is generated."""
    found: dict[tuple[str, int], Chunk] = {}
    for claim in claims(words):
        checkpoint()
        passages = retrieve(without_markers(claim.text), _CANDIDATES_PER_CLAIM)
        others = [p.chunk for p in passages if p.chunk.path != given.path]
        for chunk in others[:_PASSAGES_PER_CLAIM]:
            found[chunk.path, chunk.start] = blank(chunk, given.is_generated)
    return tuple(found.values())
