"""Tokenizers of GGUF files."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from models.tiny import gpt2_vocabulary, write_gguf
from nsllm.errors import ModelCorruptError
from nsllm.models.gguf_file import GgufFile
from nsllm.models.tokenizer_import import TokenIds, import_tokenizer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PIECES = ["▁", "a", "b", "c", "ab", "bc", "abc", "▁a", "▁ab", "ca", "cab"]
SCORES = [-9.0, -10.0, -11.0, -12.0, -3.0, -2.0, -4.0, -5.0, -1.0, -6.0, -7.0]


def imported(folder: Path, **metadata: Any) -> tuple[Tokenizer, TokenIds]:
    path = folder / "m.gguf"
    write_gguf(path, metadata={f"tokenizer.{k}": v for k, v in metadata.items()})
    file = GgufFile(path)
    size = file.shape("token_embd.weight")[0]
    ids = import_tokenizer(file, folder, vocabulary_size=size)
    return Tokenizer.from_file(str(folder / "tokenizer.json")), ids


def sentence_piece(**metadata: Any) -> dict[str, Any]:
    """Return the metadata of a SentencePiece vocabulary as large as the tiny models'."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    kinds = [2, 3, 3, *[6] * 256]
    size = len(gpt2_vocabulary()[0])
    pieces, scores = PIECES[: size - len(tokens)], SCORES[: size - len(tokens)]
    return {
        "ggml.model": "llama",
        "ggml.pre": None,
        "ggml.merges": None,
        "ggml.tokens": [*tokens, *pieces],
        "ggml.token_type": [*kinds, *[1] * len(pieces)],
        "ggml.scores": [*[0.0] * len(tokens), *scores],
        "ggml.bos_token_id": 1,
        "ggml.eos_token_id": 2,
        **metadata,
    }


def greedy(text: str, scores: dict[str, float]) -> list[str]:
    """Join the best-scoring neighbours until none can be joined: SentencePiece's definition."""
    parts = list(text)
    while True:
        joints = [
            (scores[a + b], -i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in scores
        ]
        if not joints:
            return parts
        at = -max(joints)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return imported(tmp_path_factory.mktemp("bpe"))[0]


@given(text=TEXT)
@settings(max_examples=200, deadline=None)
def test_byte_level_text_survives(byte_level: Tokenizer, text: str) -> None:
    encoded = byte_level.encode(text)
    assert byte_level.decode(encoded.ids) == text


def test_merges_apply_within_words(byte_level: Tokenizer) -> None:
    assert byte_level.encode("hello win").tokens == ["hello", "Ġw", "in"]


def test_digits_stay_apart_where_the_file_says_so(tmp_path: Path) -> None:
    assert imported(tmp_path)[0].encode("12").tokens == ["1", "2"]
    other = tmp_path / "other"
    other.mkdir()
    assert imported(other, **{"ggml.pre": "gpt-2"})[0].encode("12").tokens == ["12"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("gpt-2", ["it", "'s", " 1234", " x", "_", "y", "\n\n  ", " Z", "!?"]),
        ("smollm", ["it", "'s", " ", "1", "2", "3", "4", " x", "_", "y", "\n\n  ", " Z", "!?"]),
        ("llama-bpe", ["it", "'s", " ", "123", "4", " x", "_y", "\n\n", "  ", " Z", "!?"]),
        ("qwen2", ["it", "'s", " ", "1", "2", "3", "4", " x", "_y", "\n\n", "  ", " Z", "!?"]),
        ("default", ["it", "'", "s", " ", "123", "4", " x", "_", "y", "\n\n  ", " Z", "!?"]),
    ],
)
def test_text_splits_into_words_as_llama_cpp_does(
    rule: str, words: list[str], tmp_path: Path
) -> None:
    tokenizer = imported(tmp_path, **{"ggml.pre": rule})[0]
    steps = tokenizer.pre_tokenizer
    assert steps is not None
    text = "it's 1234 x_y\n\n   Z!?"
    spans = [text[start:end] for _, (start, end) in steps.pre_tokenize_str(text)]
    assert spans == words


def test_special_tokens_are_single_ids(byte_level: Tokenizer) -> None:
    encoded = byte_level.encode("<|im_start|>hello<|im_end|>")
    assert encoded.tokens == ["<|im_start|>", "hello", "<|im_end|>"]


def test_every_end_of_a_turn_ends_generation(tmp_path: Path) -> None:
    tokens, _ = gpt2_vocabulary()
    ids = imported(tmp_path, **{"ggml.eos_token_id": len(tokens) - 2})[1]
    assert ids.ends == (len(tokens) - 2, len(tokens) - 1)


def test_a_text_begins_with_bos_where_the_file_says_so(tmp_path: Path) -> None:
    tokenizer, ids = imported(tmp_path, **{"ggml.add_bos_token": True})
    assert tokenizer.encode("hello").ids[0] == ids.bos
    assert tokenizer.encode("hello", add_special_tokens=False).tokens == ["hello"]


def test_a_base_model_gets_a_plain_template(tmp_path: Path) -> None:
    imported(tmp_path, chat_template=None)
    assert "message['content']" in (tmp_path / "chat_template.jinja").read_text("utf-8")


@pytest.fixture(scope="module")
def spm(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return imported(tmp_path_factory.mktemp("spm"), **sentence_piece())[0]


@given(text=st.text("abc ", min_size=1, max_size=16))
@settings(max_examples=200, deadline=None)
def test_sentence_piece_joins_the_best_neighbours_first(spm: Tokenizer, text: str) -> None:
    size = len(gpt2_vocabulary()[0]) - 259
    scores = dict(zip(PIECES[:size], SCORES[:size], strict=True))
    expected = greedy("▁" + text.replace(" ", "▁"), scores)
    assert spm.encode(text, add_special_tokens=False).tokens == expected


@given(text=TEXT.filter(lambda text: "▁" not in text))
@settings(max_examples=200, deadline=None)
def test_sentence_piece_text_survives_through_bytes(spm: Tokenizer, text: str) -> None:
    ids = spm.encode(text, add_special_tokens=False).ids
    assert spm.decode(ids) == text


def test_sentence_piece_texts_begin_with_bos(spm: Tokenizer) -> None:
    assert spm.encode("a").ids[0] == 1


def test_scores_must_fit_the_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(ModelCorruptError, match="2 scores"):
        imported(tmp_path, **sentence_piece(**{"ggml.scores": [0.0, 1.0]}))
