"""Intact and broken texts: what the coherence model learns from, and is judged by."""

import json
import random
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import documentation

FOREIGN = Path(__file__).parent / "coherence_data" / "foreign.txt"
FIT = ("flask", "kombu", "jinja2", "click", "pydantic", "prompt_toolkit")
"""Projects whose text the weights of coherence_weights.py are fitted on."""
HELD_OUT = ("celery", "werkzeug", "tornado", "cmake", "hypothesis", "trio", "networkx")
"""Projects that nothing is trained or fitted on."""
MOST_CHARACTERS = 400
"""Of a sentence to learn from: longer ones cost most and teach no more."""
_BREAK = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])")
_NEGATED = (
    (r"\b(is|are|was|were|will|should|must|does|do|may|has|have) (?!not\b)", r"\1 not "),
    (r"\bcan (?!not\b)", "cannot "),
    (r"\benabled\b", "disabled"), (r"\bbefore\b", "after"), (r"\balways\b", "never"),
    (r"\bonly\b", "never"), (r"`True`", "`False`"), (r"\ball\b", "no"),
    (r"\brequired\b", "optional"),
)  # fmt: skip
Sentences = list[str]
Breaker = Callable[[Sentences, "Corpus", random.Random], Sentences]


class Corpus:
    """Paragraphs of at least two sentences, with their projects, in the order of the documents."""

    def __init__(self, root: Path, accept: Callable[[str], bool]) -> None:
        self.rows: list[tuple[str, Sentences]] = []
        seen: set[str] = set()
        for project, text in documentation.paragraphs(root, accept):
            parts = [part for part in _BREAK.split(text) if len(part.split()) > 2]
            if len(parts) >= 2 and text not in seen:
                seen.add(text)
                self.rows.append((project, parts))
        self.foreign = FOREIGN.read_text("utf-8").splitlines()
        self._index()

    def _index(self) -> None:
        self.written = {pair for _, parts in self.rows for pair in pairwise(parts)}
        self.places: dict[str, list[int]] = {}
        for at, (project, _) in enumerate(self.rows):
            self.places.setdefault(project, []).append(at)

    def limit(self, most: int, rng: random.Random) -> None:
        """Keep runs of neighbouring paragraphs of each project, about `most` of them."""
        kept = []
        for places in self.places.values():
            share = min(1.0, most / len(places))
            chunks = [places[i : i + 20] for i in range(0, len(places), 20)]
            kept += [at for chunk in chunks if rng.random() < share for at in chunk]
        self.rows = [self.rows[at] for at in kept]
        self._index()

    def add_articles(self, wice: Path) -> None:
        """Add the articles of WiCE's token-level training set, each as a project."""
        seen: set[str] = set()
        for line in (wice / "non_supported_tokens_train.jsonl").open(encoding="utf-8"):
            item = json.loads(line)
            title = item["meta"]["claim_title"]
            texts = [*_prose(item["evidence"]), _BREAK.split(item["meta"]["claim_context"])]
            for parts in texts:
                if len(parts) >= 2 and parts[0] not in seen:
                    seen.add(parts[0])
                    self.rows.append((f"wice {title}", parts))
        self._index()

    def intact(self, rng: random.Random, least: int = 2) -> Sentences:
        """Return a run of `least` to eight sentences as they were written."""
        while True:
            at = rng.randrange(len(self.rows))
            project, parts = self.rows[at]
            following = self.rows[at + 1] if at + 1 < len(self.rows) else ("", [])
            # Two paragraphs that follow one another: answers have more than one, too.
            if following[0] == project and rng.random() < 0.15:
                parts = [*parts[-3:], *following[1][:3]]
            if len(parts) >= least:
                size = min(len(parts), rng.randint(max(least, 3), 8))
                start = rng.randrange(len(parts) - size + 1) if rng.random() < 0.3 else 0
                return parts[start : start + size]

    def strange(self, rng: random.Random) -> Sentences:
        """Return some sentences of any paragraph."""
        parts = rng.choice(self.rows)[1]
        size = rng.randint(1, min(4, len(parts)))
        start = rng.randrange(len(parts) - size + 1)
        return parts[start : start + size]


