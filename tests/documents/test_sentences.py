"""Sentences: where they begin and end, and what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.documents.sentences import split


def texts(text: str, *, prose: bool = True) -> list[tuple[str, str]]:
    return [(s.kind, text[s.start : s.end]) for s in split(text, prose=prose)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It waits 1.5 s. Then it runs.", ["It waits 1.5 s.", "Then it runs."]),
        (
            "See Dr. A. Smith, e.g. at noon. Then go.",
            ["See Dr. A. Smith, e.g. at noon.", "Then go."],
        ),
        ("Run `a. b` first. Then c.", ["Run `a. b` first.", "Then c."]),
        ("A fact. [1] Another.[2][3] End.", ["A fact. [1]", "Another.[2][3]", "End."]),
        ("Version 2.1.0 is out. max_size is new.", ["Version 2.1.0 is out.", "max_size is new."]),
        ("No full stop at the end", ["No full stop at the end"]),
        ("A line\nthat goes on. Next.", ["A line\nthat goes on.", "Next."]),
    ],
)
def test_prose_splits_at_sentence_ends(text: str, expected: list[str]) -> None:
    assert [part for _, part in texts(text)] == expected


def test_markdown_blocks_keep_their_kind() -> None:
    text = (
        "# Title\n\nProse here. More.\n\n- item one\n- [ ] item two\n  goes on\n\n"
        "| a | b |\n|---|---|\n| x | 10 |\n\n```sh\nrun --flag\n```\n\nSetext\n======\nEnd."
    )
    assert texts(text) == [
        ("heading", "Title"),
        ("prose", "Prose here."),
        ("prose", "More."),
        ("item", "item one"),
        ("item", "item two\n  goes on"),
        ("row", "| a | b |"),
        ("row", "| x | 10 |"),
        ("code", "run --flag"),
        ("heading", "Setext"),
        ("prose", "End."),
    ]


def test_line_ends_of_windows_change_nothing_but_offsets() -> None:
    text = (
        "---\ntitle: Storage\n---\n\nStorage\n=======\n\nKept for 30 days.\nThen they go.\n\n"
        "| a | b |\n|---|---|\n| x | 10 |\n\n```sh\nrun\n```\n\nSee:: \n\n  code\n"
    )
    expected = [(kind, part.replace("\n", "\r\n")) for kind, part in texts(text)]
    assert texts(text.replace("\n", "\r\n")) == expected


def test_a_footnote_is_an_item_without_its_mark() -> None:
    text = "Kept.[^1]\n\n[^1]: Raw readings, for 60 days.\n[^two]: Others go."
    assert texts(text)[1:] == [("item", "Raw readings, for 60 days."), ("item", "Others go.")]


def test_code_splits_by_line() -> None:
    assert texts("# not a heading\nx = 1. # a\n\n", prose=False) == [
        ("code", "# not a heading"),
        ("code", "x = 1. # a"),
    ]


@given(st.text(alphabet=st.sampled_from("ab.!?[]1 \n\r#-|`>é🙂A"), max_size=80), st.booleans())
def test_sentences_are_trimmed_ordered_and_do_not_overlap(text: str, prose: bool) -> None:
    end = 0
    for sentence in split(text, prose=prose):
        part = text[sentence.start : sentence.end]
        assert part
        assert part == part.strip()
        assert sentence.start >= end
        end = sentence.end


@pytest.mark.parametrize("line", ["-" * 80 + " Storage", "-" * 80 + ">", "|" + "---|" * 80 + "x"])
def test_dashes_with_something_behind_are_no_rule_and_hold_up_nothing(line: str) -> None:
    """The test's time limit tells: cut in pieces in every way, they would take years."""
    assert texts(line) == [("prose", line)]


def test_a_text_that_never_stops_abbreviating_is_read_once() -> None:
    """The test's time limit tells: looked at from its beginning at each stop, it takes minutes."""
    [(kind, text)] = texts("A. " * 20_000 + "end")
    assert kind == "prose"
    assert text.endswith("A. end")


RST = """\
Retry a call, as in the following example::

    @retry
    def fetch():
        return client.get("/")

It stops after three attempts.

.. code-block:: python
   :caption: A limit. And another.

   retry(stop=stop_after_attempt(3))

   # Nothing is claimed here.

.. _limits: https://example.org/limits.

.. note:: Attempts are counted from one.

.. warning::

   A limit of none waits for ever.

>>> fetch()
It prints this.

Then it waits.
"""


def test_the_code_of_restructuredtext_is_code() -> None:
    """What is indented below a double colon, directives of code, and doctest prompts."""
    found: dict[str, list[str]] = {}
    for sentence in split(RST):
        found.setdefault(sentence.kind, []).append(RST[sentence.start : sentence.end])
    assert found["prose"] == [
        "Retry a call, as in the following example::",
        "It stops after three attempts.",
        "Attempts are counted from one.",
        "A limit of none waits for ever.",
        "Then it waits.",
    ]
    assert found["code"][:3] == ["@retry", "def fetch():", 'return client.get("/")']
    assert "# Nothing is claimed here." in found["code"]
    assert found["code"][-2:] == [">>> fetch()", "It prints this."]


def test_prose_right_below_a_fence_with_a_prompt_is_prose() -> None:
    text = "```pycon\n>>> fetch()\n'done'\n```\nIt stops after three attempts.\n"
    assert [(one.kind, text[one.start : one.end]) for one in split(text)] == [
        ("code", ">>> fetch()"),
        ("code", "'done'"),
        ("prose", "It stops after three attempts."),
    ]
