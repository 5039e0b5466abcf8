# /// script
# requires-python = ">=3.11"
# dependencies = ["msgspec", "numpy", "safetensors", "torch>=2.6"]
# ///
"""Train the coherence model: which sentence follows which, and which comes first?

    PYTHONPATH=server uv run --script scripts/training/coherence.py VECTORS.npz OUTPUT.safetensors

VECTORS.npz is what coherence_vectors.py wrote: sentences of documentation with their vectors. A
small network sees pairs of sentences and learns that the second one follows the first, that it
comes later, and that a sentence opens a paragraph. Pairs that do not follow one another are
turned round, taken from elsewhere in the paragraph, from the same project, or from another one.
It is watched on held-out projects.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nsllm.scoring.discourse import CUES, LINKS, Mentions, cues, links

PROJECTED = 64
HIDDEN = 96
SCALE = 8.0
"""Vectors have unit length; this makes their numbers about as large as the cues are."""
Pair = tuple[int, int, float, float]
"""Two sentences; whether the second follows; whether it comes later, -1 where neither."""


class Network(nn.Module):
    """Logits of a pair (follows, comes later) and of a sentence (comes first)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        one = PROJECTED + CUES
        self.project = nn.Linear(width, PROJECTED)
        self.hidden = nn.Linear(2 * one + PROJECTED + LINKS + 1, HIDDEN)
        self.pair = nn.Linear(HIDDEN, 2)
        self.first = nn.Linear(one, 1)
        self.dropout = nn.Dropout(0.2)

    def state(self, vectors: Tensor, found: Tensor) -> Tensor:
        """Return [n, PROJECTED + CUES] of sentences."""
        projected = torch.tanh(self.project(self.dropout(vectors * SCALE)))
        return torch.cat([projected, found], dim=1)

    def forward(self, a: Tensor, b: Tensor, linked: Tensor, cosine: Tensor) -> Tensor:
        """Return logits [n, 2] of the pairs of states `a`, `b`."""
        product = a[:, :PROJECTED] * b[:, :PROJECTED]
        x = torch.cat([a, b, product, linked, cosine[:, None]], dim=1)
        return self.pair(self.dropout(torch.relu(self.hidden(self.dropout(x)))))


class Data:
    """The sentences, and pairs drawn from the paragraphs of either part."""

    def __init__(self, file: Path) -> None:
        table = np.load(file)
        self.vectors = torch.tensor(table["vectors"].astype(np.float32))
        self.cues = torch.tensor(np.stack([cues(str(text)) for text in table["sentences"]]))
        self.mentions = [Mentions(str(text)) for text in table["sentences"]]
        bounds = np.cumsum([0, *table["lengths"]])
        self.parts: dict[bool, list[list[int]]] = {True: [], False: []}
        self.siblings: dict[str, list[int]] = {}
        self.project: dict[int, str] = {}
        for i, (learnt, project) in enumerate(zip(table["learnt"], table["projects"], strict=True)):
            paragraph = table["paragraphs"][bounds[i] : bounds[i + 1]].tolist()
            self.parts[bool(learnt)].append(paragraph)
            self.siblings.setdefault(str(project), []).extend(paragraph)
            self.project.update(dict.fromkeys(paragraph, str(project)))

    def pairs(self, learnt: bool, rng: random.Random) -> list[Pair]:
        """Return two pairs that do not follow one another for each one that does."""
        paragraphs = self.parts[learnt]
        found: list[Pair] = []
        for paragraph in paragraphs:
            for at in range(len(paragraph) - 1):
                a, b = paragraph[at], paragraph[at + 1]
                found += [(a, b, 1.0, 1.0), (b, a, 0.0, 0.0)]
                if rng.random() < 0.5:
                    near = self.siblings[self.project[a]]
                    strange = rng.choice(near if rng.random() < 0.5 else rng.choice(paragraphs))
                    found.append((a, strange, 0.0, -1.0) if at % 2 else (strange, b, 0.0, -1.0))
                if len(paragraph) > 2 and rng.random() < 0.5:
                    i, j = sorted(rng.sample(range(len(paragraph)), 2))
                    if j > i + 1:
                        x, y = paragraph[i], paragraph[j]
                        found += [(x, y, 0.0, 1.0), (y, x, 0.0, 0.0)]
        return [pair for pair in found if pair[0] != pair[1]]

    def batch(self, network: Network, pairs: list[Pair]) -> Tensor:
        """Return the logits of the pairs."""
        a, b = (torch.tensor([pair[side] for pair in pairs]) for side in (0, 1))
        linked = np.stack([links(self.mentions[i], self.mentions[j]) for i, j, *_ in pairs])
        va, vb = self.vectors[a], self.vectors[b]
        return network(
            network.state(va, self.cues[a]),
            network.state(vb, self.cues[b]),
            torch.tensor(linked),
            (va * vb).sum(1),
        )


def losses(network: Network, data: Data, pairs: list[Pair], openings: list[Pair]) -> Tensor:
    """Return the sum of the three cross-entropies."""
    entropy = nn.functional.binary_cross_entropy_with_logits
    logits = data.batch(network, pairs)
    follows = torch.tensor([pair[2] for pair in pairs])
    later = torch.tensor([pair[3] for pair in pairs])
    known = later >= 0
    rows = torch.tensor([row[0] for row in openings])
    first = network.first(network.state(data.vectors[rows], data.cues[rows]))[:, 0]
    return (
        entropy(logits[:, 0], follows)
        + entropy(logits[known, 1], later[known])
        + entropy(first, torch.tensor([row[2] for row in openings]))
    )


def openings(data: Data, learnt: bool, rng: random.Random, count: int) -> list[Pair]:
    """Return sentences with label 1 where they open their paragraph, half of them."""
    found = []
    for _ in range(count):
        paragraph = rng.choice(data.parts[learnt])
        first = rng.random() < 0.5
        found.append((paragraph[0] if first else rng.choice(paragraph[1:]), 0, float(first), 0.0))
    return found


def report(network: Network, data: Data) -> str:
    """Return how often each of the three is told right on the held-out part."""
    network.eval()
    rng = random.Random(2)
    pairs = data.pairs(False, rng)
    opened = openings(data, False, rng, 600)
    with torch.no_grad():
        logits = data.batch(network, pairs).numpy()
        rows = torch.tensor([row[0] for row in opened])
        first = network.first(network.state(data.vectors[rows], data.cues[rows]))[:, 0].numpy()
    network.train()
    follows, later = (np.array([pair[i] for pair in pairs]) for i in (2, 3))
    right = (logits[:, 0] > 0) == (follows == 1)
    known = later >= 0
    ordered = ((logits[:, 1] > 0) == (later == 1))[known]
    opens = (first > 0) == np.array([row[2] == 1 for row in opened])
    return f"follows {right.mean():.3f}, order {ordered.mean():.3f}, opening {opens.mean():.3f}"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = Data(options.vectors)
    network = Network(data.vectors.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=0.02)
    rng = random.Random(0)
    size = 128
    for epoch in range(options.epochs):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * (1 - epoch / options.epochs)
        pairs = data.pairs(True, rng)
        rng.shuffle(pairs)
        total = 0.0
        for i in range(0, len(pairs), size):
            loss = losses(network, data, pairs[i : i + size], openings(data, True, rng, 48))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        mean = total / (len(pairs) / size)
        print(f"epoch {epoch + 1}: loss {mean:.3f}; {report(network, data)}", flush=True)
        weights = {k: v.detach().half().contiguous() for k, v in network.state_dict().items()}
        save_file(weights, options.output)


if __name__ == "__main__":
    main()
