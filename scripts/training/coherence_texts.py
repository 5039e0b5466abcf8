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
MOST_OF_TEXT = 900
"""Of a text to learn from, likewise; answers are shorter."""
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

    def leave_out(self, other: "Corpus") -> None:
        """Drop what stands in another corpus as well: projects copy from each other."""
        known = {part for _, parts in other.rows for part in parts}
        self.rows = [row for row in self.rows if known.isdisjoint(row[1])]
        self._index()

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


def drawn(corpus: Corpus, rng: random.Random) -> Sentences:
    """Return an intact text to learn from, or to break.

    Two sentences hold little of an order, but many answers have no more.
    """
    return corpus.intact(rng, least=2 if rng.random() < 0.15 else 3)


class Text(NamedTuple):
    """Some sentences, and how they were broken, if at all.

    `follows` tells of each one whether it was written right after the one before it.
    """

    sentences: Sentences
    kind: str
    follows: list[bool]

    @property
    def is_intact(self) -> bool:
        """Whether they stand as they were written."""
        return self.kind == "intact"


_TAUGHT = {"shuffled": 0.5, "spliced": 0.4, "contradicted": 0.1}
"""Ways to break a text that have to be learnt, and their shares; the others can be counted."""


def twins(corpus: Corpus, rng: random.Random) -> Iterator[tuple[Text, Text]]:
    """Yield texts for ever, each beside the same one broken."""
    while True:
        parts = drawn(corpus, rng)
        if max(map(len, parts)) > MOST_CHARACTERS or sum(map(len, parts)) > MOST_OF_TEXT:
            continue
        [kind] = rng.choices(list(_TAUGHT), list(_TAUGHT.values()))
        broken = BREAKERS[kind](parts, corpus, rng)
        # Of two paragraphs the second follows the first, though no paragraph holds the pair.
        own = set(pairwise(parts))
        follows = [pair in own or pair in corpus.written for pair in pairwise(broken)]
        intact = Text(parts, "intact", [False, *(True for _ in parts[1:])])
        yield intact, Text(broken, kind, [False, *follows])
