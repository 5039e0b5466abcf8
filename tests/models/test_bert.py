"""Imported BERT models, compared with the same computation in numpy."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from models.tiny import BERT, bert_states, write_bert, write_mpnet
from nsllm.errors import ModelCorruptError, ModelUnsupportedError, NsllmError
from nsllm.models.bert import import_bert
from nsllm.models.mpnet import distance_buckets
from nsllm.models.session import Session, open_session
from nsllm.types import ignore_progress

ROWS = [[2, 5, 9, 30, 3], [2, 7, 3], [2, 8, 8, 11, 12, 13, 14, 3]]


def run_import(source: Path, folder: Path, *, exact: bool = False) -> Session:
    folder.mkdir()
    import_bert(source, folder, ignore_progress, exact=exact)
    return open_session(folder / "model.onnx", provider="cpu")


def feeds(rows: list[list[int]]) -> dict[str, np.ndarray]:
    width = max(map(len, rows))
    ids = np.array([row + [0] * (width - len(row)) for row in rows], np.int64)
    mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows], np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-5), (False, 5e-3)])
def test_states_and_embeddings_match_the_reference(
    exact: bool, tolerance: float, tmp_path: Path
) -> None:
    weights = write_bert(tmp_path / "bert")
    session = run_import(tmp_path / "bert", tmp_path / "out", exact=exact)
    states, vectors = session.run(["token_embeddings", "sentence_embedding"], feeds(ROWS))
    for row, found, vector in zip(ROWS, states, vectors, strict=True):
        expected = bert_states(weights, np.array(row))
        np.testing.assert_allclose(found[: len(row)], expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(vector, unit(expected.mean(0)), rtol=0, atol=tolerance)


def test_mpnet_adds_to_likenesses_by_distance(tmp_path: Path) -> None:
    weights, bias = write_mpnet(tmp_path / "mpnet")
    session = run_import(tmp_path / "mpnet", tmp_path / "out", exact=True)
    [states] = session.run(["token_embeddings"], feeds(ROWS))
    for row, found in zip(ROWS, states, strict=True):
        # Up to seven tokens away every distance has a bucket; from 16 on they lie ahead.
        distance = np.subtract.outer(np.arange(len(row)), np.arange(len(row)))
        own = bias[np.where(distance < 0, 16 - distance, distance)].transpose(2, 0, 1)
        expected = bert_states(weights, np.array(row), bias=own)
        np.testing.assert_allclose(found[: len(row)], expected, rtol=0, atol=1e-5)


def test_far_tokens_share_buckets() -> None:
    ahead = distance_buckets(512, 32)[0]
    assert ahead[[1, 7, 8, 11, 12, 127, 511]].tolist() == [17, 23, 24, 24, 25, 31, 31]
    behind = distance_buckets(512, 32)[:, 0]
    assert behind[[0, 1, 7, 8, 12, 511]].tolist() == [0, 1, 7, 8, 9, 15]


def test_a_text_has_the_same_vector_in_every_batch(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    session = run_import(tmp_path / "bert", tmp_path / "out")
    together = session.run(["sentence_embedding"], feeds(ROWS))[0]
    alone = np.concatenate([session.run(["sentence_embedding"], feeds([row]))[0] for row in ROWS])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6)


def test_the_first_token_is_taken_where_the_model_says_so(tmp_path: Path) -> None:
    weights = write_bert(tmp_path / "bert")
    pooling = tmp_path / "bert" / "1_Pooling"
    pooling.mkdir()
    choice = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    (pooling / "config.json").write_text(json.dumps(choice))
    session = run_import(tmp_path / "bert", tmp_path / "out", exact=True)
    found = session.run(["sentence_embedding"], feeds(ROWS[:1]))[0][0]
    expected = unit(bert_states(weights, np.array(ROWS[0]))[0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_tokenizer_neither_cuts_nor_pads(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    run_import(tmp_path / "bert", tmp_path / "out")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert len(tokenizer.encode(" ".join(["w1"] * 20)).ids) == 22
    assert len(tokenizer.encode("w1").ids) == 3


def test_the_context_is_the_sentence_models_own(tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    (tmp_path / "bert" / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    out = tmp_path / "out"
    out.mkdir()
    imported = import_bert(tmp_path / "bert", out, ignore_progress)
    assert (imported.context_length, imported.dimensions) == (16, BERT["hidden_size"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "roberta"}, "roberta"),
        ({"hidden_act": "relu"}, "relu"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
    ],
)
def test_variants_that_are_not_built_are_refused_by_name(
    changes: dict[str, Any], named: str, tmp_path: Path
) -> None:
    write_bert(tmp_path / "bert", **changes)
    with pytest.raises(ModelUnsupportedError, match=named):
        run_import(tmp_path / "bert", tmp_path / "out")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    write_bert(tmp_path / "bert")
    (tmp_path / "bert" / name).unlink()
    with pytest.raises(ModelCorruptError, match=name):
        run_import(tmp_path / "bert", tmp_path / "out")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("bert") / "source"
    write_bert(source)
    (source / "sound").write_bytes((source / "model.safetensors").read_bytes())
    return source


def attempt(source: Path) -> NsllmError | None:
    """Import the folder; return the error that it ends in."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            import_bert(source, Path(folder), ignore_progress)
        except NsllmError as error:
            return error
    return None


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_weights_cut_off_anywhere_are_reported_as_corrupt(sound: Path, share: float) -> None:
    body = (sound / "sound").read_bytes()
    (sound / "model.safetensors").write_bytes(body[: int(len(body) * share)])
    error = attempt(sound)
    assert isinstance(error, ModelCorruptError)
    assert "model.safetensors" in error.message


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_damaged_header_never_ends_in_a_traceback(sound: Path, position: int, byte: int) -> None:
    body = bytearray((sound / "sound").read_bytes())
    body[position] = byte
    (sound / "model.safetensors").write_bytes(body)
    error = attempt(sound)
    assert error is None or (error.hint and error.message)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("embeddings.LayerNorm.weight", None), ("encoder.layer.1.output.dense.weight", (64, 64))],
)
def test_a_tensor_that_does_not_fit_is_named(
    name: str, tensor: tuple[int, int] | None, tmp_path: Path
) -> None:
    write_bert(tmp_path / "bert")
    path = tmp_path / "bert" / "model.safetensors"
    weights = load_file(path)
    del weights[name]
    if tensor:
        weights[name] = np.zeros(tensor, np.float32)
    save_file(weights, path)
    with pytest.raises(ModelCorruptError, match=name):
        run_import(tmp_path / "bert", tmp_path / "out")
