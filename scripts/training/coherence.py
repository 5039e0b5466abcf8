# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "safetensors", "tokenizers", "torch>=2.6"]
# ///
"""Train the coherence model: is this passage as someone wrote it, or was it put together?

    uv run --script scripts/training/coherence.py MINILM_FOLDER DOCUMENTATION OUTPUT.safetensors

A classifier on all-MiniLM-L6-v2 by low-rank updates, as the reader is (reader.py). It sees a
window of sentences at once, so that order, subject and contradiction can be weighed together.
DOCUMENTATION holds a folder of .rst and .md files for each project; coherence_texts.py names
those that are held out, and breaks texts.
"""

import argparse
import random
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))

from coherence_texts import BREAKERS, FIT, HELD_OUT, Corpus, epoch
from fine_tuning import Classifier, auc, fit, logits
from numpy import array

LENGTH = 128


def report(model: Classifier, tokenizer: Tokenizer, corpus: Corpus, count: int) -> None:
    """Print how well intact texts are told from broken ones, by the kind of break."""
    rng = random.Random(3)
    intact = [corpus.intact(rng, least=3) for _ in range(count)]
    whole = logits(model, tokenizer, [" ".join(parts) for parts in intact])
    for name, breaker in list(BREAKERS.items())[:4]:
        broken = [" ".join(breaker(parts, corpus, rng)) for parts in intact]
        found = logits(model, tokenizer, broken)
        labels = array([1] * count + [0] * count)
        print(f"  {name}: AUC {auc(array([*whole, *found]), labels):.3f}", flush=True)


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--size", type=int, default=6000, help="texts of an epoch")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding()
    model = Classifier(options.base)
    if options.start:
        model.restore(load_file(options.start))
    corpus = Corpus(options.documentation, lambda name: not name.startswith((*FIT, *HELD_OUT)))
    unseen = Corpus(options.documentation, lambda name: name.startswith(HELD_OUT))
    print(f"{len(corpus.rows)} paragraphs to learn from, {len(unseen.rows)} held out", flush=True)
    rng = random.Random(0)
    started = time.monotonic()

    def after(number: int, loss: float) -> None:
        minutes = (time.monotonic() - started) / 60
        print(f"epoch {number}: loss {loss:.4f}, {minutes:.1f} min", flush=True)
        report(model, tokenizer, unseen, 150)
        save_file(model.weights(), options.output)

    epochs = [epoch(corpus, options.size, rng) for _ in range(options.epochs)]
    fit(model, tokenizer, epochs, options.rate, after)
    report(model, tokenizer, unseen, 500)


if __name__ == "__main__":
    main()
