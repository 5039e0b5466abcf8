"""What was answered before: found again where all that decides it is the same."""

from typing import NamedTuple

from nsllm.answering import Stopwatch, open_modes
from nsllm.cache import answers
from nsllm.cache.answers import AnswerKey, KeptAnswer
from nsllm.cache.store import CacheStore
from nsllm.governance.rulebook import Rulebook
from nsllm.index.workspace import WorkspaceIndex
from nsllm.names import KnownNames
from nsllm.runtime import ModelRuntime
from nsllm.settings import Settings
from nsllm.types import Answer, AnswerListener, Passage, Question


class Asked(NamedTuple):
    """A question with the passages that were found for it, and who listens."""

    question: Question
    completed: Question
    found: tuple[Passage, ...]
    client: str
    listener: AnswerListener
    clock: Stopwatch

    def passages(self, made: KeptAnswer) -> tuple[Passage, ...]:
        """Return the passages that an answer was written from."""
        return tuple(self.found[position] for position in made.order)

    def answer(self, made: KeptAnswer, answer_id: str, *, cached: bool = False) -> Answer:
        """Return the answer that is given, made just now or before."""
        return Answer(
            id=answer_id,
            question=self.question.text,
            text=made.text,
            mode=made.mode,
            model=made.model,
            passages=self.passages(made),
            judgement=made.judgement,
            timings_ms=self.clock.timings_ms(),
            cached=cached,
        )


class Recall:
    """The cache, as far as one question with the passages found for it is concerned.

    All methods block: call them on a thread.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        store: CacheStore,
        index: WorkspaceIndex,
        models: ModelRuntime,
        settings: Settings,
        rulebook: Rulebook,
    ) -> None:
        self._question = asked.question
        self._completed = asked.completed
        self._found = asked.found
        self._store = store
        self._index = index
        self._models = models
        self._settings = settings
        self._rulebook = rulebook
        self._key: str | None = None

    def find(self) -> KeptAnswer | None:
        """Return the answer that was given to this before, if it still holds."""
        self._key = self._digest()
        kept = answers.find(self._store, self._key) if self._key else None
        if kept is not None and not KnownNames(self._index).still(kept.names):
            self._store.miss("answer")
            return None
        return kept

    def keep(self, made: KeptAnswer) -> None:
        """Keep an answer, if what it was made with is still what it was at `find`."""
        if self._key is None or self._models.tells_time() or not self._is_saved():
            return
        if self._digest() == self._key:
            answers.keep(self._store, self._key, made)

    def _is_saved(self) -> bool:
        """Tell whether nothing in the passages stands in an unsaved document alone."""
        return self._index.has_saved([passage.chunk for passage in self._found])

    def _digest(self) -> str | None:
        """Return the key; None where nothing may be kept."""
        if not self._store.is_on or not self._rulebook.is_repeatable:
            return None
        identities = self._models.identities(self._question.model)
        modes = open_modes(self._completed, self._found, self._models)
        if identities is None:
            return None
        if "generate" in modes and self._models.is_remote(self._question.model):
            # Which model answers there, nobody here can tell.
            return None
        return AnswerKey(
            question=self._question,
            completed=self._completed.text,
            found=self._found,
            modes=modes,
            models=identities,
            settings=(
                answers.decisive(self._settings),
                answers.decisive(self._models.settings),
            ),
            rules={name: one.options for name, one in self._rulebook.configured().items()},
            build=answers.build(),
        ).digest()
