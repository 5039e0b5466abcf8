"""Fit the weights of the coherence score on documentation that its network has not seen.

    python scripts/training/coherence_weights.py MODELS DOCUMENTATION

MODELS is the folder models/ of NSLLM_HOME, with all-minilm-l6-v2 and nsllm-coherence. What these
say and what is counted of intact and of broken texts goes into a logistic regression.
Writes server/nsllm/scoring/coherence_weights.json.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from coherence_texts import BREAKERS, FIT, Corpus, drawn
from logistic import fit_logistic

from nsllm.embedding.embedder import Embedder
from nsllm.models.orderer import Orderer
from nsllm.scoring import coherence

OUTPUT = Path(coherence.__file__).with_name("coherence_weights.json")
SHARES = {
    "shuffled": 0.32,
    "spliced": 0.24,
    "looping": 0.2,
    "contradicted": 0.06,
    "cut off": 0.1,
    "switched": 0.08,
}


def texts(corpus: Corpus, count: int) -> list[tuple[str, float]]:
    """Return `count` intact texts, single sentences among them, and as many broken ones.

    Both are drawn alike: a text must not count as broken for its length.
    """
    rng = random.Random(21)
    intact = [" ".join(drawn(corpus, rng)) for _ in range(count * 9 // 10)]
    intact += [corpus.intact(rng)[0] for _ in range(count // 10)]
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=count)
    broken = [" ".join(BREAKERS[kind](drawn(corpus, rng), corpus, rng)) for kind in kinds]
    return [*((text, 1.0) for text in intact), *((text, 0.0) for text in broken)]


def main() -> None:
    """Measure, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("--count", type=int, default=1500, help="intact texts, and broken ones")
    options = parser.parse_args()
    embed = Embedder(options.models / "all-minilm-l6-v2", threads=1).embed
    read = Orderer(options.models / "nsllm-coherence", threads=1).read
    rows = texts(Corpus(options.documentation, lambda name: name.startswith(FIT)), options.count)
    typical = dict.fromkeys(coherence.LEARNT, 0.0)
    OUTPUT.write_text(json.dumps({"typical": typical}), "utf-8")
    measured = [(coherence.measure_features(text, embed, read), label) for text, label in rows]
    x = np.array([features for features, _ in measured if features is not None])
    y = np.array([label for features, label in measured if features is not None])
    learnt = slice(0, len(coherence.LEARNT))
    several = x[:, learnt].any(axis=1)
    middle = np.median(x[several & (y == 1), learnt], axis=0).round(4)
    x[several, learnt] -= middle
    scale = x.std(axis=0) + 1e-6
    *found, bias = fit_logistic(x / scale, y, np.ones(len(y)))
    weights = np.array(found) / scale
    named = dict(zip(coherence.FEATURES, weights.round(4).tolist(), strict=True))
    table = {
        "typical": dict(zip(coherence.LEARNT, middle.tolist(), strict=True)),
        "weights": named | {"bias": round(float(bias), 4)},
    }
    OUTPUT.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    scores = x @ weights + bias
    auc = (scores[y == 1][:, None] > scores[y == 0][None, :]).mean()
    print(f"{len(y)} texts, AUC {auc:.3f} on what was fitted; {table}")


if __name__ == "__main__":
    main()
