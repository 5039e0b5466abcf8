"""What `nsllm bench governance` measures: that it is all there, never how fast it is."""

import json
from pathlib import Path

import pytest

from cli.conftest import Run
from nsllm.bench.figures import quantiles
from nsllm.bench.governance import STAGES
from nsllm.bench.samples import sample


def test_quantiles_are_by_the_nearest_rank() -> None:
    found = quantiles([float(n) for n in range(20, 0, -1)])
    assert (found.p50_ms, found.p95_ms) == (10.0, 19.0)
    assert quantiles([3.0]).p95_ms == 3.0
    with pytest.raises(ValueError, match="nothing was measured"):
        quantiles([])


def test_samples_are_as_long_as_is_said_and_share_no_sentence() -> None:
    """What is remembered of one run would make the next one look fast."""
    sentences: set[str] = set()
    for number in range(150):
        drawn = sample(number)
        assert 145 <= len(drawn.answer.split()) <= 175
        assert len(drawn.chunks) == 5
        texts = [drawn.answer, *(chunk.text for chunk in drawn.chunks)]
        own = {sentence for text in texts for sentence in text.split(". ")}
        assert not own & sentences
        sentences |= own


@pytest.mark.models
@pytest.mark.timeout(300)
def test_every_stage_is_measured_and_nothing_is_recorded(nsllm: Run, with_models: Path) -> None:
    done = nsllm("bench", "governance", "--runs", "2", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures["stages"]) == set(STAGES)
    parts = [figures["stages"][stage]["p50_ms"] for stage in STAGES if stage != "audit"]
    assert all(ms > 0 for ms in parts)
    assert figures["verdict"]["p50_ms"] > max(parts)
    assert figures["streaming"]["held_per_sentence"]["p95_ms"] > 0
    assert not (with_models / "audit.db").exists()
    shown = nsllm("bench", "governance", "--runs", "1").stdout
    assert "grounding" in shown
    assert "audit record" in shown