def _prose(lines: list[str]) -> Iterator[Sentences]:
    """Yield runs of at most eight neighbouring sentences of an article."""
    run: Sentences = []
    for line in [*lines, ""]:
        bare = line.strip()
        whole = re.match(r"[A-Z\"“]", bare) and re.search(r"[.!?][\"”]?$", bare)
        if whole and len(bare.split()) > 3 and len(run) < 8:
            run.append(bare)
        else:
            if len(run) >= 3:
                yield run
            run = []


def shuffled(parts: Sentences, _corpus: Corpus, rng: random.Random) -> Sentences:
    """Return the sentences in another order."""
    order = list(parts)
    while order == parts:
        rng.shuffle(order)
    return order


def spliced(parts: Sentences, corpus: Corpus, rng: random.Random) -> Sentences:
    """Return the beginning, or beginning and end, with sentences of another text."""
    other = [part for part in corpus.strange(rng) if part not in parts] or ["See the next chapter."]
    cut = rng.randint(1, len(parts) - 1)
    return [*parts[:cut], *other, *(parts[cut:] if rng.random() < 0.4 else [])]


def looping(parts: Sentences, _corpus: Corpus, rng: random.Random) -> Sentences:
    """Return a text that gets stuck: in one sentence, in a few, or in a phrase."""
    at = rng.randrange(len(parts))
    if rng.random() < 0.25:
        words = parts[at].split()
        phrase = words[-min(len(words), rng.randint(3, 7)) :]
        return [*parts[:at], " ".join(words + phrase * rng.randint(3, 6))]
    size = rng.randint(1, min(3, len(parts) - at))
    return [*parts[: at + size], *(parts[at : at + size] * rng.randint(1, 4))]


def contradicted(parts: Sentences, _corpus: Corpus, rng: random.Random) -> Sentences:
    """Return the text with the denial of one of its sentences after it."""
    for at in rng.sample(range(len(parts)), len(parts)):
        for pattern, replacement in rng.sample(_NEGATED, len(_NEGATED)):
            denied, count = re.subn(pattern, replacement, parts[at], count=1)
            if count:
                return [*parts[: at + 1], denied, *parts[at + 1 :]]
    return shuffled(parts, _corpus, rng)


def cut_off(parts: Sentences, _corpus: Corpus, rng: random.Random) -> Sentences:
    """Return the text up to the middle of its last sentence."""
    words = parts[-1].split()
    keep = rng.randint(1, max(1, len(words) - 2))
    return [*parts[:-1], " ".join(words[:keep]).rstrip(".,;:!?")]


def switched(parts: Sentences, corpus: Corpus, rng: random.Random) -> Sentences:
    """Return the text with one to three sentences in another language, mostly at its end."""
    size = rng.randint(1, 3)
    start = rng.randrange(len(corpus.foreign) - size)
    at = rng.choice((len(parts), len(parts), len(parts) - 1))
    return [*parts[:at], *corpus.foreign[start : start + size], *parts[at:]]


BREAKERS: dict[str, Breaker] = {
    "shuffled": shuffled, "spliced": spliced, "looping": looping, "contradicted": contradicted,
    "cut off": cut_off, "switched": switched,
}  # fmt: skip


class Pair(NamedTuple):
    """Two sentences, and whether the second one directly followed the first."""

    first: str
    second: str
    follows: bool


def pairs(corpus: Corpus, rng: random.Random) -> Iterator[Pair]:
    """Yield pairs for ever: neighbours, the same turned round, and sentences that are none."""
    while True:
        project, parts = rng.choice(corpus.rows)
        at = rng.randrange(len(parts) - 1)
        a, b = parts[at], parts[at + 1]
        if a == b or max(len(a), len(b)) > MOST_CHARACTERS:
            continue
        yield Pair(a, b, follows=True)
        yield Pair(b, a, follows=False)
        draw = rng.random()
        if draw < 0.3 and len(parts) > 2:
            b = rng.choice([part for part in parts if part not in (a, b)] or [a])
        elif draw < 0.75:
            b = rng.choice(corpus.rows[rng.choice(corpus.places[project])][1])
        else:
            b = rng.choice(rng.choice(corpus.rows)[1])
        a, b = (a, b) if rng.random() < 0.7 else (b, a)
        if (a, b) not in corpus.written and a != b and len(b) <= MOST_CHARACTERS:
            yield Pair(a, b, follows=False)
