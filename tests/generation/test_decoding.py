"""Text from tokens, as they come."""

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from nsllm.generation.decoding import TextDecoder

# U+FFFD is how the library marks bytes that are no character yet.
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=60)


def decode(tokenizer: Tokenizer, text: str, *stops: str) -> tuple[list[str], TextDecoder]:
    """Return what each token of `text` releases, and the rest."""
    decoder = TextDecoder(tokenizer, stops)
    pieces = [decoder.push([token]) for token in tokenizer.encode(text).ids]
    return [*pieces, decoder.finish()], decoder


class TestTextDecoder:
    def test_a_character_comes_whole(self, tokenizer: Tokenizer) -> None:
        pieces, _ = decode(tokenizer, "a🎉é")
        assert pieces == ["a", "", "", "", "🎉", "", "é", ""]

    def test_half_a_character_at_the_end_is_not_shown(self, tokenizer: Tokenizer) -> None:
        decoder = TextDecoder(tokenizer)
        assert decoder.push(tokenizer.encode("a🎉").ids[:-1]) + decoder.finish() == "a"

    def test_special_tokens_are_dropped(self, tokenizer: Tokenizer) -> None:
        pieces, _ = decode(tokenizer, "a<|im_end|>b")
        assert "".join(pieces) == "ab"

    def test_the_text_ends_where_a_stop_begins(self, tokenizer: Tokenizer) -> None:
        pieces, decoder = decode(tokenizer, "Yes.\nQuestion: next", "\nQuestion:")
        assert "".join(pieces) == "Yes."
        assert decoder.stopped

    def test_what_only_began_like_a_stop_is_shown_in_the_end(self, tokenizer: Tokenizer) -> None:
        pieces, decoder = decode(tokenizer, "Yes.\nQuest", "\nQuestion:")
        assert "".join(pieces) == "Yes.\nQuest"
        assert not decoder.stopped


def test_text_is_what_went_in(tokenizer: Tokenizer) -> None:
    @given(plain)
    def check(text: str) -> None:
        pieces, _ = decode(tokenizer, text)
        assert "".join(pieces) == text

    check()


def test_no_stop_is_ever_shown(tokenizer: Tokenizer) -> None:
    @given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", min_size=1, max_size=4)))
    def check(text: str, stops: list[str]) -> None:
        pieces, decoder = decode(tokenizer, text, *stops)
        ends = [place for stop in stops if (place := text.find(stop)) >= 0]
        shown = "".join(pieces)
        assert decoder.stopped == bool(ends)
        # The stop that is complete first ends the text, even where a longer one began before it.
        assert text.startswith(shown)
        assert not any(stop in shown for stop in stops)
        assert shown == text or ends

    check()
