"""Muting comments: cut out of what is judged, and matched with the line below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.frontends.lsp.mutes import Muted, comment
from nsllm.frontends.lsp.positions import Lines

NOTE = "<!-- nsllm-ignore grounding.claim -->"


def muted(text: str) -> Muted:
    return Muted(Lines(text, "utf-16"))


def test_a_comment_mutes_its_rule_on_the_next_line_only() -> None:
    text = f"First.\n{NOTE}\nSecond.\nThird.\n"
    view = muted(text)
    second, third = text.index("Second"), text.index("Third")
    assert view.mutes("grounding.claim", (second, second + 6))
    assert not view.mutes("coherence", (second, second + 6))
    assert not view.mutes("grounding.claim", (third, third + 5))
    assert not view.mutes("grounding.claim", (0, 5))


def test_several_comments_may_stand_above_a_line() -> None:
    text = f"{NOTE}\n<!-- nsllm-ignore coherence, length.long -->\nText.\n"
    place = (text.index("Text"), len(text))
    assert all(
        muted(text).mutes(rule, place) for rule in ("grounding.claim", "coherence", "length.long")
    )


@pytest.mark.parametrize("path", ["a.py", "a.ts", "a.md", "a.sql", "a.css", "Dockerfile", "a.rst"])
def test_the_comment_that_is_written_is_the_one_that_is_read(path: str) -> None:
    text = f"{comment(path, 'grounding.claim')}\nx = 1\n"
    assert muted(text).mutes("grounding.claim", (text.index("x"), text.index("x") + 1))


def test_a_comment_does_not_cut_a_sentence_in_two() -> None:
    assert muted(f"One sentence\n{NOTE}\nof two lines.").text == "One sentence\nof two lines."


@given(
    st.lists(
        st.sampled_from(["a b.\n", "c\r\n", f"{NOTE}\n", f"{NOTE}\r\n", "\n", "d"]), max_size=8
    )
)
def test_spans_go_back_to_where_they_came_from(parts: list[str]) -> None:
    text = "".join(parts)
    view = muted(text)
    assert "nsllm-ignore" not in view.text.replace(f"d{NOTE}", "")
    for i, character in enumerate(view.text):
        start, end = view.restore((i, i + 1))
        assert text[start:end] == character


@pytest.mark.parametrize("line", [" " * 200_000 + "x", f"nsllm-ignore a{' ' * 200_000}!"])
def test_a_line_of_blanks_is_read_once(line: str) -> None:
    """The test's time limit tells: with the square of its length it would take minutes."""
    assert muted(line).text == line
