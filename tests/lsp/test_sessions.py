"""Sessions: what was said is kept apart by session and folder, and a follow-up is answered."""

import pytest

from lsp.editor import Editor
from nsllm.frontends.sessions import Sessions
from nsllm.types import Answer, Judgement, Scores, Turn, Verdict


def answer(question: str) -> Answer:
    judgement = Judgement(scores=Scores(), findings=(), verdict=Verdict.PASS)
    return Answer(
        id="1",
        question=question,
        text=f"Answer to {question}",
        mode="extract",
        model=None,
        passages=(),
        judgement=judgement,
        timings_ms={},
    )


def test_a_session_forgets_its_oldest_turn() -> None:
    sessions = Sessions()
    for number in range(6):
        sessions.keep("panel", "file:///a", answer(f"question {number}"))
    turns = sessions.history("panel", "file:///a")
    assert [turn.question for turn in turns] == [f"question {n}" for n in (2, 3, 4, 5)]
    assert turns[-1] == Turn(question="question 5", answer="Answer to question 5")


def test_sessions_and_folders_are_kept_apart() -> None:
    sessions = Sessions()
    sessions.keep("panel", "file:///a", answer("one"))
    sessions.keep(None, "file:///a", answer("two"))
    assert sessions.history("panel", "file:///b") == ()
    assert sessions.history("thread", "file:///a") == ()
    assert sessions.history(None, "file:///a") == ()


def test_the_session_used_longest_ago_is_dropped() -> None:
    sessions = Sessions()
    for number in range(120):
        sessions.keep(f"session {number}", "file:///a", answer("question"))
        sessions.keep("in use", "file:///a", answer("question"))
    assert sessions.history("session 0", "file:///a") == ()
    assert sessions.history("session 119", "file:///a")
    assert sessions.history("in use", "file:///a")


@pytest.mark.models
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("first", "follow_up", "path", "said"),
    [
        (
            "How often does a relay send its readings?",
            "And what does its status light do while pairing?",
            "docs/relays.md",
            "blinks green",
        ),
        ("What does the Team plan cost?", "How many relays does it cover?", "docs/plans.md", "50"),
        ("When is an alarm raised?", "And who is told?", "docs/alarms.md", "on-call engineer"),
    ],
)
async def test_a_follow_up_is_answered_from_its_session(
    editor: Editor, first: str, follow_up: str, path: str, said: str
) -> None:
    """The same words in a session of their own would be about nothing."""
    session = f"session of {first}"
    await editor.ask("nsllm/hybridQuery", question=first, mode="extract", session=session)
    answer = await editor.ask(
        "nsllm/hybridQuery", question=follow_up, mode="extract", session=session
    )
    assert said in answer["text"]
    assert answer["sources"][0]["path"] == path
