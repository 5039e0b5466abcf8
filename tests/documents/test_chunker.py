"""Chunks tile the document, with exact offsets and lines."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from nsllm.documents.chunker import MAX_CHARS, Chunker
from nsllm.documents.headings import sections
from nsllm.documents.reader import make_document
from nsllm.types import Chunk

MAX_TOKENS = 12
LINE_END = re.compile(r"\r\n|\n|\r")


def word_tokenizer() -> Tokenizer:
    """A tokenizer that needs no file: one token a word or sign."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


TOKENIZER = word_tokenizer()
CHUNKER = Chunker(TOKENIZER, max_tokens=MAX_TOKENS)


def split(text: str, path: str = "a.md") -> list[Chunk]:
    return CHUNKER.split(make_document(path, text))


def line_of(text: str, offset: int) -> int:
    return 1 + sum(match.end() <= offset for match in LINE_END.finditer(text))


def check_tiling(text: str, chunks: list[Chunk]) -> None:
    covered = bytearray(len(text))
    last_end = 0
    for chunk in chunks:
        assert last_end <= chunk.start < chunk.end
        assert chunk.text == text[chunk.start : chunk.end]
        assert len(chunk.text) <= MAX_CHARS
        assert chunk.text.strip()
        assert chunk.start_line == line_of(text, chunk.start)
        assert chunk.end_line == line_of(text, chunk.end - 1)
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
        last_end = chunk.end
    assert [c for c, seen in zip(text, covered, strict=True) if not seen and not c.isspace()] == []


PIECES = st.sampled_from(
    [
        "# One\n",
        "## Two ##\r\n",
        "Three\n=====\n",
        "```python\n# no heading\n```\n",
        "~~~\n",
        "- item one\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "Some words. And a second sentence, longer than the first one was.\n",
        "word " * 40,
        "\r\n\r\n",
        "\r",
        "  \t",
        "🙂👩‍👩‍👧 é \u200d",
        "> quote\n",
        "---\n",
        "def f(x):\n    return x\n",
        "class A:\n",
        "日本語の文。",
        "x" * 30,
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=300))


@given(text=TEXTS, path=st.sampled_from(["a.md", "a.txt", "a.py", "Makefile"]))
def test_chunks_tile_the_document(text: str, path: str) -> None:
    check_tiling(text, split(text, path))


@given(text=TEXTS)
def test_chunks_fit_the_limit(text: str) -> None:
    for chunk in split(text):
        assert len(TOKENIZER.encode(chunk.text)) <= MAX_TOKENS


@given(text=TEXTS, path=st.sampled_from(["a.md", "a.txt", "a.py"]))
def test_sections_tile_the_document(text: str, path: str) -> None:
    found = sections(path, text)
    assert "".join(text[section.start : section.end] for section in found) == text


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# A\ntext\n## B\nmore\n# C\nend\n", ["A", "A > B", "C"]),
        ("# A\n\n## B\n\ntext\n", ["A > B"]),
        ("Top\n===\ntext\n\nSub\n---\nmore", ["Top", "Top > Sub"]),
        ("```\n# no heading\n```\ntext", [""]),
        ("~~~~\n~~~\n# no heading\n~~~~\n# Yes\ntext", ["", "Yes"]),
        ("---\ntitle: x\n---\n# A\ntext", ["", "A"]),
        ("# `code` and [link](x.md) ##\ntext", ["code and link"]),
        ("#no heading\n", [""]),
        ("- item\n---\ntext", [""]),
        ("### Deep\ntext\n# A\nmore", ["Deep", "A"]),
        ("intro\n# A\ntext", ["", "A"]),
    ],
)
def test_headings_lead_to_their_text(text: str, headings: list[str]) -> None:
    chunks = Chunker(TOKENIZER).split(make_document("a.md", text))
    assert [chunk.heading for chunk in chunks] == headings


def test_a_section_is_not_mixed_with_the_next() -> None:
    chunks = split("# A\none\n# B\ntwo\n")
    assert [chunk.text for chunk in chunks] == ["# A\none", "# B\ntwo"]


def test_code_carries_the_definitions_around_it() -> None:
    body = "".join(f"        total_{n} = compute(total_{n}, {n})\n" for n in range(12))
    code = f"import os\n\nclass Store:\n    def save(self):\n{body}\ndef load():\n{body}"
    headings = [chunk.heading for chunk in split(code, "store.py")]
    assert "Store > save" in headings
    assert headings[-1] == "load"


def test_one_endless_line_is_split() -> None:
    text = "the quick brown fox jumps over it, " * 3300
    chunks = Chunker(TOKENIZER).split(make_document("a.txt", text))
    check_tiling(text, chunks)
    assert {chunk.start_line for chunk in chunks} == {chunk.end_line for chunk in chunks} == {1}


@pytest.mark.parametrize("letters", ["x" * 115_000, "QWxhZGRpbg" * 11_500, "é🙂" * 40_000])
def test_one_endless_word_is_split(letters: str) -> None:
    """The tokenizer counts such a word as a single unknown one."""
    check_tiling(letters, split(letters))


def test_two_megabytes_are_split_within_the_test_timeout() -> None:
    text = "".join(f"Line {n} of the log says what happened here today.\n" for n in range(40_000))
    chunks = Chunker(TOKENIZER).split(make_document("a.md", text))
    assert chunks[-1].end == len(text) - 1
    assert sum(len(chunk.text) for chunk in chunks) > 0.95 * len(text)


@pytest.mark.parametrize("text", ["", " \n\r\n\t", "\ufeff\n"])
def test_white_space_makes_no_chunks(text: str) -> None:
    assert [chunk.text for chunk in split(text)] in ([], ["\ufeff"])
