"""The embedded models, as imported, against float32 runs of the same weights."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

import fidelity

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


def test_the_generator_is_as_surprised_as_its_file_in_float32(
    model_sources: Path, tmp_path: Path
) -> None:
    result = fidelity.measure_generator("smollm2-135m-instruct", model_sources, tmp_path)
    assert result.tokens > 2000
    assert abs(result.ratio - 1) < 0.015
    assert result.agreement > 0.95


def test_the_embedder_finds_what_its_weights_in_float32_find(
    model_sources: Path, tmp_path: Path
) -> None:
    result = fidelity.measure_embedder("all-minilm-l6-v2", model_sources, tmp_path)
    assert result.texts == 200
    assert result.lowest_cosine >= 0.99
    assert result.same_order >= 0.9 * result.queries
