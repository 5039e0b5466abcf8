# /// script
# requires-python = ">=3.11"
# dependencies = ["nsllm", "numpy", "safetensors", "tokenizers", "torch>=2.6"]
# [tool.uv.sources]
# nsllm = { path = "../.." }
# ///
"""Train the coherence model: does this sentence directly follow that one?

    uv run --script scripts/training/coherence.py MINILM_FOLDER DOCUMENTATION OUT.safetensors

A cross-encoder on all-MiniLM-L6-v2 (MINILM_FOLDER) by low-rank updates that reads two sentences. It
learns from neighbours, the same turned round, and sentences of the same paragraph, project or from
anywhere. DOCUMENTATION holds a folder of text for each project (documentation.py), --wice the WiCE
folder of published sets, whose training articles are read as well. It is watched on projects that
it does not learn from.
"""

import argparse
import math
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from coherence_texts import FIT, HELD_OUT, Corpus, Pair, pairs
from cross_encoder import CrossEncoder
from fine_tuning import auc
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from nsllm.scoring.order import CONTEXT_TOKENS

SIZE = 48
MOST_PARAGRAPHS = 1500
"""Of a project, so that none outweighs the others."""


def run(model: CrossEncoder, tokenizer: Tokenizer, rows: Sequence[tuple[str, str]]) -> Tensor:
    """Return the logit of each pair."""
    coded = tokenizer.encode_batch(list(rows))
    ids = torch.tensor([code.ids for code in coded])
    types = torch.tensor([code.type_ids for code in coded])
    mask = torch.tensor([code.attention_mask for code in coded], dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model(ids, types, mask).float()


def batches(rows: list[Pair], rng: random.Random) -> Iterator[list[Pair]]:
    """Yield batches of pairs of like length, in random order."""
    pools = [rows[i : i + SIZE * 60] for i in range(0, len(rows), SIZE * 60)]
    for pool in pools:
        alike = sorted(pool, key=lambda row: len(row.first) + len(row.second))
        parts = [alike[i : i + SIZE] for i in range(0, len(alike), SIZE)]
        rng.shuffle(parts)
        yield from parts


def evaluate(model: CrossEncoder, tokenizer: Tokenizer, rows: Sequence[Pair]) -> str:
    """Return how well neighbours are told from others, and how often their order is right."""
    model.eval()
    found = []
    with torch.no_grad():
        for i in range(0, len(rows), 64):
            part = [(row.first, row.second) for row in rows[i : i + 64]]
            found.append(run(model, tokenizer, part).numpy())
    model.train()
    logits, labels = np.concatenate(found), np.array([float(row.follows) for row in rows])
    turned = [
        logits[i] > logits[i + 1]
        for i in range(len(rows) - 1)
        if rows[i].follows and rows[i][:2] == (rows[i + 1].second, rows[i + 1].first)
    ]
    return f"follows AUC {auc(logits, labels):.3f}, order right {np.mean(turned):.3f}"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--wice", type=Path)
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--rank", type=int, default=48)
    parser.add_argument("--start", type=Path, help="go on from these weights, or the reader's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(CONTEXT_TOKENS)
    tokenizer.enable_padding(pad_to_multiple_of=16)
    model = CrossEncoder(options.base, options.rank)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    learnt = Corpus(options.documentation, lambda name: not name.startswith((*FIT, *HELD_OUT)))
    learnt.limit(MOST_PARAGRAPHS, random.Random(1))
    if options.wice:
        learnt.add_articles(options.wice)
    watched = Corpus(options.documentation, lambda name: name.startswith(FIT))
    rng = random.Random(options.seed)
    dev = list(islice(pairs(watched, random.Random(0)), 2000))
    rows = list(islice(pairs(learnt, rng), options.pairs))
    print(f"{len(learnt.rows)} paragraphs, {len(rows)} pairs", flush=True)
    steps = list(batches(rows, rng))
    started, total = time.monotonic(), 0.0
    for number, part in enumerate(steps, start=1):
        done = number / len(steps)
        for group in optimiser.param_groups:
            rate = options.rate * min(1, number / 100)
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
        logits = run(model, tokenizer, [(row.first, row.second) for row in part])
        labels = torch.tensor([float(row.follows) for row in part])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        total += float(loss.detach())
        if number % 100 == 0:
            minutes = (time.monotonic() - started) / 60
            print(f"{number} of {len(steps)}: {total / 100:.3f}, {minutes:.1f} min", flush=True)
            total = 0.0
        if number % 500 == 0 or number == len(steps):
            save_file(model.weights(), options.output)
            print(f"dev: {evaluate(model, tokenizer, dev)}", flush=True)


if __name__ == "__main__":
    main()
