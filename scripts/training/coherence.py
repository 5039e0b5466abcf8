# /// script
# requires-python = ">=3.11"
# dependencies = ["nsllm", "numpy", "safetensors", "tokenizers", "torch>=2.6"]
# [tool.uv.sources]
# nsllm = { path = "../.." }
# ///
"""Train the coherence model: is this text of one piece, and which sentences follow from the last?

    uv run --script scripts/training/coherence.py MINILM_FOLDER DOCUMENTATION OUT.safetensors

An encoder on all-MiniLM-L6-v2 (MINILM_FOLDER) by low-rank updates that reads a few sentences at
once: one head says whether they are as they were written, the other of each sentence whether it
follows the one before it. It learns from paragraphs and the same ones broken (coherence_texts.py).
DOCUMENTATION holds a folder of text for each project (documentation.py), --wice the WiCE folder of
published sets, whose training articles are read as well. It is watched on projects that it does not
learn from.
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
from coherence_texts import FIT, HELD_OUT, Corpus, Text, twins
from cross_encoder import TokenMarker
from fine_tuning import auc
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from nsllm.documents.joined import joined
from nsllm.scoring.order import BETWEEN, CONTEXT_TOKENS

SIZE = 24
"""Texts of a step, each beside itself broken."""
MOST_PARAGRAPHS = 1500
"""Of a project, so that none outweighs the others."""

Twins = tuple[Text, Text]


def run(
    model: TokenMarker, tokenizer: Tokenizer, texts: Sequence[Text]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits of the texts and of all their sentences, and which of these were read."""
    lines = [joined(text.sentences, BETWEEN) for text in texts]
    coded = tokenizer.encode_batch([line.text for line in lines])
    return model.mark(coded, [line.spans for line in lines], segment=0)


def loss_of(model: TokenMarker, tokenizer: Tokenizer, batch: Sequence[Twins]) -> Tensor:
    """Return how wrong texts and sentences are, and how little the intact one of two stands out."""
    entropy = nn.functional.binary_cross_entropy_with_logits
    texts = [text for two in batch for text in two]
    whole, sentences, read = run(model, tokenizer, texts)
    intact = torch.tensor([float(text.is_intact) for text in texts])
    # Of the first sentence nothing can be said.
    for at in np.cumsum([0, *(len(text.sentences) for text in texts[:-1])]):
        read[int(at)] = False
    follows = torch.tensor([float(one) for text in texts for one in text.follows])
    apart = nn.functional.softplus(whole[1::2] - whole[::2]).mean()
    return entropy(whole, intact) + entropy(sentences[read], follows[read]) + 0.5 * apart


def batches(rows: list[Twins], rng: random.Random) -> Iterator[list[Twins]]:
    """Yield batches of texts of like length, in random order."""
    pools = [rows[i : i + SIZE * 60] for i in range(0, len(rows), SIZE * 60)]
    for pool in pools:
        alike = sorted(pool, key=lambda two: max(sum(map(len, text.sentences)) for text in two))
        parts = [alike[i : i + SIZE] for i in range(0, len(alike), SIZE)]
        rng.shuffle(parts)
        yield from parts


def evaluate(model: TokenMarker, tokenizer: Tokenizer, rows: Sequence[Twins]) -> str:
    """Return how well intact texts are told from broken ones, and followers from others."""
    model.eval()
    logits, marks, labels = [], [], []
    texts = sorted(
        [text for two in rows for text in two], key=lambda text: sum(map(len, text.sentences))
    )
    with torch.no_grad():
        for i in range(0, len(texts), 48):
            part = texts[i : i + 48]
            whole, sentences, _ = run(model, tokenizer, part)
            logits.append(whole.numpy())
            at = 0
            for text in part:
                end = at + len(text.sentences)
                marks += sentences[at + 1 : end].tolist()
                labels += [float(one) for one in text.follows[1:]]
                at = end
    model.train()
    found, intact = np.concatenate(logits), np.array([float(t.is_intact) for t in texts])
    kinds = np.array([text.kind for text in texts])
    by_kind = []
    for kind in ("shuffled", "spliced"):
        some = (intact == 1) | (kinds == kind)
        by_kind.append(f"{kind} {auc(found[some], intact[some]):.3f}")
    return f"{', '.join(by_kind)}, follows {auc(np.array(marks), np.array(labels)):.3f}"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("documentation", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--wice", type=Path)
    parser.add_argument("--texts", type=int, default=60_000)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--rank", type=int, default=48)
    parser.add_argument("--start", type=Path, help="go on from these weights, or a reader's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(CONTEXT_TOKENS)
    tokenizer.enable_padding(pad_to_multiple_of=16)
    model = TokenMarker(options.base, options.rank)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    judged = Corpus(options.documentation, lambda name: name.startswith((*FIT, *HELD_OUT)))
    learnt = Corpus(options.documentation, lambda name: not name.startswith((*FIT, *HELD_OUT)))
    learnt.leave_out(judged)
    learnt.limit(MOST_PARAGRAPHS, random.Random(1))
    if options.wice:
        learnt.add_articles(options.wice)
    watched = Corpus(options.documentation, lambda name: name.startswith(FIT))
    rng = random.Random(options.seed)
    dev = list(islice(twins(watched, random.Random(0)), 500))
    rows = list(islice(twins(learnt, rng), options.texts))
    print(f"{len(learnt.rows)} paragraphs, {len(rows)} texts", flush=True)
    print(f"dev: {evaluate(model, tokenizer, dev)}", flush=True)
    steps = list(batches(rows, rng))
    started, total = time.monotonic(), 0.0
    for number, part in enumerate(steps, start=1):
        done = number / len(steps)
        for group in optimiser.param_groups:
            rate = options.rate * min(1, number / 100)
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
        loss = loss_of(model, tokenizer, part)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        total += float(loss.detach())
        if number % 50 == 0:
            minutes = (time.monotonic() - started) / 60
            print(f"{number} of {len(steps)}: {total / 50:.3f}, {minutes:.1f} min", flush=True)
            total = 0.0
        if number % 250 == 0 or number == len(steps):
            save_file(model.weights(), options.output)
            print(f"dev: {evaluate(model, tokenizer, dev)}", flush=True)


if __name__ == "__main__":
    main()
