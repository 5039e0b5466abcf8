"""What a text claims, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.scoring.claims import claims

PIECES = st.sampled_from(
    [
        "The cache keeps entries for 30 s.",
        "# A heading\n",
        "\n\n",
        "- An item of a list\n",
        "Why?",
        "| key | value of it |\n|---|---|\n",
        "`code.span()` returns nothing useful.",
        "```\nx = 1\n```\n",
        "😀 Emoji come first here.",
        " ",
        "Hello there!",
        "It is so [1].",
        "e.g. this one",
        "\r\n",
        "> quoted words\n",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=200))
def test_claims_tile_no_more_than_the_text(text: str) -> None:
    """Offsets are exact, in order, and never overlap."""
    end = 0
    for claim in claims(text):
        assert text[claim.start : claim.end] == claim.text
        assert end <= claim.start < claim.end
        end = claim.end


@pytest.mark.parametrize(
    "text",
    [
        "# The cache keeps entries",
        "Does the cache keep entries?",
        "Hello and welcome!",
        "Thanks for asking about caches.",
        "Let me know if it works for you.",
        "Sure, happy to help you there.",
        "```\ncache.keep(entries)\n```",
        "Here are the steps of the set-up:",
    ],
)
def test_what_asserts_nothing_is_no_claim(text: str) -> None:
    assert claims(text) == []


def test_items_rows_and_code_spans_are_claims() -> None:
    text = (
        "- `ttl` is 30 s.\n- It never expires.\n\n| name | default |\n|---|---|\n| ttl | 30 s |\n"
    )
    assert [claim.text for claim in claims(text)] == [
        "`ttl` is 30 s.",
        "It never expires.",
        "| ttl | 30 s |",
    ]


def test_hedges_claim_only_where_nothing_else_does() -> None:
    hedge, plain = "I think that it keeps entries.", "The cache holds 40 rows."
    assert [claim.text for claim in claims(hedge)] == [hedge]
    assert [claim.text for claim in claims(f"{hedge} {plain}")] == [plain]
