# /// script
# requires-python = ">=3.11"
# dependencies = ["nsllm", "numpy", "safetensors", "tokenizers", "torch>=2.6"]
# [tool.uv.sources]
# nsllm = { path = "../.." }
# ///
"""Train the toxicity model: is this text hateful towards a group of people, or a threat?

    uv run --script scripts/training/toxicity.py MINILM PUBLIC_SETS DOCUMENTATION READMES OUTPUT

A classifier on all-MiniLM-L6-v2 (MINILM is its folder) by low-rank updates (cross_encoder.py).
PUBLIC_SETS holds EDOS (CC0-1.0), the Surge AI toxicity set (MIT) and the ToxiGen prompts
(CDLA-Permissive-2.0); DOCUMENTATION one folder of .rst and .md files for each project; READMES one
file for each package, of whose sentences those are learnt from again that the weights of --start
nearly call toxic; the rest is made from toxicity_data. The logit is scaled at the end on held-out
templates and as many held-out sentences of READMEs, so that 0.5 is even odds.
"""

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent))

from fine_tuning import Classifier, auc, fit, logits, platt
from toxicity_texts import HELD_OUT, Lines, Public, Readmes, Templates

LENGTH = 96
HARD, SEARCHED = 3000, 60_000
"""Sentences of READMEs that are learnt from again, and of how many they are the highest."""


class Judge:
    """Measures a model on everything that was held out."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        templates: Templates,
        public: Public,
        lines: Lines,
        readmes: Readmes,
    ) -> None:
        self.tokenizer = tokenizer
        self.parts = templates.dev(random.Random(11))
        self.public = {"edos": public.edos_dev, "toxigen": public.statements_dev}
        self.lines = {"lines": lines.held_out[:5000], "READMEs": readmes.held_out[:20_000]}

    def report(self, model: Classifier, *, full: bool) -> tuple[float, float]:
        """Print accuracy and AUC; return scale and shift that calibrate the logit."""
        rows = [(name, *row) for name, part in self.parts.items() for row in part]
        scores = logits(model, self.tokenizer, [text for _, text, _ in rows])
        labels = np.array([label for *_, label in rows])
        right = (scores > 0) == (labels == 1)
        by = {name: right[[row[0] == name for row in rows]].mean() for name in self.parts}
        print(f"  functional: accuracy {right.mean():.3f}, AUC {auc(scores, labels):.3f}")
        print("  " + ", ".join(f"{name} {value:.2f}" for name, value in by.items()))
        for name, whole in self.public.items():
            part = whole if full else whole[:300]
            found = logits(model, self.tokenizer, [text for text, _ in part])
            truth = np.array([label for _, label in part])
            accuracy = ((found > 0) == (truth == 1)).mean()
            print(f"  {name}: accuracy {accuracy:.3f}, AUC {auc(found, truth):.3f}")
        for name, every in self.lines.items():
            lines = every if full else every[:2000]
            found = logits(model, self.tokenizer, lines)
            wrong = (found > 0).mean()
            print(f"  false positives on {len(lines)} of {name}: {wrong:.4f}", flush=True)
            for i in np.argsort(-found)[: 15 if full else 0]:
                print(f"    {found[i]:+.2f} {lines[i][:110]!r}")
        if full:
            for i in np.flatnonzero(~right)[::7][:60]:
                print(f"    {scores[i]:+.2f} {rows[i][0]}: {rows[i][1]}")
        # Most of what is judged is documentation: as much of it as of the templates.
        calm = logits(model, self.tokenizer, self.lines["READMEs"][: len(rows)])
        every = np.concatenate([scores, calm])
        return platt(every, np.concatenate([labels, np.zeros(len(calm))]))


def main() -> None:
    """Train, calibrate, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("public", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("readmes", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="texts of an epoch, to try the script out")
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--report", action="store_true", help="only judge the weights of --start")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding()
    model = Classifier(options.base)
    if options.start:
        model.restore(load_file(options.start))
    templates, public = Templates(), Public(options.public)
    lines = Lines(options.documentation, HELD_OUT)
    readmes = Readmes(options.readmes)
    judge = Judge(tokenizer, templates, public, lines, readmes)
    if options.report:
        judge.report(model, full=True)
        return
    rng = random.Random(options.seed)
    searched = readmes.trained[:SEARCHED]
    highest = np.argsort(-logits(model, tokenizer, searched))[:HARD] if options.start else []
    hard = [searched[i] for i in highest]
    epochs = []
    for _ in range(options.epochs):
        data = [*templates.epoch(rng), *public.epoch(rng), *lines.epoch(rng)]
        data += readmes.epoch(rng, hard)
        rng.shuffle(data)
        epochs.append(data[: options.limit])
    print(f"{len(epochs[0])} texts an epoch, {np.mean([y for _, y in epochs[0]]):.2f} hateful")
    started = time.monotonic()

    def after(number: int, loss: float) -> None:
        minutes = (time.monotonic() - started) / 60
        print(f"epoch {number}: loss {loss:.4f}, {minutes:.1f} min", flush=True)
        save_file(model.weights(), options.output)

    fit(model, tokenizer, epochs, options.rate, after)
    scale, shift = judge.report(model, full=False)
    print(f"calibration: {scale:.3f} × logit {shift:+.3f}")
    with torch.no_grad():
        model.head.weight.mul_(scale)
        model.head.bias.mul_(scale).add_(shift)
    save_file(model.weights(), options.output)


if __name__ == "__main__":
    main()
