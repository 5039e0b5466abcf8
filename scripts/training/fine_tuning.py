"""What the classifiers have in common: batches, logits, and the loop that trains them."""

import random
from collections.abc import Callable

import numpy as np
import torch
from cross_encoder import CrossEncoder as Classifier
from tokenizers import Tokenizer
from torch import Tensor, nn

__all__ = ["Classifier", "auc", "fit", "logits", "platt"]

SIZE = 32


def encode(tokenizer: Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, types and mask of a batch of texts."""
    coded = tokenizer.encode_batch(texts)
    ids = torch.tensor([e.ids for e in coded])
    mask = torch.tensor([e.attention_mask for e in coded], dtype=torch.bool)
    return ids, torch.zeros_like(ids), mask


def logits(model: Classifier, tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """Return the logit of each text."""
    model.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = np.zeros(len(texts))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for i in range(0, len(order), 64):
            part = order[i : i + 64]
            found[part] = model(*encode(tokenizer, [texts[j] for j in part])).float().numpy()
    model.train()
    return found


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under the receiver operating characteristic."""
    a, b = scores[labels == 1], scores[labels == 0]
    return float(np.mean((a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])))


def platt(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return scale and shift of the logit by logistic regression (Platt 1999), Newton's method."""
    x = np.stack([scores, np.ones_like(scores)], axis=1)
    w = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ w)))
        gradient = x.T @ (p - labels) + 1e-3 * (w - np.array([1.0, 0.0]))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(2)
        w = w - np.linalg.solve(hessian, gradient)
    return float(w[0]), float(w[1])


def fit(
    model: Classifier,
    tokenizer: Tokenizer,
    epochs: list[list[tuple[str, float]]],
    rate: float,
    after: Callable[[int, float], None],
) -> None:
    """Train on each epoch's (text, label) in turn; call `after` with its number and mean loss.

    Batches are of like length, which wastes no work on padding, in random order.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    steps = sum(len(data) // SIZE + 20 for data in epochs)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=steps, pct_start=0.1
    )
    rng = random.Random(5)
    for number, data in enumerate(epochs, start=1):
        rng.shuffle(data)
        pools = [
            sorted(data[i : i + SIZE * 20], key=lambda row: len(row[0]))
            for i in range(0, len(data), SIZE * 20)
        ]
        batches = [pool[i : i + SIZE] for pool in pools for i in range(0, len(pool), SIZE)]
        rng.shuffle(batches)
        total = 0.0
        model.train()
        for batch in batches:
            labels = torch.tensor([label for _, label in batch])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found = model(*encode(tokenizer, [text for text, _ in batch])).float()
            loss = nn.functional.binary_cross_entropy_with_logits(found, labels * 0.96 + 0.02)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            if schedule.last_epoch < steps - 1:
                schedule.step()
            total += float(loss.detach())
        after(number, total / len(batches))
