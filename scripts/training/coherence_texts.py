"""Intact and broken texts: what the coherence model learns from, and is judged by."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import documentation

FOREIGN = Path(__file__).parent / "coherence_data" / "foreign.txt"
FIT = ("flask", "kombu", "jinja2", "click", "pydantic", "prompt_toolkit")
"""Projects whose text the weights of coherence_weights.py are fitted on."""
HELD_OUT = ("celery", "werkzeug", "tornado", "cmake", "hypothesis", "trio", "networkx")
"""Projects that nothing is trained or fitted on."""
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
        for project, text in documentation.paragraphs(root):
            parts = [part for part in _BREAK.split(text) if len(part.split()) > 2]
            if accept(project) and len(parts) >= 2 and text not in seen:
                seen.add(text)
                self.rows.append((project, parts))
        self.foreign = FOREIGN.read_text("utf-8").splitlines()

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
_SHARES = {"shuffled": 0.3, "spliced": 0.15, "looping": 0.03, "contradicted": 0.07}


def epoch(corpus: Corpus, size: int, rng: random.Random) -> list[tuple[str, float]]:
    """Return `size` texts with label 1 where they are intact."""
    found = []
    for _ in range(size):
        draw, parts, label = rng.random(), corpus.intact(rng), 1.0
        for name, share in _SHARES.items():
            if 0 <= draw < share:
                if name == "shuffled" and len(parts) < 3:
                    parts = corpus.intact(rng, least=3)
                parts, label = BREAKERS[name](parts, corpus, rng), 0.0
            draw -= share
        found.append((" ".join(parts), label))
    return found
