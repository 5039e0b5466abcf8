"""What is trained on of BEGIN and WiCE; what is kept back of them is for calibrate.py."""

import csv
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

from draft import SUPPORTED, Draft
from rows import Row, absent, row
from text import Article
from vocabulary import OPINIONS


def begin(data: Path, *, held_out: bool) -> Iterator[tuple[str, str, int]]:
    """Yield response, knowledge and label of that half of BEGIN's knowledge."""
    with (data / "begin" / "begin_dev_wow.tsv").open(encoding="utf-8", newline="") as file:
        for item in csv.DictReader(file, delimiter="\t"):
            if (zlib.crc32(item["knowledge"].encode()) % 2 == 1) is held_out:
                label = int(item["begin_label"] == "Fully attributable")
                yield item["response"], item["knowledge"], label


def begin_rows(data: Path, random: Random) -> Iterator[Row]:
    """Yield the half of BEGIN that is trained on."""
    for response, knowledge, label in begin(data, held_out=False):
        marked = Draft.of(response) if label else absent(response, knowledge)
        yield row(marked, knowledge, label, "begin")
        if label:
            opinion = random.choice(OPINIONS)
            longer = Draft.of(f"{response.rstrip(' .')} . {opinion}")
            yield row(
                longer.mark(len(longer.text) - len(opinion), len(longer.text)),
                knowledge,
                0,
                "begin",
            )


def wice(path: Path) -> Iterator[tuple[Draft, list[str], list[list[int]]]]:
    """Yield claims with their unsupported words marked, evidence, and what supports the rest."""
    for line in path.read_text("utf-8").splitlines():
        item = json.loads(line)
        draft, at = Draft.of(item["claim"]), 0
        for token, missing in zip(item["claim_tokens"], item["non_supported_spans"], strict=True):
            start = item["claim"].find(token, at)
            if start >= 0:
                at = start + len(token)
                draft = draft.mark(start, at) if missing else draft
        yield draft, item["evidence"], item["supporting_sentences"]


def wice_rows(data: Path, random: Random) -> Iterator[Row]:
    """Yield the claims of WiCE's token-level training set, whole and without what is wrong."""
    for draft, evidence, supporting in wice(data / "wice" / "non_supported_tokens_train.jsonl"):
        chosen = set(random.choice([s for s in supporting if s] or [[0]]))
        for _ in range(random.randint(0, 3)):
            near = random.choice(sorted(chosen)) + random.choice([-2, -1, 1, 2])
            chosen.add(min(max(near, 0), len(evidence) - 1))
        if random.random() < 0.3:
            chosen.add(random.randrange(len(evidence)))
        text = " ".join(evidence[i] for i in sorted(chosen))
        yield row(draft, text, 0, "wice")
        kept = "".join(c for c, m in zip(draft.text, draft.marks, strict=True) if m == SUPPORTED)
        bare = re.sub(r"\s+([,.])", r"\1", " ".join(kept.split()))
        if len(bare.split()) >= 5:
            yield row(Draft.of(bare), text, 1, "wice")
        other = " ".join(random.sample(evidence, min(3, len(evidence))))
        yield row(absent(draft.text, other), other, 0, "elsewhere")


def wice_articles(data: Path) -> list[Article]:
    """Return the evidence of WiCE's token-level training set as articles."""
    found = {
        tuple(evidence)
        for _, evidence, _ in wice(data / "wice" / "non_supported_tokens_train.jsonl")
    }
    kept = [tuple(s for s in evidence if 25 < len(s) < 320) for evidence in sorted(found)]
    return [Article("wice", sentences) for sentences in kept if len(sentences) > 5]
