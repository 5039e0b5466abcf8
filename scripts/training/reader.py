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
import json
import math
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

HERE = Path(__file__).parent
RANK = 16
MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
LENGTH = 128
Pair = tuple[str, str, float]


class LowRank(nn.Module):
    """A fixed linear layer plus a trained update of rank RANK."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.down = nn.Parameter(torch.randn(RANK, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], RANK))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias) + (x @ self.down.T) @ self.up.T


class Reader(nn.Module):
    """MiniLM with low-rank updates; one logit from the mean of the last hidden states."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        table = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.depth = config["num_hidden_layers"]
        self.table = {
            name: value.float() for name, value in table.items() if "position_ids" not in name
        }
        self.linear = nn.ModuleDict()
        for i in range(self.depth):
            for name in MATRICES:
                key = f"encoder.layer.{i}.{name}"
                self.linear[key.replace(".", "/")] = LowRank(
                    self.table[f"{key}.weight"], self.table[f"{key}.bias"]
                )
        self.head = nn.Linear(config["hidden_size"], 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        t = self.table
        x = (
            t["embeddings.word_embeddings.weight"][ids]
            + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + t["embeddings.token_type_embeddings.weight"][types]
        )
        x = self.dropout(self._norm(x, "embeddings.LayerNorm"))
        for i in range(self.depth):
            x = self._layer(x, mask, f"encoder.layer.{i}")
        weight = mask[:, :, None].float()
        return self.head(self.dropout((x * weight).sum(1) / weight.sum(1)))[:, 0]

    def _layer(self, x: Tensor, mask: Tensor, key: str) -> Tensor:
        b, s, h = x.shape
        q, k, v = (
            self._linear(f"{key}.attention.self.{name}", x)
            .view(b, s, self.heads, h // self.heads)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        a = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        a = self._linear(f"{key}.attention.output.dense", a.transpose(1, 2).reshape(b, s, h))
        x = self._norm(x + self.dropout(a), f"{key}.attention.output.LayerNorm")
        f = nn.functional.gelu(self._linear(f"{key}.intermediate.dense", x))
        f = self._linear(f"{key}.output.dense", f)
        return self._norm(x + self.dropout(f), f"{key}.output.LayerNorm")

    def _linear(self, key: str, x: Tensor) -> Tensor:
        return self.linear[key.replace(".", "/")](x)

    def _norm(self, x: Tensor, key: str) -> Tensor:
        weight, bias = self.table[f"{key}.weight"], self.table[f"{key}.bias"]
        return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, self.epsilon)

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` returned."""
        with torch.no_grad():
            self.head.weight.copy_(weights["head.weight"])
            self.head.bias.copy_(weights["head.bias"])
            for key, layer in self.linear.items():
                layer.down.copy_(weights[f"{key.replace('/', '.')}.down"])
                layer.up.copy_(weights[f"{key.replace('/', '.')}.up"])

    def weights(self) -> dict[str, Tensor]:
        """Return what was trained, in half precision."""
        found = {"head.weight": self.head.weight, "head.bias": self.head.bias}
        for key, layer in self.linear.items():
            found[f"{key.replace('/', '.')}.down"] = layer.down
            found[f"{key.replace('/', '.')}.up"] = layer.up
        return {name: value.detach().half().contiguous() for name, value in found.items()}


def blocks(file: Path) -> Iterator[tuple[str, list[str], list[tuple[set[int], str]]]]:
    """Yield (heading, lines, questions) of each block; a question has the lines that answer it."""
    for block in re.split(r"\n\s*\n", file.read_text("utf-8").strip()):
        rows = block.splitlines()
        heading = rows[0].lstrip("# ").split(" > ")[-1]
        lines = [m[1] for row in rows if (m := re.match(r"\d+ (.*)", row))]
        questions = []
        for row in rows:
            if m := re.match(r"\? ([\d,\s]+|-) (.*)", row):
                answers = {int(n) for n in re.findall(r"\d+", m[1])}
                questions.append((answers, m[2].strip()))
        if lines and questions:
            yield heading, lines, questions


def context(heading: str, before: str, sentence: str) -> str:
    """Return the second segment: the sentence, then where it stands and what comes before."""
    return f"{sentence} | {heading} | {before}".strip()


def words(text: str) -> set[str]:
    """Return the words of four letters and more, cut to six so that most inflections agree."""
    return {word[:6] for word in re.findall(r"[a-z0-9_]{4,}", text.lower())}


def pairs(folder: Path, rng: random.Random) -> list[Pair]:
    """Return (question, candidate, label) for an epoch.

    The candidates of a question are the lines that answer it, half of the other lines of its
    block, one line of any block, and the likest, by words, of twelve lines of its own file:
    a workspace's other documents speak of the same things.
    """
    files = [list(blocks(file)) for file in sorted(folder.glob("*.txt"))]
    every = [block for file in files for block in file]
    found: list[Pair] = []
    for file in files:
        rows = [(heading, lines, line) for heading, lines, _ in file for line in lines]
        for heading, lines, questions in file:
            for answers, question in questions:
                for number, line in enumerate(lines, start=1):
                    before = lines[number - 2] if number > 1 else ""
                    label = float(number in answers)
                    if label or rng.random() < 0.5:
                        found.append((question, context(heading, before, line), label))
                other_heading, other, _ = rng.choice(every)
                if other is not lines:
                    found.append((question, context(other_heading, "", rng.choice(other)), 0.0))
                asked = words(question)
                strange = [row for row in rng.sample(rows, 12) if row[1] is not lines]
                if strange:
                    near = max(strange, key=lambda row: len(words(row[2]) & asked))
                    found.append((question, context(near[0], "", near[2]), 0.0))
    return found


def dev_pairs() -> list[tuple[bool, list[Pair]]]:
    """Return, for each question of reader_dev, its candidates: the sentences of one document."""
    split = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])|\n+")
    found = []
    for file in sorted((HERE / "reader_dev").glob("questions-*.jsonl")):
        root = HERE / "reader_dev" / "workspaces" / file.stem.split("-")[1]
        rng = random.Random(0)
        documents = sorted(p for p in root.rglob("*") if p.is_file())
        for line in file.read_text("utf-8").splitlines():
            item = json.loads(line)
            answer = item["answer"]
            path = root / item["path"] if answer else rng.choice(documents)
            heading, before, candidates = "", "", []
            for part in split.split(path.read_text("utf-8")):
                if part.startswith("#"):
                    heading = part.lstrip("# ")
                elif part.strip():
                    label = float(bool(answer) and (part.strip() in answer or answer in part))
                    candidates.append(
                        (item["question"], context(heading, before, part.strip()), label)
                    )
                    before = part.strip()
            found.append((bool(answer), candidates))
    return found


def encode(tokenizer: Tokenizer, batch: list[Pair]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, types, mask and labels of a batch."""
    coded = tokenizer.encode_batch([(question, candidate) for question, candidate, _ in batch])
    return (
        torch.tensor([e.ids for e in coded]),
        torch.tensor([e.type_ids for e in coded]),
        torch.tensor([e.attention_mask for e in coded], dtype=torch.bool),
        torch.tensor([label for *_, label in batch]),
    )


def evaluate(model: Reader, tokenizer: Tokenizer, questions: list[tuple[bool, list[Pair]]]) -> str:
    """Return how often the best sentence answers, and how well its logit tells that one does."""
    model.eval()
    right, tops = [], {True: [], False: []}
    with torch.no_grad():
        for answered, candidates in questions:
            ids, types, mask, labels = encode(tokenizer, candidates[:40])
            logits = model(ids, types, mask)
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
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--limit", type=int, help="pairs of an epoch, to try the script out")
    options = parser.parse_args()
    torch.manual_seed(0)
    rng = random.Random(0)
    tokenizer = Tokenizer.from_file(str(options.base / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH, strategy="only_second")
    tokenizer.enable_padding()
    model = Reader(options.base)
    if options.start:
        model.restore(load_file(options.start))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    data = pairs(HERE / "reader_train", rng)
    dev = random.Random(1).sample(dev_pairs(), 100)
    size = 32
    steps = options.epochs * min(len(data), options.limit or len(data)) // size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.rate, total_steps=steps + options.epochs + 1, pct_start=0.1
    )
    print(f"{len(data)} pairs, {sum(label for *_, label in data):.0f} of them answers", flush=True)
    started = time.monotonic()
    model.train()
    for epoch in range(options.epochs):
        data = pairs(HERE / "reader_train", rng)
        rng.shuffle(data)
        data = data[: options.limit]
        # Batches of like length waste no work on padding; their order stays random.
        pools = [
            sorted(data[i : i + size * 20], key=lambda p: len(p[0]) + len(p[1]))
            for i in range(0, len(data), size * 20)
        ]
        batches = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
        rng.shuffle(batches)
        total = 0.0
        for batch in batches:
            ids, types, mask, labels = encode(tokenizer, batch)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids, types, mask).float()
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits, labels, pos_weight=torch.tensor(2.0)
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            if schedule.last_epoch < schedule.total_steps - 1:
                schedule.step()
            total += float(loss.detach())
        minutes = (time.monotonic() - started) / 60
        loss_mean, seen = total / len(batches), evaluate(model, tokenizer, dev)
        print(
            f"epoch {epoch + 1}: loss {loss_mean:.4f}, {minutes:.1f} min; dev: {seen}", flush=True
        )
        save_file(model.weights(), options.output)


if __name__ == "__main__":
    main()
