"""Fit the logistic models on what the grounding model says (nsllm/scoring/grounding_weights.json).

    python scripts/training/grounding/calibrate.py DATA WATCHED MODELS_HOME

DATA is as in build.py; WATCHED holds the packages that it kept for watching the training. Fitted on
what the network has not learnt from: these, and the half of BEGIN and the claims of WiCE that were
kept back. Each
set weighs the same. What is printed is therefore no evaluation; cross-validated figures are.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from cases import cases
from numpy.typing import NDArray
from published import begin, wice
from text import articles

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from logistic import Rows, fit_logistic

from nsllm.embedding.embedder import Embedder
from nsllm.models.grounder import Grounder
from nsllm.scoring import grounding
from nsllm.scoring.claims import claims
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.weights import FEATURES, WORD_FEATURES
from nsllm.types import Chunk

Sample = tuple[str, list[Chunk], bool]
OUTPUT = Path(grounding.__file__).with_name("grounding_weights.json")
FOLDS = 5
ALL_READ = 2.0
"""No score is enough, so that all windows are read: which were left out depends on the weights."""
IMPORTANCE = {"documentation": 1.0, "BEGIN": 1.0, "WiCE": 1.3}
"""How much each set weighs; most is the one that is least like what was trained on."""


def chunks_of(evidence: Sequence[str]) -> list[Chunk]:
    """Return sentences as one passage."""
    return [passage_chunk("\n".join(evidence))]


def documentation(folder: Path, count: int) -> Iterator[Sample]:
    """Yield sentences of projects that were not trained on, beside their passages."""
    for text, passage, kind in cases(list(articles(folder)), count // 2, Random(2)):
        yield text, [passage_chunk(passage)], not kind


def begin_samples(data: Path) -> Iterator[Sample]:
    """Yield the responses whose knowledge was not trained on."""
    for response, knowledge, label in begin(data, held_out=True):
        yield response, [passage_chunk(knowledge)], bool(label)


def wice_samples(data: Path) -> Iterator[Sample]:
    """Yield the claims of WiCE's dev set with all of their evidence."""
    for line in (data / "wice" / "claim_dev.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        yield item["claim"], chunks_of(item["evidence"]), item["label"] == "supported"


def weakest(samples: Sequence[Sample], embed: grounding.Embed, grounder: Grounder) -> Rows:
    """Return, for each text, the features of its claim of the lowest logit."""
    rows = []
    for text, chunks, _ in samples:
        parts = [claim.text for claim in claims(text)] or [text]
        compared = grounding.compare(parts, chunks, embed, grounder.read, enough=ALL_READ)
        rows.append(min((c.measured.features for c in compared if c), key=lambda f: f[0]))
    return np.array(rows)


def word_rows(data: Path, embed: grounding.Embed, grounder: Grounder) -> list[tuple[Rows, Rows]]:
    """Return features and labels of the words of each claim of WiCE's token-level dev set."""
    found = []
    for draft, evidence, _ in wice(data / "wice" / "non_supported_tokens_dev.jsonl"):
        [compared] = grounding.compare(
            [draft.text], chunks_of(evidence), embed, grounder.read, enough=ALL_READ
        )
        if compared:
            measured = compared.measured
            labels = [float("1" in draft.marks[a:b]) for a, b in measured.words]
            found.append((measured.word_features, np.array(labels)))
    return found


def balanced(scores: Rows, labels: Rows, threshold: float = 0.5) -> float:
    """Return the mean of the shares that are right among supported and unsupported."""
    right = (scores > threshold) == (labels == 1)
    return float((right[labels == 1].mean() + right[labels == 0].mean()) / 2)


def auc(scores: Rows, labels: Rows) -> float:
    """Return the chance that a supported text scores above an unsupported one."""
    a, b = scores[labels == 1][:, None], scores[labels == 0][None]
    return float((a > b).mean() + (a == b).mean() / 2)


def at(name: str) -> int:
    """Return the column of a feature."""
    return FEATURES.index(name)


def probability(rows: Rows, theta: Rows) -> Rows:
    """Return what a fitted model says of each row."""
    return np.asarray(1 / (1 + np.exp(-np.clip(rows @ theta[:-1] + theta[-1], -40, 40))))


def main() -> None:
    """Read, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("watched", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--count", type=int, default=700)
    parser.add_argument("--vectors", type=Path, help="keep vectors of sentences in this .npz")
    options = parser.parse_args()
    models = options.home / "models"
    embedder = Embedder(models / "all-minilm-l6-v2")
    known: dict[str, Rows] = {}
    if options.vectors and options.vectors.is_file():
        with np.load(options.vectors, allow_pickle=False) as table:
            known = dict(zip(table["texts"].tolist(), table["vectors"], strict=True))

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, embedder.embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    grounder = Grounder(models / "nsllm-grounding")
    sets = {
        "documentation": list(documentation(options.watched, options.count)),
        "BEGIN": list(begin_samples(options.data)),
        "WiCE": list(wice_samples(options.data)),
    }
    features = {name: weakest(samples, embed, grounder) for name, samples in sets.items()}
    labels = {n: np.array([s[2] for s in samples], float) for n, samples in sets.items()}
    rows, truth = np.vstack(list(features.values())), np.concatenate(list(labels.values()))
    # Each half of a set weighs the same, so that 0.5 is where a judge would put it.
    weights = np.concatenate(
        [
            np.where(y == 1, 0.5 / y.sum(), 0.5 / (1 - y).sum()) * 300 * IMPORTANCE[name]
            for name, y in labels.items()
        ]
    )
    folds = np.random.default_rng(0).integers(0, FOLDS, len(rows))
    scores = np.zeros(len(rows))
    for fold in range(FOLDS):
        inside = folds != fold
        theta = fit_logistic(rows[inside], truth[inside], weights[inside])
        scores[~inside] = probability(rows[~inside], theta)
    start = 0
    for name, y in labels.items():
        part, raw = scores[start : start + len(y)], features[name]
        start += len(y)
        print(
            f"{name}: {len(y)} texts, balanced accuracy {balanced(part, y):.3f}, AUC"
            f" {auc(part, y):.3f}; by the network alone {auc(raw[:, 0], y):.3f}, by overlap"
            f" {auc(raw[:, at('overlap')], y):.3f}, by length {auc(-raw[:, at('length')], y):.3f}"
        )
    theta = fit_logistic(rows, truth, weights)
    words = word_rows(options.data, embed, grounder)
    word_theta = fit_words(words)
    if options.vectors:
        np.savez(
            options.vectors, texts=np.array(list(known)), vectors=np.stack(list(known.values()))
        )
    table = {
        "fitted_on": "documentation kept for this, half of BEGIN-WoW dev, WiCE dev",
        "pair": dict(zip(FEATURES, theta[:-1].round(4).tolist(), strict=True)),
        "bias": round(float(theta[-1]), 4),
        "word": dict(zip(WORD_FEATURES, word_theta[:-1].round(4).tolist(), strict=True)),
        "word_bias": round(float(word_theta[-1]), 4),
    }
    OUTPUT.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(table, indent=2))


def fit_words(words: Sequence[tuple[Rows, Rows]]) -> Rows:
    """Fit the model of single words, its bias where the F1 of unsupported words is best."""
    rows = np.vstack([features for features, _ in words])
    truth = np.concatenate([labels for _, labels in words])
    fold = np.concatenate([np.full(len(y), i % FOLDS) for i, (_, y) in enumerate(words)])
    scores = np.zeros(len(rows))
    for k in range(FOLDS):
        theta = fit_logistic(rows[fold != k], truth[fold != k], np.ones((fold != k).sum()))
        scores[fold == k] = probability(rows[fold == k], theta)
    best = max(np.arange(0.1, 0.6, 0.02), key=lambda t: f1(scores > t, truth))
    alone = max(np.arange(-4, 3, 0.25), key=lambda t: f1(rows[:, 0] > t, truth))
    absent = rows[:, WORD_FEATURES.index("nowhere")] > 0
    print(
        f"words: F1 {f1(scores > best, truth):.3f} at {best:.2f}; by the network alone"
        f" {f1(rows[:, 0] > alone, truth):.3f}, by absence {f1(absent, truth):.3f},"
        f" all words {f1(np.ones(len(truth), bool), truth):.3f}"
    )
    theta = fit_logistic(rows, truth, np.ones(len(rows)))
    theta[-1] -= np.log(best / (1 - best))
    return theta


def f1(said: NDArray[np.bool_], truth: Rows) -> float:
    """Return the F1 of the words that are said to be unsupported."""
    hit = float((said & (truth == 1)).sum())
    return 2 * hit / max(1.0, float(said.sum() + (truth == 1).sum()))


if __name__ == "__main__":
    main()
