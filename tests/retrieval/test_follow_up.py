"""What counts as a follow-up, and what it is completed to."""

import pytest

from nsllm.retrieval.follow_up import complete, is_follow_up, search_text
from nsllm.types import Question, Turn


@pytest.mark.parametrize(
    "text",
    [
        "And on Windows?",
        "on macOS",
        "What about the Team plan?",
        "How about Linux",
        "and the price?",
        "But why?",
        "Why is that?",
        "Since when?",
        "How long?",
        "How does it work?",
        "Can I change this?",
        "What is its default?",
        "How large are their archives?",
        "Who pays for them?",
        "Is that configurable?",
        "Does that setting need a restart?",
        "Which one is cheaper?",
        "Is there a cheaper one?",
        "Tell me more.",
        "Explain that again, please",
        "What happens there?",
        "And how do I turn it off?",
        "So what does that mean for it?",
        "Anything else?",
    ],
)
def test_what_leans_on_an_earlier_question_is_a_follow_up(text: str) -> None:
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "How long are readings kept?",
        "And how long are readings kept?",
        "Is it possible to export readings?",
        "How long does it take to pair a relay?",
        "Why do relays blink when they pair?",
        "How many readings does a relay send before it sleeps?",
        "Does a relay keep its readings?",
        "Is there a relay that sends readings at night?",
        "Do the notes say that alarms are logged?",
        "What does this project do?",
        "How many relays does one server take?",
        "What is Harrow?",
        "backup schedule",
        "retention of readings in the archive",
        "Who is told of an alarm?",
        "Which plan includes those who only read?",
        "Wie lange bleiben Messwerte erhalten?",
        "",
        "???",
    ],
)
def test_what_stands_by_itself_is_none(text: str) -> None:
    assert not is_follow_up(text)


@pytest.mark.parametrize(
    ("earlier", "text", "whole"),
    [
        (
            ["Where is the configuration kept?"],
            "And on Windows?",
            "Where is the configuration kept on Windows?",
        ),
        (
            ["Where is the configuration kept on Linux?"],
            "What about on Windows?",
            "Where is the configuration kept on Windows?",
        ),
        (
            ["Where is the configuration kept?", "And on Windows?"],
            "and on macOS",
            "Where is the configuration kept on macOS?",
        ),
        (
            ["How much does the Lite plan cost per month?"],
            "What about the Team plan?",
            "How much does the Team plan cost per month?",
        ),
        (["Where do logs go on Linux?"], "What about Windows?", "Where do logs go on Windows?"),
        (["How are relays paired?"], "And alarms?", "How are alarms paired?"),
        (["What does the Team plan cover?"], "And the price?", "the price of the Team plan?"),
        (["How long are readings kept?"], "Why is that?", "Why are readings kept?"),
        (["When is a release tagged?"], "Who announces it?", "Who announces a release?"),
        (["Who checks the backups?"], "Where are they kept?", "Where are the backups kept?"),
        (["Can I export readings?"], "How large are they?", "How large are readings?"),
        (
            ["What is the price of the Lite plan?"],
            "What is its name?",
            "What is the Lite plan's name?",
        ),
        (["What is the retention period?"], "Is that a limit?", "Is the retention period a limit?"),
        (["How long are readings kept?"], "Tell me more.", "How long are readings kept?"),
        (
            ["Who is told of an alarm?", "How long are readings kept?"],
            "And can they be exported?",
            "can readings be exported?",
        ),
        (["How long are readings kept?"], "Who is told of an alarm?", "Who is told of an alarm?"),
        ([], "Why is that?", "Why is that?"),
        (["word " * 200], "Why is that?", "Why is that?"),
    ],
)
def test_a_follow_up_is_completed_from_what_was_asked(
    earlier: list[str], text: str, whole: str
) -> None:
    history = tuple(Turn(question=one, answer="It is so [1].") for one in earlier)
    assert complete(Question(text=text, history=history)).text == whole


def test_a_question_that_stands_by_itself_takes_no_history_along() -> None:
    history = (Turn(question="How long are readings kept?", answer="30 days [1]."),)
    assert complete(Question(text="Who is told of an alarm?", history=history)).history == ()
    assert complete(Question(text="Why is that?", history=history)).history == history


def test_a_search_for_a_follow_up_takes_what_it_is_about_along() -> None:
    history = (Turn(question="How long are readings kept?", answer="30 days [1]."),)
    asked = complete(Question(text="And who decided that?", history=history))
    assert search_text(asked) == f"How long are readings kept? {asked.text}"
    assert search_text(Question(text="Who is told?")) == "Who is told?"


@pytest.mark.parametrize("text", ["What about…", "How about 🤔", "what about :)?", "how about ,"])
def test_a_follow_up_that_names_nothing_is_left_as_it_is(text: str) -> None:
    history = (Turn(question="How long are readings kept?", answer="For 30 days. [1]"),)
    assert complete(Question(text=text, history=history)).text == text
