"""Sessions: the last questions and answers of each, for follow-ups."""

from collections import OrderedDict

from nsllm.types import Answer, Turn

_TURNS = 4
_SESSIONS = 100


class Sessions:
    """What was said in each session about each folder; the sessions used longest ago are dropped.

    It is kept in memory only: a restarted server knows no session.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[tuple[str, str], tuple[Turn, ...]] = OrderedDict()

    def history(self, session: str | None, folder: str) -> tuple[Turn, ...]:
        """Return the turns so far, oldest first; none without a session."""
        return () if session is None else self._turns.get((session, folder), ())

    def keep(self, session: str | None, folder: str, answer: Answer) -> None:
        """Add a question and its answer."""
        if session is None:
            return
        turn = Turn(question=answer.question, answer=answer.text)
        turns = (*self._turns.pop((session, folder), ()), turn)
        self._turns[session, folder] = turns[-_TURNS:]
        if len(self._turns) > _SESSIONS:
            self._turns.popitem(last=False)
