"""The embedder with the real model."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.embedding.batching import batches
from nsllm.embedding.embedder import Embedder
from nsllm.embedding.tokenizer import Tokenizer, clean
from nsllm.errors import ModelCorruptError

models = pytest.mark.models

TEXTS = [
    "How long are backups kept?",
    "Backups are kept for thirty days, then deleted.",
    "The parking deck closes at ten.",
    "",
    "🙂",
    "word " * 1000,
]


@pytest.fixture(scope="module")
def embedder(embedder_folder: Path) -> Embedder:
    return Embedder(embedder_folder)


@models
def test_vectors_are_unit_rows_in_the_order_of_the_texts(embedder: Embedder) -> None:
    rows = embedder.embed(TEXTS)
    assert rows.shape == (len(TEXTS), embedder.dimension)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    alone = np.stack([embedder.embed([text])[0] for text in TEXTS])
    # Dynamic quantisation scales by the batch, so the same text differs slightly between two.
    assert ((rows * alone).sum(axis=1) > 0.98).all()


@models
def test_meaning_is_near(embedder: Embedder) -> None:
    question, answer, other = embedder.embed(TEXTS[:3])
    assert question @ answer > 0.6 > 0.3 > question @ other


@models
def test_no_texts_make_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimension)


@models
def test_text_beyond_the_context_is_cut(embedder: Embedder) -> None:
    long = "one two three " * 200
    assert np.allclose(embedder.embed_query(long), embedder.embed_query(long + "more"), atol=1e-6)


@models
def test_a_query_equals_its_text_and_is_remembered(embedder: Embedder) -> None:
    first = embedder.embed_query(TEXTS[0])
    assert np.allclose(first, embedder.embed([TEXTS[0]])[0], atol=1e-6)
    assert embedder.embed_query(TEXTS[0]) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


@models
def test_few_queries_are_remembered(embedder: Embedder) -> None:
    first = embedder.embed_query("query")
    for n in range(300):
        embedder.embed_query(f"{n}")
    assert embedder.embed_query("query") is not first


@models
def test_each_token_has_its_place_in_the_text(embedder: Embedder) -> None:
    text = "Naïve café: 🙂 tokenisation"
    found = embedder.token_embeddings(text)
    assert len(found.tokens) == len(found.offsets) == len(found.vectors)
    assert found.vectors.shape[1] == embedder.dimension
    words = [text[start:end] for start, end in found.offsets]
    assert words[:3] == ["Naïve", "café", ":"]
    assert "".join(words).replace(" ", "") == text.replace(" ", "")
    assert embedder.token_embeddings("").tokens == ()


@models
def test_token_vectors_tell_senses_apart(embedder: Embedder) -> None:
    def vector(text: str, word: str) -> np.ndarray:
        found = embedder.token_embeddings(text)
        row = found.vectors[found.tokens.index(word)]
        return row / np.linalg.norm(row)

    river = vector("We sat on the bank of the river.", "bank")
    shore = vector("The bank of the stream was muddy.", "bank")
    money = vector("The bank raised its interest rate.", "bank")
    assert river @ shore > river @ money


@models
def test_lone_surrogates_are_embedded_as_unknown(embedder: Embedder) -> None:
    assert embedder.embed(["broken \ud83d text"]).shape[0] == 1


@models
def test_threads_share_one_embedder(embedder_folder: Path) -> None:
    embedder = Embedder(embedder_folder)
    expected = embedder.embed_query(TEXTS[1])
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(embedder.embed([TEXTS[1]] * 3)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.allclose(rows[0], expected, atol=1e-5) for rows in results)


@models
def test_the_identity_follows_the_files(embedder_folder: Path, tmp_path: Path) -> None:
    before = Embedder(embedder_folder).identity
    manifest = json.loads((embedder_folder / "manifest.json").read_bytes())
    other_context = {**manifest, "context_length": 128}
    other_model = {**manifest, "files": {"model.onnx": {"sha256": "0" * 64}}}
    for same, changed in ((True, manifest), (False, other_context), (False, other_model)):
        (tmp_path / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")
        assert (Embedder(tmp_path).identity == before) is same


@models
def test_damaged_files_are_named(embedder_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(ModelCorruptError, match=r"manifest\.json"):
        _ = Embedder(folder).identity
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelCorruptError, match=r"tokenizer\.json"):
        Tokenizer(folder)
    shutil.copy(embedder_folder / "manifest.json", folder)
    shutil.copy(embedder_folder / "tokenizer.json", folder)
    (folder / "model.onnx").write_bytes((embedder_folder / "model.onnx").read_bytes()[:1_000_000])
    with pytest.raises(ModelCorruptError, match=r"model\.onnx"):
        Embedder(folder).embed_query("text")


@models
def test_tokens_are_counted_without_truncation(embedder_folder: Path) -> None:
    tokenizer = Tokenizer(embedder_folder)
    assert tokenizer.count("") == 0
    assert tokenizer.count("word " * 1000) == 1000
    [pair] = tokenizer.encode_pairs([("who", "me")])
    assert pair.tokens == ["[CLS]", "who", "[SEP]", "me", "[SEP]"]
    assert pair.type_ids == [0, 0, 0, 1, 1]


@given(text=st.text(alphabet=st.characters(), max_size=50))
def test_cleaning_keeps_every_position(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    cleaned.encode()
    assert all(a == b or "\ud800" <= a <= "\udfff" for a, b in zip(text, cleaned, strict=True))


@given(lengths=st.lists(st.integers(1, 300), max_size=60), budget=st.integers(1, 2000))
def test_batches_hold_each_index_once_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = list(batches(lengths, budget))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= budget


@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_batches_pad_little(lengths: list[int]) -> None:
    """Padding takes as long as text: a long text beside short ones is read by itself."""
    padded = sum(len(group) * lengths[group[0]] for group in batches(lengths))
    assert padded * 0.75 <= sum(lengths)
