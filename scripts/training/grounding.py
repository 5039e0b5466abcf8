"""Fit the weights of the grounding score (server/nsllm/scoring/grounding_weights.json).

    python scripts/training/grounding.py DATA MODELS_HOME

DATA holds `begin/begin_dev_wow.tsv` (BEGIN, CC-BY-4.0) and `wice/claim_dev.jsonl` (WiCE,
annotations ODC-BY). Besides their labels, sentences of BEGIN's knowledge serve as supported
claims, and as unsupported ones once a number, a name or a negation is changed. Nothing of it is
used to report on grounding.
"""

import csv
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nsllm.embedding.embedder import Embedder
from nsllm.scoring import grounding
from nsllm.scoring.evidence import passage_chunk
from nsllm.types import Chunk

Sample = tuple[str, list[Chunk], bool]
Rows = NDArray[np.float64]
OUTPUT = Path(grounding.__file__).with_name("grounding_weights.json")
START = np.array([3.0, 3.0, 1.0, 1.0, -1.5, -1.0, -1.0])


def main() -> None:
    """Read, fit and write."""
    data, home = Path(sys.argv[1]), Path(sys.argv[2])
    embedder = Embedder(home / "models" / "all-minilm-l6-v2")
    samples = [*_begin(data), *_wice(data), *_perturbed(data)]
    print(f"{len(samples)} samples, {sum(s[2] for s in samples)} of them supported")
    candidates = [_candidates(text, chunks, embedder) for text, chunks, _ in samples]
    labels = np.array([label for *_, label in samples], dtype=float)
    weights, bias = START, -3.0
    for _ in range(8):
        best = np.array([rows[np.argmax(rows @ weights)] for rows in candidates])
        weights, bias = fit_logistic(best, labels)
    table = {
        "fitted_on": "BEGIN-WoW dev, WiCE dev, perturbed BEGIN knowledge",
        "weights": dict(zip(grounding.FEATURES, weights.round(4).tolist(), strict=True)),
        "bias": round(bias, 4),
    }
    OUTPUT.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(table, indent=2))
    predicted = np.array([(rows @ weights).max() + bias for rows in candidates]) > 0
    print(f"accuracy on its own data: {(predicted == labels).mean():.3f}")


def fit_logistic(rows: Rows, labels: Rows, *, ridge: float = 1.0) -> tuple[Rows, float]:
    """Fit a logistic regression by Newton's method; classes weigh the same."""
    inputs = np.hstack([rows, np.ones((len(rows), 1))])
    share = labels.mean()
    balance = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    theta = np.zeros(inputs.shape[1])
    penalty = ridge * np.eye(len(theta))
    penalty[-1, -1] = 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(inputs @ theta)))
        gradient = inputs.T @ (balance * (chance - labels)) + penalty @ theta
        curvature = (inputs * (balance * chance * (1 - chance))[:, None]).T @ inputs + penalty
        theta -= np.linalg.solve(curvature, gradient)
    return theta[:-1], float(theta[-1])


def _candidates(text: str, chunks: list[Chunk], embedder: Embedder) -> Rows:
    [comparisons] = grounding.compare([text], chunks, embedder.embed)
    return np.array([comparison.features for comparison in comparisons])


def _begin(data: Path) -> Iterator[Sample]:
    with (data / "begin" / "begin_dev_wow.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            supported = row["begin_label"] == "Fully attributable"
            yield row["response"], [passage_chunk(row["knowledge"])], supported


def _wice(data: Path) -> Iterator[Sample]:
    lines = (data / "wice" / "claim_dev.jsonl").read_text("utf-8").splitlines()
    # Every third: each comes with some 120 sentences of evidence.
    for line in lines[::3]:
        item = json.loads(line)
        evidence = item["evidence"]
        chunks = [passage_chunk("\n".join(evidence[i : i + 8])) for i in range(0, len(evidence), 8)]
        yield item["claim"], chunks, item["label"] == "supported"


def _perturbed(data: Path) -> Iterator[Sample]:
    random_source = random.Random(0)
    knowledge = sorted({chunks[0].text for _, chunks, _ in _begin(data)})
    for text in knowledge:
        yield text, [passage_chunk(text)], True
        words = text.split()
        rest = " ".join(words[: len(words) * 2 // 3])
        yield rest, [passage_chunk(text)], True
        changed = re.sub(r"\d+", lambda m: str(int(m[0]) + random_source.randint(1, 40)), text)
        if changed != text:
            yield changed, [passage_chunk(text)], False
        denied = re.sub(r"\b(is|was|are|were|has|can)\b", r"\1 not", text, count=1)
        if denied != text:
            yield denied, [passage_chunk(text)], False
        renamed = re.sub(r"(?<=[a-z] )[A-Z][a-z]{3,}", "Veldhoven", text, count=1)
        if renamed != text:
            yield renamed, [passage_chunk(text)], False


if __name__ == "__main__":
    main()
