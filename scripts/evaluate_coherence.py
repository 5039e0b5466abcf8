"""Judge the coherence score on documentation of projects that nothing was trained or fitted on.

    python scripts/evaluate_coherence.py DOCUMENTATION [--count N]

DOCUMENTATION holds one folder of .rst, .md, .txt and .py files for each project (see
scripts/training/documentation.py). Prints the area under the ROC curve between intact paragraphs
and the same ones broken, by the kind of break, with a 95% bootstrap interval and that of the
length alone beside it, and the share of intact paragraphs below the thresholds.
"""

import argparse
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nsllm.runtime import ModelRuntime
from nsllm.scoring.coherence import coherence
from nsllm.scoring.grounding import Embed
from nsllm.scoring.order import ReadOrder
from nsllm.settings import Models, Settings

sys.path.insert(0, str(Path(__file__).parent / "training"))

from coherence_texts import BREAKERS, HELD_OUT, Corpus  # type: ignore[import-not-found]


def auc(good: np.ndarray[Any, Any], bad: np.ndarray[Any, Any]) -> float:
    """Return the probability that a good text scores higher than a bad one."""
    higher = good[:, None] > bad[None, :]
    return float((higher + 0.5 * (good[:, None] == bad[None, :])).mean())


def interval(good: np.ndarray[Any, Any], bad: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the AUC over 500 draws of the paragraphs."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(500):
        chosen = rng.integers(0, len(good), len(good))
        draws.append(auc(good[chosen], bad[chosen]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def scores_of(texts: list[str], embed: Embed, read: ReadOrder) -> np.ndarray[Any, Any]:
    """Return the coherence of each text, float64 [len(texts)]."""
    found = [coherence(text, embed, read) for text in texts]
    return np.array([1.0 if one is None else one.score for one in found])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("--count", type=int, default=400, help="paragraphs")
    options = parser.parse_args()
    runtime = ModelRuntime(Settings(models=Models(threads=1)))
    embed, read = runtime.embedder().embed, runtime.classifiers().order
    if read is None:
        sys.exit("The model of coherence is not here: nsllm models pull nsllm-coherence")
    corpus = Corpus(options.documentation, lambda name: name.startswith(HELD_OUT))
    rng = random.Random(99)
    intact = [corpus.intact(rng, least=3) for _ in range(options.count)]
    whole = [" ".join(parts) for parts in intact]
    good, long = scores_of(whole, embed, read), np.array([len(text) for text in whole])
    pooled = []
    for kind, breaker in BREAKERS.items():
        broken = [" ".join(breaker(parts, corpus, rng)) for parts in intact]
        bad = scores_of(broken, embed, read)
        low, high = interval(good, bad)
        by_length = auc(-long, -np.array([len(text) for text in broken]))
        value = auc(good, bad)
        print(f"{kind}: AUC {value:.3f} [{low:.3f}, {high:.3f}], length alone {by_length:.3f}")
        if kind in {"shuffled", "spliced", "looping"}:
            pooled.append(bad)
    every = np.concatenate(pooled)
    print(f"shuffled, spliced or looping: AUC {auc(good, every):.3f}")
    for limit in (0.05, 0.1, 0.15, 0.25, 0.5):
        print(
            f"below {limit}: {(good < limit).mean():.3f} of intact paragraphs, "
            f"{(every < limit).mean():.3f} of those broken"
        )


if __name__ == "__main__":
    main()
