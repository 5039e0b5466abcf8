"""Positions: offsets and columns agree for any text, in each encoding."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.frontends.lsp.positions import (
    ENCODINGS,
    Encoding,
    Lines,
    apply_changes,
    units,
    without_surrogates,
)

# Any code point, lone surrogates among them, with what breaks lines and pairs made likely.
characters = st.one_of(
    st.sampled_from(
        ["\r", "\n", "\r\n", "\u2028", "\x0b", "\x85", "😀", "é", "漢", "\ud83d", "\ude00"]
    ),
    st.characters(exclude_categories=()),
)
texts = st.lists(characters, max_size=40).map("".join)
encodings = st.sampled_from(ENCODINGS)


@given(texts, encodings, st.data())
def test_every_offset_comes_back_from_its_position(
    text: str, encoding: Encoding, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, len(text)))
    lines = Lines(text, encoding)
    returned = lines.offset(lines.position(offset))
    within_crlf = 0 < offset < len(text) and text[offset - 1 : offset + 1] == "\r\n"
    assert returned == (offset - 1 if within_crlf else offset)


@given(texts, encodings, st.data())
def test_the_range_of_a_finding_comes_back_as_its_span(
    text: str, encoding: Encoding, data: st.DataObject
) -> None:
    """Findings begin and end at characters that are not white space."""
    places = [i for i, character in enumerate(text) if not character.isspace()]
    if not places:
        return
    start = data.draw(st.sampled_from(places))
    end = data.draw(st.sampled_from([i for i in places if i >= start])) + 1
    lines = Lines(text, encoding)
    assert lines.span_of(lines.range((start, end))) == (start, end)


@given(texts, encodings)
def test_positions_order_as_offsets_do(text: str, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    positions = [lines.position(offset) for offset in range(len(text) + 1)]
    assert positions == sorted(positions)


@given(texts, st.integers(0, 50), st.integers(0, 50), encodings)
def test_any_position_lands_in_the_text(
    text: str, line: int, column: int, encoding: Encoding
) -> None:
    lines = Lines(text, encoding)
    offset = lines.offset((line, column))
    assert 0 <= offset <= len(text)
    if line < len(lines):
        start, end = lines.span(line)
        assert start <= offset <= end


@given(texts)
def test_utf_16_columns_are_those_of_the_encoding(text: str) -> None:
    lines = Lines(text, "utf-16")
    for number in range(len(lines)):
        start, end = lines.span(number)
        encoded = text[start:end].encode("utf-16-le", "surrogatepass")
        assert lines.position(end)[1] == len(encoded) // 2


@given(texts, texts, encodings, st.data())
def test_an_edit_changes_its_range_and_nothing_else(
    text: str, new: str, encoding: Encoding, data: st.DataObject
) -> None:
    lines = Lines(text, encoding)
    # An edit cannot fall between CR and LF: no position names that place.
    start, end = sorted(
        lines.offset(lines.position(data.draw(st.integers(0, len(text))))) for _ in range(2)
    )
    change: dict[str, Any] = {"range": lines.range((start, end)), "text": new}
    assert apply_changes(text, [change], encoding) == text[:start] + new + text[end:]


@given(texts)
def test_a_text_without_surrogates_keeps_its_offsets(text: str) -> None:
    clean = without_surrogates(text)
    clean.encode()
    assert len(clean) == len(text)
    assert all(a == b or "\ud800" <= b <= "\udfff" for a, b in zip(clean, text, strict=True))


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 6), ("utf-16", 4), ("utf-32", 3)])
def test_an_emoji_counts_as_its_encoding_counts_it(encoding: Encoding, column: int) -> None:
    lines = Lines("é\r\nx😀y", encoding)
    assert lines.position(6) == (1, column)
    assert lines.offset((1, column)) == 6


def test_a_column_within_a_character_means_its_start() -> None:
    assert Lines("a😀b", "utf-16").offset((0, 2)) == 1


def test_changes_apply_in_order_and_without_a_range_replace_all() -> None:
    point = {"line": 0, "character": 0}
    insert = {"range": {"start": point, "end": point}, "text": "x"}
    assert apply_changes("old", [{"text": "new"}, insert], "utf-16") == "xnew"


def test_units_of_lone_surrogates() -> None:
    assert [units("\ud83d", encoding) for encoding in ENCODINGS] == [3, 1, 1]
