"""The reader of the coherence model: a long paragraph in windows that all neighbours meet in."""

from pathlib import Path

import pytest

from models.test_adapter import write_adapter
from models.tiny import write_bert
from nsllm.models.adapter import import_adapter
from nsllm.models.orderer import Orderer
from nsllm.types import ignore_progress

ONE, TWO, THREE = "w4 w5 w6", "w7 w8 w9", "w10 w11 w12"


@pytest.fixture
def orderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orderer:
    """Two sentences fit into the context, a third one does not."""
    monkeypatch.setattr("nsllm.models.orderer.CONTEXT_TOKENS", 12)
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", tokens=True)
    (tmp_path / "out").mkdir()
    import_adapter(
        tmp_path / "adapter.safetensors",
        tmp_path / "bert",
        tmp_path / "out",
        ignore_progress,
        exact=True,
    )
    return Orderer(tmp_path / "out", threads=1)


def test_what_does_not_fit_is_read_in_parts_that_share_a_sentence(orderer: Orderer) -> None:
    first, second = orderer.read([(ONE, TWO), (TWO, THREE)])
    [whole] = orderer.read([(ONE, TWO, THREE)])
    assert whole.follows.tolist() == pytest.approx([*first.follows, *second.follows], abs=1e-4)
    assert whole.intact == pytest.approx((first.intact + second.intact) / 2, abs=1e-4)
    assert first.follows[0] != pytest.approx(second.follows[0], abs=1e-3)


def test_paragraphs_are_read_alike_beside_others(orderer: Orderer) -> None:
    [alone] = orderer.read([(TWO, ONE)])
    _, beside, _ = orderer.read([(ONE, TWO, THREE), (TWO, ONE), ("w1", "w2")])
    assert beside.intact == pytest.approx(alone.intact, abs=1e-4)
    assert beside.follows.tolist() == pytest.approx(alone.follows.tolist(), abs=1e-4)


def test_nothing_is_said_of_a_sentence_behind_the_context(orderer: Orderer) -> None:
    [order] = orderer.read([(f"{ONE} {TWO} {THREE} {ONE}", TWO)])
    assert order.follows.tolist() == [0.0]
