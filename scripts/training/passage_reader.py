# /// script
# requires-python = ">=3.11"
# dependencies = ["nsllm", "numpy", "safetensors", "tokenizers", "torch>=2.6"]
# [tool.uv.sources]
# nsllm = { path = "../.." }
# ///
"""Train the passage reader: which of these sentences answer this question, and does any?

    uv run --script scripts/training/passage_reader.py MPNET_FOLDER MINILM_FOLDER OUT.safetensors

The passage reader is a cross-encoder on the first ten layers of all-mpnet-base-v2: the last two
make all tokens of a text alike, which serves a sentence embedder and nobody who has to tell its
sentences apart. Its own weights are low-rank updates of the encoder's matrices (LoRA, Hu et al.
2021) and two linear heads, one for the passage and one for its tokens, so that what is stored is
small. It learns from reader_train/*.txt, written for this, each question beside its own passage and
one or two that all-MiniLM-L6-v2 finds most like it, and is watched on reader_dev, which it does
not learn from. The folders hold model.safetensors, config.json and tokenizer.json. An epoch takes
an hour on two cores; peaks.py then prepares the file for eight bits.
"""

import argparse
import json
import math
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from cross_encoder import TokenMarker
from passage_data import Group, Near, Row, Share, batches, groups, read
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from nsllm.generation.reader import sheet

HERE = Path(__file__).parent
LAYERS = 10
FIXED = 3
RANK = 24
LENGTH = 256
SIZE = 16
TOGETHER = 4
WARMUP = 0.06


def run(
    model: TokenMarker, tokenizer: Tokenizer, rows: Sequence[Row]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits of the passages and of all their sentences, and which were read.

    Passages of like length go through the model together, `TOGETHER` at once, so that a quarter
    less of what is computed is padding.
    """
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].sheet.text))
    parts: dict[int, tuple[Tensor, ...]] = {}
    for at in range(0, len(rows), TOGETHER):
        some = order[at : at + TOGETHER]
        coded = tokenizer.encode_batch([(rows[i].question, rows[i].sheet.text) for i in some])
        found = model.mark(coded, [rows[i].sheet.spans for i in some], segment=1)
        counts = [len(rows[i].sheet.spans) for i in some]
        split = [found[0].split(1), found[1].split(counts), found[2].split(counts)]
        parts |= dict(zip(some, zip(*split, strict=True), strict=True))
    passages, sentences, read_at_all = zip(*(parts[i] for i in range(len(rows))), strict=True)
    return torch.cat(passages), torch.cat(sentences), torch.cat(read_at_all)


def loss_of(model: TokenMarker, tokenizer: Tokenizer, batch: list[Group]) -> Tensor:
    """Return how wrong sentences and passages are, and each question's choice among them.

    A question chooses among all sentences of its group and, with logit 0, that none answers.
    """
    entropy = nn.functional.binary_cross_entropy_with_logits
    rows = [row for group in batch for row in group]
    passages, sentences, read_at_all = run(model, tokenizer, rows)
    labels = torch.tensor([label for row in rows for label in row.labels])
    holds = torch.tensor([float(any(row.labels)) for row in rows])
    chosen, at = [], 0
    for group in batch:
        end = at + sum(len(row.labels) for row in group)
        logits = torch.cat([sentences[at:end], torch.zeros(1)])
        truth = torch.cat([labels[at:end], 1 - labels[at:end].amax(0, keepdim=True)])
        chosen.append(logits.logsumexp(0) - logits[truth > 0].logsumexp(0))
        at = end
    return (
        entropy(sentences[read_at_all], labels[read_at_all], pos_weight=torch.tensor(3.0))
        + 0.3 * entropy(passages, holds)
        + 0.6 * torch.stack(chosen).mean()
    )


def development() -> list[Group]:
    """Return each question of reader_dev beside the sections of one document."""
    found = []
    for file in sorted((HERE / "reader_dev").glob("questions-*.jsonl")):
        root = HERE / "reader_dev" / "workspaces" / file.stem.split("-")[1]
        documents = sorted(path for path in root.rglob("*") if path.is_file())
        rng = random.Random(0)
        for line in file.read_text("utf-8").splitlines():
            item = json.loads(line)
            path = root / item["path"] if item["answer"] else rng.choice(documents)
            found.append(_sections(item["question"], item["answer"], path.read_text("utf-8")))
    return found


def _sections(question: str, answer: str, text: str) -> Group:
    rows = []
    for section in re.split(r"\n(?=#)", text):
        head, _, body = section.partition("\n") if section.startswith("#") else ("", "", section)
        parts = re.split(r"(?<=[.!?])\s+(?=[A-Z`\"(])|\n+", body)
        lines = [part.strip() for part in parts if part.strip()][:30]
        labels = [float(bool(answer) and (line in answer or answer in line)) for line in lines]
        if lines:
            rows.append(Row(question, sheet(head.lstrip("# "), lines), labels))
    return rows


def evaluate(model: TokenMarker, tokenizer: Tokenizer, asked: list[Group]) -> str:
    """Return how often the best sentence answers, and how well its logit tells that one does."""
    model.eval()
    right: list[float] = []
    tops: dict[bool, list[float]] = {True: [], False: []}
    with torch.no_grad():
        for group in asked:
            labels = [label for row in group for label in row.labels]
            _, sentences, _ = run(model, tokenizer, group)
            best = int(sentences.argmax())
            tops[any(labels)].append(float(sentences[best]))
            if any(labels):
                right.append(labels[best])
    model.train()
    a, b = np.array(tops[True]), np.array(tops[False])
    auc = (a[:, None] > b[None, :]).mean()
    return f"best sentence right {np.mean(right):.3f}, answerable AUC {auc:.3f}"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path, help="folder of all-mpnet-base-v2")
    parser.add_argument("near", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--rate", type=float, default=7e-4)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--new", default="", help="pattern of files that --start has not read")
    parser.add_argument(
        "--shares",
        type=float,
        nargs=3,
        default=Share(),
        metavar=("WORKSPACES", "OTHERS", "NEW"),
        help="of how many of their questions an epoch is made",
    )
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH, strategy="only_second")
    # Few shapes, or the library keeps a kernel and its memory for each.
    tokenizer.enable_padding(pad_to_multiple_of=16)
    model = TokenMarker(options.base, RANK, layers=LAYERS, fixed=FIXED, half=True)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    files = [read(path, options.new) for path in sorted((HERE / "reader_train").glob("*.txt"))]
    near = Near(options.near, files)
    steps = [
        batch
        for _ in range(math.ceil(options.epochs))
        for batch in batches(groups(files, near, rng, Share(*options.shares)), SIZE, rng)
    ]
    steps = steps[: round(len(steps) * options.epochs / math.ceil(options.epochs))]
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: warm_then_cosine(step / len(steps))
    )
    asked, started, total = development(), time.monotonic(), 0.0
    model.train()
    for number, batch in enumerate(steps, start=1):
        loss = loss_of(model, tokenizer, batch)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        if number % 50 == 0:
            minutes = (time.monotonic() - started) / 60
            print(f"{number} of {len(steps)}: {total / 50:.4f}, {minutes:.1f} min", flush=True)
            total = 0.0
        if number % 500 == 0 or number == len(steps):
            save_file(model.weights(), options.output)
    print(f"dev: {evaluate(model, tokenizer, asked)}", flush=True)


def warm_then_cosine(part: float) -> float:
    """Return the share of the rate after this part of the steps."""
    if part < WARMUP:
        return part / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (part - WARMUP) / (1 - WARMUP)))


if __name__ == "__main__":
    main()
