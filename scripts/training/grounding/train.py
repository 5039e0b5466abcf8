# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "safetensors", "tokenizers", "torch>=2.6"]
# ///
"""Train the grounding model: do these sentences support this claim, and which words not?

    uv run --script scripts/training/grounding/train.py MINILM_FOLDER PAIRS OUTPUT.safetensors

MINILM_FOLDER holds all-MiniLM-L6-v2; PAIRS is what build.py wrote. The network (network.py) has
two losses: whether the evidence supports the claim, and which of the claim's tokens it does not.
It is saved after every part of the epoch; training ends with the pairs or after --minutes.
"""

import argparse
import json
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from network import Grounder
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

LENGTH = 160
SIZE = 32
MOST_CHARACTERS = 520
TOKEN_WEIGHT = 0.5
Row = dict[str, Any]


def encode(tokenizer: Tokenizer, rows: Sequence[Row]) -> tuple[Tensor, ...]:
    """Return ids, types, mask, labels, and each token's target: -1 where it is not known."""
    coded = tokenizer.encode_batch([(row["claim"], row["window"]) for row in rows])
    targets = np.full((len(rows), len(coded[0].ids)), -1.0, np.float32)
    for i, (row, code) in enumerate(zip(rows, coded, strict=True)):
        for j, (segment, (start, end)) in enumerate(
            zip(code.sequence_ids, code.offsets, strict=True)
        ):
            marks = row["marks"][start:end]
            if segment == 0 and marks and "?" not in marks:
                targets[i, j] = float("1" in marks)
    return (
        torch.tensor([code.ids for code in coded]),
        torch.tensor([code.type_ids for code in coded]),
        torch.tensor([code.attention_mask for code in coded], dtype=torch.bool),
        torch.tensor([float(row["label"]) for row in rows]),
        torch.from_numpy(targets),
    )


def loss_of(logits: Tensor, tokens: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss of the pairs plus that of the tokens."""
    entropy = nn.functional.binary_cross_entropy_with_logits
    known = targets >= 0
    of_tokens = entropy(tokens[known], targets[known], pos_weight=torch.tensor(2.0))
    return entropy(logits, labels) + TOKEN_WEIGHT * of_tokens


def batches(rows: list[Row], seed: int) -> Iterator[list[Row]]:
    """Yield batches of pairs of like length, in random order."""
    rng = random.Random(seed)
    mixed = rng.sample(rows, len(rows))
    pools = [mixed[i : i + SIZE * 60] for i in range(0, len(rows), SIZE * 60)]
    for pool in pools:
        alike = sorted(pool, key=lambda row: len(row["claim"]) + len(row["window"]))
        parts = [alike[i : i + SIZE] for i in range(0, len(alike), SIZE)]
        rng.shuffle(parts)
        yield from parts


def evaluate(model: Grounder, tokenizer: Tokenizer, rows: Sequence[Row]) -> str:
    """Return accuracy of the pairs, by kind, and F1 of the unsupported tokens."""
    model.eval()
    right: dict[str, list[bool]] = defaultdict(list)
    hit = said = wanted = 0
    with torch.no_grad():
        for i in range(0, len(rows), 64):
            part = rows[i : i + 64]
            ids, types, mask, labels, targets = encode(tokenizer, part)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits, tokens = model(ids, types, mask)
            for row, logit, label in zip(part, logits, labels, strict=True):
                right[f"{row['kind']}{'+' if label else '-'}"].append(bool((logit > 0) == label))
            chosen = (tokens > 0) & (targets >= 0)
            hit += int((chosen & (targets == 1)).sum())
            said += int(chosen.sum())
            wanted += int((targets == 1).sum())
    model.train()
    kinds = ", ".join(f"{kind} {np.mean(found):.2f}" for kind, found in sorted(right.items()))
    every = np.mean([value for found in right.values() for value in found])
    return f"accuracy {every:.3f}, token F1 {2 * hit / max(1, said + wanted):.3f} ({kinds})"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--seed", type=int, default=0, help="the order of the pairs")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH, strategy="longest_first")
    tokenizer.enable_padding()
    model = Grounder(options.base)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    rows, dev = (
        [json.loads(line) for line in (options.pairs / name).open(encoding="utf-8")]
        for name in ("train.jsonl", "dev.jsonl")
    )
    # Long pairs cost most and teach no more.
    rows = [row for row in rows if len(row["claim"]) + len(row["window"]) <= MOST_CHARACTERS]
    parts = list(batches(rows, options.seed))
    started, total = time.monotonic(), 0.0
    for step, part in enumerate(parts, start=1):
        minutes = (time.monotonic() - started) / 60
        # The rate falls with whichever runs out first, the pairs or the time.
        done = max(step / len(parts), minutes / options.minutes)
        if done >= 1:
            break
        rate = options.rate * min(1, step / 100) * 0.5 * (1 + math.cos(math.pi * done))
        for group in optimiser.param_groups:
            group["lr"] = rate
        ids, types, mask, labels, targets = encode(tokenizer, part)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, tokens = model(ids, types, mask)
        loss = loss_of(logits.float(), tokens.float(), labels, targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        total += float(loss.detach())
        if step % 50 == 0:
            print(
                f"step {step} of {len(parts)}, {minutes:.1f} min, loss {total / 50:.3f}", flush=True
            )
            total = 0.0
        if step % 250 == 0:
            save_file(model.weights(), options.output)
            print(f"dev: {evaluate(model, tokenizer, dev[:400])}", flush=True)
    save_file(model.weights(), options.output)
    print(f"dev: {evaluate(model, tokenizer, dev)}", flush=True)


if __name__ == "__main__":
    main()
