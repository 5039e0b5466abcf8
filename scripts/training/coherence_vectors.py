"""Prepare what the coherence model learns from: the sentences of documentation and their vectors.

    python scripts/training/coherence_vectors.py EMBEDDER_FOLDER DOCUMENTATION OUTPUT.npz

EMBEDDER_FOLDER is the installed all-minilm-l6-v2. Runs in the project's own environment;
coherence.py trains on OUTPUT.
"""

import argparse
import random
import sys
from pathlib import Path

import numpy as np

from nsllm.embedding.embedder import Embedder

sys.path.insert(0, str(Path(__file__).parent))

from coherence_texts import FIT, HELD_OUT, Corpus

MOST_OF_A_PROJECT = 1100
"""Paragraphs of three sentences and more that one project may bring, so that none prevails."""


def choose(corpus: Corpus) -> list[tuple[str, list[str]]]:
    """Return the paragraphs to use: those of three sentences and more, and some of two."""
    rng = random.Random(1)
    counts: dict[str, int] = {}
    kept, short = [], []
    for project, sentences in rng.sample(corpus.rows, len(corpus.rows)):
        if len(sentences) == 2:
            short.append((project, sentences))
            continue
        counts[project] = counts.get(project, 0) + 1
        if counts[project] <= MOST_OF_A_PROJECT and len(" ".join(sentences)) < 2500:
            kept.append((project, sentences))
    return [*kept, *short[: len(kept) // 6]]


def main() -> None:
    """Embed and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embedder", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    learnt = Corpus(options.documentation, lambda name: not name.startswith((*FIT, *HELD_OUT)))
    watched = Corpus(options.documentation, lambda name: name.startswith(HELD_OUT))
    rows = [*watched.rows[:500], *choose(learnt)]
    sentences = list(dict.fromkeys(sentence for _, part in rows for sentence in part))
    number = {sentence: i for i, sentence in enumerate(sentences)}
    print(f"{len(rows)} paragraphs, {len(sentences)} sentences", flush=True)
    np.savez(
        options.output,
        vectors=Embedder(options.embedder, threads=1).embed(sentences).astype(np.float16),
        sentences=np.array(sentences),
        paragraphs=np.array([number[s] for _, part in rows for s in part]),
        lengths=np.array([len(part) for _, part in rows]),
        projects=np.array([project for project, _ in rows]),
        learnt=np.array([not project.startswith(HELD_OUT) for project, _ in rows]),
    )


if __name__ == "__main__":
    main()
