"""Markdown without its markup: the same length, the same lines, the words still there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.documents.markup import plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('<div align="center"><img src="a/_b.svg" height="150"></div>', ""),
        ("[![Downloads](https://x.example/a_b/month)](https://x.example/p) Fast.", "Fast."),
        ("See [this issue](https://x.example/2690) for more.", "See this issue for more."),
        ("See the [guide][contrib] now.\n\n[contrib]: https://x.example/g\n", "See the guide now."),
        ("[a]: <x y> 'A title'\r\n[b]: #part (Title)\r\nText", "Text"),
        ("[^1]: Raw readings go.\n[note]: Not now.", "[^1]: Raw readings go. [note]: Not now."),
        ("[^1]: Deprecated.", "[^1]: Deprecated."),
        ("Read https://x.example/a_b?c=d today.", "Read today."),
        ("Use `list<int>` and `[a](b)`.", "Use `list<int>` and `[a](b)`."),
        ("If a < b and c > d, stop.", "If a < b and c > d, stop."),
        ("```html\n<b>kept</b>\n```\n<b>gone</b>", "```html <b>kept</b> ``` gone"),
        ("Kept for 30 days. [1] More. [2]", "Kept for 30 days. [1] More. [2]"),
        ("<!-- a\nnote -->Text", "Text"),
    ],
)
def test_words_stay_and_markup_goes(text: str, words: str) -> None:
    assert " ".join(plain(text).split()) == words


@given(st.text(alphabet="ab <>[]()!`~:/\r\nhttps\"'-", max_size=80))
def test_offsets_and_lines_stay(text: str) -> None:
    found = plain(text)
    assert len(found) == len(text)
    for before, after in zip(text, found, strict=True):
        assert after == before or (after == " " and before not in "\r\n")
