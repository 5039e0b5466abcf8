# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "safetensors", "tokenizers", "torch>=2.6"]
# ///
"""Train the reader: does this sentence answer this question?

    uv run --script scripts/training/reader.py MINILM_FOLDER OUTPUT.safetensors [--epochs N]

The reader is a cross-encoder on all-MiniLM-L6-v2 (MINILM_FOLDER holds model.safetensors,
config.json and tokenizer.json). Its own weights are low-rank updates of the encoder's matrices
(LoRA, Hu et al. 2021) and one linear head, so that what is stored is small and the base model
is shared. It learns from reader_train/*.txt, written for this, and is watched on reader_dev,
which it does not learn from. Runs on two cores in about an hour.
"""

import argparse
import random
import re
import time
from pathlib import Path

import numpy as np
import torch
from cross_encoder import CrossEncoder
from reader_pairs import LENGTH, Hard, Pair, batches, blocks, dev_pairs, groups
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

HERE = Path(__file__).parent


def encode(tokenizer: Tokenizer, batch: list[Pair]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, types, mask and labels of a batch."""
    coded = tokenizer.encode_batch([(question, candidate) for question, candidate, _ in batch])
    return (
        torch.tensor([e.ids for e in coded]),
        torch.tensor([e.type_ids for e in coded]),
        torch.tensor([e.attention_mask for e in coded], dtype=torch.bool),
        torch.tensor([label for *_, label in batch]),
    )


def loss_of(logits: Tensor, labels: Tensor, sizes: list[int]) -> Tensor:
    """Return how wrong the pairs are, plus how far the answers are from the head of their list."""
    single = nn.functional.binary_cross_entropy_with_logits(
        logits, labels, pos_weight=torch.tensor(2.0)
    )
    listed = [
        group.logsumexp(0) - group[truth > 0].logsumexp(0)
        for group, truth in zip(logits.split(sizes), labels.split(sizes), strict=True)
        if bool((truth > 0).any())
    ]
    return single + 0.3 * torch.stack(listed).mean() if listed else single


def evaluate(
    model: CrossEncoder, tokenizer: Tokenizer, questions: list[tuple[bool, list[Pair]]]
) -> str:
    """Return how often the best sentence answers, and how well its logit tells that one does."""
    model.eval()
    right, tops = [], {True: [], False: []}
    with torch.no_grad():
        for answered, candidates in questions:
            ids, types, mask, labels = encode(tokenizer, candidates[:40])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids, types, mask).float()
            best = int(logits.argmax())
            tops[answered].append(float(logits[best]))
            if answered:
                right.append(bool(labels[best]))
    model.train()
    a, b = np.array(tops[True]), np.array(tops[False])
    auc = (a[:, None] > b[None, :]).mean()
    return f"best sentence right {np.mean(right):.3f}, answerable AUC {auc:.3f}"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--limit", type=int, help="questions of an epoch, to try the script out")
    parser.add_argument("--part", type=float, default=1.0, help="of the older files' questions")
    options = parser.parse_args()
    torch.manual_seed(0)
    rng = random.Random(0)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH, strategy="only_second")
    tokenizer.enable_padding()
    model = CrossEncoder(options.base, options.rank)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    files = [
        (bool(re.search(r"^workspace|\d\d\.txt$", file.name)), list(blocks(file)))
        for file in sorted((HERE / "reader_train").glob("*.txt"))
    ]
    hard = Hard(options.base, [file for _, file in files])
    dev = random.Random(1).sample(dev_pairs(), 100)
    epochs = []
    for _ in range(options.epochs):
        data = groups(files, hard, rng, options.part)
        rng.shuffle(data)
        epochs.append(batches(data[: options.limit], rng))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, total_steps=sum(map(len, epochs)) + 1, pct_start=0.1
    )
    print(f"{sum(len(g) for b in epochs[0] for g in b)} pairs in an epoch", flush=True)
    started = time.monotonic()
    model.train()
    for epoch, rows in enumerate(epochs):
        total = 0.0
        for number, batch in enumerate(rows, start=1):
            ids, types, mask, labels = encode(
                tokenizer, [pair for group in batch for pair in group]
            )
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids, types, mask).float()
            loss = loss_of(logits, labels, [len(group) for group in batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
            if number % 100 == 0:
                minutes = (time.monotonic() - started) / 60
                print(
                    f"  {number} of {len(rows)}: {total / number:.4f}, {minutes:.1f} min",
                    flush=True,
                )
        save_file(model.weights(), options.output)
        minutes = (time.monotonic() - started) / 60
        loss_mean, seen = total / len(rows), evaluate(model, tokenizer, dev)
        print(
            f"epoch {epoch + 1}: loss {loss_mean:.4f}, {minutes:.1f} min; dev: {seen}", flush=True
        )


if __name__ == "__main__":
    main()
