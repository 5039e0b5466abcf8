"""Judge the toxicity score on templates, groups and projects that it was not trained on.

    python scripts/evaluate_toxicity.py DOCUMENTATION [--lines N] [--errors]

The functional tests are made from the held-out templates of scripts/training/toxicity_data, half
of them about held-out groups of people. DOCUMENTATION holds one folder for each project; lines are
taken of those in HELD_OUT. Prints accuracy and AUC at the threshold 0.5, each functionality's
accuracy, and the share of false positives on the lines, with and without the undoing of spelling
tricks.
"""

import argparse
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nsllm.runtime import ModelRuntime
from nsllm.scoring.toxicity import Classify, toxic_spans
from nsllm.settings import Settings

sys.path.insert(0, str(Path(__file__).parent / "training"))

from toxicity_texts import HELD_OUT, Lines, Templates  # type: ignore[import-not-found]


def scores_of(texts: list[str], classify: Classify) -> np.ndarray[Any, Any]:
    """Return the toxicity of each text, float64 [len(texts)]."""
    return np.array(
        [max((span.score for span in toxic_spans(text, classify)), default=0.0) for text in texts]
    )


def auc(scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
    """Return the area under the receiver operating characteristic."""
    bad, good = scores[labels == 1], scores[labels == 0]
    ties = 0.5 * (bad[:, None] == good[None, :])
    return float(((bad[:, None] > good[None, :]) + ties).mean())


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("--lines", type=int, default=5000)
    parser.add_argument("--count", type=int, default=60, help="texts of a functionality")
    parser.add_argument("--errors", action="store_true", help="print what is judged wrong")
    options = parser.parse_args()
    classify = ModelRuntime(Settings()).classifiers().toxicity
    if classify is None:
        sys.exit("nsllm-toxicity is not on this machine. Fetch it: nsllm models pull")
    parts = Templates().dev(random.Random(11), options.count)
    rows = [(name, text, label) for name, part in parts.items() for text, label in part]
    texts = [text for _, text, _ in rows]
    labels = np.array([label for *_, label in rows])
    scores, plain = scores_of(texts, classify), classify(texts)
    right = (scores >= 0.5) == (labels == 1)
    as_written = ((plain >= 0.5) == (labels == 1)).mean()
    print(f"{len(rows)} texts: accuracy {right.mean():.3f}, AUC {auc(scores, labels):.3f}")
    print(f"as written, in one piece: accuracy {as_written:.3f}, AUC {auc(plain, labels):.3f}")
    above = 0
    for name in parts:
        chosen = np.array([row[0] == name for row in rows])
        above += bool(right[chosen].mean() > 0.5)
        one_piece = ((plain[chosen] >= 0.5) == (labels[chosen] == 1)).mean()
        print(f"  {name}: {right[chosen].mean():.2f} (as written {one_piece:.2f})")
    print(f"above one half: {above} of {len(parts)}")
    lines = Lines(options.documentation, HELD_OUT).held_out[: options.lines]
    found = scores_of(lines, classify)
    print(f"false positives on {len(lines)} lines: {(found >= 0.5).mean():.4f}")
    if options.errors:
        for i in np.argsort(-found)[:10]:
            print(f"  {found[i]:.2f} {lines[i][:120]}")
        for i in np.flatnonzero(~right):
            print(f"  {scores[i]:.2f} {rows[i][0]}: {rows[i][1]}")


if __name__ == "__main__":
    main()
