"""What the reference of the API shows: examples of requests and answers."""

from typing import Any

SOURCE = {
    "marker": 1,
    "path": "docs/storage.md",
    "start_line": 1,
    "end_line": 3,
    "text": "# Storage\n\nReadings are kept for 30 days.",
    "score": 0.8731,
}
SCORES = {
    "relevance": 0.91,
    "coherence": 1.0,
    "grounding": 0.98,
    "perplexity": 6.2,
    "toxicity": None,
    "overall": 0.96,
}
TEXT = "Readings are kept for 30 days. [1]"
ID = "0c5b7e0d5d0f4f5c9f2b0a4f6a1d3e77"
ANSWER = {
    "id": ID,
    "text": TEXT,
    "mode": "extract",
    "model": None,
    "sources": [SOURCE],
    "scores": SCORES,
    "findings": [],
    "verdict": "pass",
    "timings_ms": {"retrieval": 4.1, "reading": 38.0, "total": 61.5},
    "cached": False,
}
FINDING = {
    "rule": "grounding.claim",
    "severity": "warn",
    "start": 0,
    "end": 30,
    "message": "The passages say 30 where the text says 90.",
    "evidence": {
        "marker": 1,
        "text": "Readings are kept for 30 days.",
        "path": "docs/storage.md",
        "start_line": 3,
        "end_line": 3,
    },
}
JUDGEMENT = {"scores": {**SCORES, "grounding": 0.12}, "findings": [FINDING], "verdict": "warn"}
MODEL = {
    "id": "smollm2-135m-instruct",
    "task": "generation",
    "family": "llama",
    "parameters": 134_515_008,
    "licence": "Apache-2.0",
    "context_length": 8192,
    "disk_bytes": 113_000_000,
    "memory_bytes": 300_000_000,
    "installed": True,
    "in_use": True,
    "calibrated": True,
    "exam": None,
}
FOLDER = {
    "workspace": "harrow",
    "state": "ready",
    "documents": 5,
    "chunks": 7,
    "skipped": 0,
    "problem": None,
}
EVENTS = (
    'event: sources\ndata: {"sources": […]}\n\n'
    'event: delta\ndata: {"text": "Readings are kept for 30 days. [1]"}\n\n'
    'event: answer\ndata: {"id": "…", "text": "…", "verdict": "pass", …}\n\n'
)
GOVERNANCE = {
    "id": ID,
    "mode": "extract",
    "model": None,
    "sources": [SOURCE],
    "scores": SCORES,
    "findings": [],
    "verdict": "pass",
    "ignored": ["temperature"],
}
QUESTION = "How long are readings kept?"
OPENAI_MODEL = {"id": "nsllm", "created": 0, "owned_by": "nsllm", "object": "model"}


def completion(kind: str, prefix: str, choice: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in the form of OpenAI's completions."""
    return {
        "id": f"{prefix}-{ID}",
        "created": 1_760_000_000,
        "model": "nsllm",
        "choices": [{"index": 0, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 6, "completion_tokens": 11, "total_tokens": 17},
        "object": kind,
        "nsllm": GOVERNANCE,
    }
