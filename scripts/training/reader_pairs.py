"""What the reader learns from: questions, each with sentences that answer it or do not."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from cross_encoder import CrossEncoder
from tokenizers import Tokenizer
from torch import nn

HERE = Path(__file__).parent
LENGTH = 128
SIZE = 32
Pair = tuple[str, str, float]
Group = list[Pair]
Block = tuple[str, list[str], list[tuple[set[int], str]]]


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


class Hard:
    """Finds lines that are like a question and stand in another block of its file."""

    def __init__(self, base: Path, files: list[list[Block]]) -> None:
        tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        tokenizer.enable_truncation(LENGTH)
        tokenizer.enable_padding()
        model = CrossEncoder(base).eval()
        texts = {text for file in files for _, lines, asked in file for text in lines}
        texts |= {text for file in files for *_, asked in file for _, text in asked}
        self._rows = {text: row for row, text in enumerate(sorted(texts, key=len))}
        ordered, parts = list(self._rows), []
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for i in range(0, len(ordered), 64):
                coded = tokenizer.encode_batch(ordered[i : i + 64])
                ids = torch.tensor([e.ids for e in coded])
                mask = torch.tensor([e.attention_mask for e in coded], dtype=torch.bool)
                parts.append(model.mean(ids, torch.zeros_like(ids), mask).float())
        self._vectors = nn.functional.normalize(torch.cat(parts), dim=1)

    def of(self, question: str, lines: list[str], count: int) -> list[str]:
        """Return the `count` lines that are most like the question, by cosine."""
        rows = torch.tensor([self._rows[line] for line in lines])
        likeness = self._vectors[rows] @ self._vectors[self._rows[question]]
        return [lines[i] for i in likeness.topk(min(count, len(lines))).indices.tolist()]


def groups(
    files: list[tuple[bool, list[Block]]], hard: Hard, rng: random.Random, part: float
) -> list[Group]:
    """Return, for an epoch, each question's candidates with their labels.

    The candidates of a question are the lines that answer it, half of the other lines of its
    block, one line of any block, and one of the ten lines of its file's other blocks that are
    most like it: a workspace's other documents speak of the same things. `part` is how many of
    the questions of a file are asked, for those files that are not new: they have been learnt from
    for longer.
    """
    every = [block for _, file in files for block in file]
    found: list[Group] = []
    for is_new, file in files:
        rows = {line: heading for heading, lines, _ in file for line in lines}
        for heading, lines, questions in file:
            strange = [line for line in rows if line not in lines]
            for answers, question in questions:
                if not is_new and rng.random() >= part:
                    continue
                group: Group = []
                for number, line in enumerate(lines, start=1):
                    before = lines[number - 2] if number > 1 else ""
                    label = float(number in answers)
                    if label or rng.random() < 0.5:
                        group.append((question, context(heading, before, line), label))
                other_heading, other, _ = rng.choice(every)
                if other is not lines:
                    group.append((question, context(other_heading, "", rng.choice(other)), 0.0))
                if strange:
                    near = rng.choice(hard.of(question, strange, 10))
                    group.append((question, context(rows[near], "", near), 0.0))
                found.append(group)
    return found


def batches(data: list[Group], rng: random.Random) -> list[list[Group]]:
    """Return batches of whole groups, SIZE pairs or a little more each.

    Groups of like length stand together, so that little is wasted on padding; the order of the
    batches stays random.
    """
    found: list[list[Group]] = []
    for i in range(0, len(data), 200):
        pool = sorted(data[i : i + 200], key=lambda g: max(len(c) for _, c, _ in g))
        batch: list[Group] = []
        for group in pool:
            batch.append(group)
            if sum(map(len, batch)) >= SIZE:
                found.append(batch)
                batch = []
        if batch:
            found.append(batch)
    rng.shuffle(found)
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
