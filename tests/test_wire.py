"""The JSON that other tools call the project through."""

import json

from nsllm.frontends import wire
from nsllm.types import (
    Answer,
    Chunk,
    Evidence,
    Finding,
    Judgement,
    Passage,
    Scores,
    Severity,
    Verdict,
)

CHUNK = Chunk(path="a.md", start=0, end=4, start_line=1, end_line=2, text="Text")
FINDING = Finding(
    rule="grounding.claim",
    severity=Severity.WARN,
    start=0,
    end=4,
    message="Not supported.",
    evidence=Evidence(marker=1, text="Text", path="a.md", start_line=1, end_line=2),
)
JUDGEMENT = Judgement(scores=Scores(grounding=0.51239), findings=(FINDING,), verdict=Verdict.WARN)
SCORES = {"relevance", "coherence", "grounding", "perplexity", "toxicity", "overall"}


def test_an_answer_has_the_keys_of_the_contract() -> None:
    record = Answer(
        id="1",
        question="Why?",
        text="Text [1]",
        mode="extract",
        model=None,
        passages=(Passage(chunk=CHUNK, score=0.5, similarity=0.4),),
        judgement=JUDGEMENT,
        timings_ms={"total": 1.26},
    )
    sent = json.loads(wire.to_json(wire.answer(record)))
    assert sent.keys() == {
        "id", "text", "mode", "model", "sources", "scores", "findings", "verdict", "timings_ms",
        "cached",
    }  # fmt: skip
    [source] = sent["sources"]
    assert source == {
        "marker": 1,
        "path": "a.md",
        "start_line": 1,
        "end_line": 2,
        "text": "Text",
        "score": 0.5,
    }
    assert sent["scores"].keys() == SCORES
    assert sent["scores"]["toxicity"] is None
    assert sent["verdict"] == "warn"


def test_a_judgement_has_the_keys_of_the_contract() -> None:
    sent = json.loads(wire.to_json(wire.judgement(7, JUDGEMENT)))
    assert sent.keys() == {"id", "scores", "findings", "verdict"}
    assert sent["id"] == "7"
    assert sent["scores"]["grounding"] == 0.5124
    [finding] = sent["findings"]
    assert {"rule", "severity", "start", "end", "message"} <= finding.keys()
    assert finding["severity"] == "warn"


def test_hits_have_the_keys_of_the_contract() -> None:
    sent = json.loads(wire.to_json(wire.hits("q", [Passage(chunk=CHUNK, score=0.5, similarity=0)])))
    assert sent == {
        "id": "q",
        "hits": [{"path": "a.md", "start_line": 1, "end_line": 2, "score": 0.5}],
    }
