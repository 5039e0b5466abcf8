"""What the passage reader learns from: questions, each beside passages with answers or none."""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from cross_encoder import CrossEncoder
from tokenizers import Tokenizer
from torch import nn

from nsllm.documents.joined import Joined
from nsllm.generation.reader import sheet

NEAR = 4
Block = tuple[str, list[str], list[tuple[set[int], str]]]
"""A heading, lines, and questions with the numbers of the lines that answer each."""


class Row(NamedTuple):
    """A question beside a passage; `labels` has a number for each of its sentences."""

    question: str
    sheet: Joined
    labels: list[float]


Group = list[Row]
"""The rows of one question."""


class Share(NamedTuple):
    """Of how many questions an epoch is made, in [0, 1]."""

    of_workspaces: float = 0.5
    of_others: float = 0.35
    of_new: float = 0.5
    """Of the files that are told to be new: those that the weights so far have not read."""


class File(NamedTuple):
    """The blocks of a file; those of a whole workspace speak of one thing."""

    blocks: list[Block]
    is_workspace: bool
    is_new: bool = False


def read(path: Path, new: str = "") -> File:
    """Read a file of reader_train; it is new if its name matches the pattern `new`."""
    is_new = bool(new) and path.match(new)
    return File(list(_blocks(path)), path.name.startswith("workspace"), is_new)


def _blocks(path: Path) -> Iterator[Block]:
    for block in re.split(r"\n\s*\n", path.read_text("utf-8").strip()):
        rows = block.splitlines()
        heading = rows[0].lstrip("# ").split(" > ")[-1]
        lines = [_line(m[1]) for row in rows if (m := re.match(r"\d+ (.*)", row))]
        questions = [
            ({int(number) for number in re.findall(r"\d+", m[1])}, m[2].strip())
            for row in rows
            if (m := re.match(r"\? ([\d,\s]+|-) (.*)", row))
        ]
        if lines and questions:
            yield heading, lines, questions


def _line(text: str) -> str:
    """Return a line as the reader meets it: a table's row without its borders."""
    if not text.startswith("|"):
        return text
    return " · ".join(cell for part in text.strip("|").split("|") if (cell := part.strip()))


class Near:
    """Finds the blocks of a question's file whose lines are most like it, by cosine."""

    def __init__(self, base: Path, files: Sequence[File]) -> None:
        lines = [line for file in files for _, lines, _ in file.blocks for line in lines]
        asked = [text for file in files for *_, some in file.blocks for _, text in some]
        texts = sorted({*lines, *asked}, key=len)
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = _embed(base, texts)
        self._found: dict[tuple[int, str], list[int]] = {}

    def of(self, question: str, blocks: Sequence[Block], own: int) -> list[int]:
        """Return the numbers of the `NEAR` blocks, the one that it is asked of left out."""
        key = id(blocks), question
        if key not in self._found:
            lines = [line for _, some, _ in blocks for line in some]
            owners = torch.tensor([i for i, (_, some, _) in enumerate(blocks) for _ in some])
            asked = self._vectors[self._rows[question]]
            likeness = self._vectors[[self._rows[line] for line in lines]] @ asked
            best = torch.full((len(blocks),), -1.0).scatter_reduce(0, owners, likeness, "amax")
            self._found[key] = best.argsort(descending=True).tolist()
        return [i for i in self._found[key] if i != own][:NEAR]


def _embed(base: Path, texts: Sequence[str]) -> torch.Tensor:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding()
    model = CrossEncoder(base, rank=1).eval()
    parts = []
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for i in range(0, len(texts), 128):
            coded = tokenizer.encode_batch(list(texts[i : i + 128]))
            ids = torch.tensor([e.ids for e in coded])
            mask = torch.tensor([e.attention_mask for e in coded], dtype=torch.bool)
            parts.append(model.mean(ids, torch.zeros_like(ids), mask).float())
    return nn.functional.normalize(torch.cat(parts), dim=1)


def groups(files: Sequence[File], near: Near, rng: random.Random, share: Share) -> list[Group]:
    """Return an epoch's questions, each beside its own passage and one or two others.

    Those are of its file's blocks that are most like the question; where there are none, one of
    any file.
    """
    every = [block for file in files for block in file.blocks]
    found: list[Group] = []
    for file in files:
        part = share.of_workspaces if file.is_workspace else share.of_others
        part = share.of_new if file.is_new else part
        for own, (heading, lines, questions) in enumerate(file.blocks):
            for answers, question in questions:
                if rng.random() > part:
                    continue
                likely = near.of(question, file.blocks, own)
                count = min(rng.randint(1, 2), len(likely))
                others = [file.blocks[i] for i in rng.sample(likely, count)]
                group = [_cropped(question, heading, lines, answers, rng)]
                for name, other, _ in others or [rng.choice(every)]:
                    group.append(_cropped(question, name, other, set(), rng))
                found.append(group)
    return found


def _cropped(
    question: str, heading: str, lines: list[str], answers: set[int], rng: random.Random
) -> Row:
    """Return a block or, as chunks end anywhere, now and then some lines of it in a row."""
    first, count = 0, len(lines)
    if count > 4 and rng.random() < 0.4:
        count = rng.randint(3, count - 1)
        last = len(lines) - count
        if answers:
            answer = min(answers) - 1
            first = rng.randint(max(0, answer - count + 1), min(answer, last))
        else:
            first = rng.randint(0, last)
    chosen = list(range(first, first + count))
    if first and " · " in lines[0] and " · " in lines[1]:
        chosen.insert(0, 0)  # a table keeps its head
    labels = [float(i + 1 in answers) for i in chosen]
    return Row(question, sheet(heading, [lines[i] for i in chosen]), labels)


def batches(data: list[Group], size: int, rng: random.Random) -> list[list[Group]]:
    """Return batches of whole groups, `size` rows or a little more each.

    Groups of like length stand together, so that little is wasted on padding; the order of the
    batches stays random.
    """
    rng.shuffle(data)
    found: list[list[Group]] = []
    for i in range(0, len(data), 200):
        pool = sorted(data[i : i + 200], key=lambda group: max(len(r.sheet.text) for r in group))
        batch: list[Group] = []
        for group in pool:
            batch.append(group)
            if sum(map(len, batch)) >= size:
                found.append(batch)
                batch = []
        if batch:
            found.append(batch)
    rng.shuffle(found)
    return found
