"""Judge the grounding score on documentation of projects that nothing was trained or tuned on.

    python scripts/evaluate_grounding.py FOLDER MODELS_HOME [--data DATA] [--cases N] [--all]

FOLDER holds source archives or packages of celery, kombu, tornado, flask or click. From their
sentences come pairs: one rewritten without changing what it says, one with an error of a known
kind, each beside the passage that the sentence is from; then the same beside ten passages; then
sentences in which a word is replaced by an opposite that no training pair has. DATA (WiCE) adds
summaries of three sentences with and without one small error, from articles that were not trained
on. With --all every package of FOLDER is taken (packages kept for tuning).
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from nsllm.embedding.embedder import Embedder
from nsllm.models.grounder import Grounder
from nsllm.scoring import grounding
from nsllm.scoring.claims import claims
from nsllm.scoring.evidence import passage_chunk
from nsllm.types import Claim, ClaimGrounding

sys.path.insert(0, str(Path(__file__).parent / "training" / "grounding"))
from build import HELD_OUT, Builder, edited, rewritten
from cases import Case, cases
from draft import UNSUPPORTED, Draft, like, pick
from text import Article, articles, is_claim
from vocabulary import ANTONYMS, QUANTIFIERS, SYNONYMS, mutual

THRESHOLD = 0.5
NAMED = {
    "number": {"number", "unit"},
    "magnitude": {"number", "unit"},
    "version": {"version", "number"},
    "date": {"date"},
    "unit": {"unit", "number"},
    "flag": {"flag"},
    "path": {"path"},
    "identifier": {"identifier"},
    "name": {"name"},
    "negation": {"negation"},
}
"""The kinds that name each error rightly; errors of other kinds have no name."""

UNSEEN = mutual("""
attach|detach; attached|detached; inherits|overrides; inherited|overridden; compress|decompress
compressed|decompressed; serialize|deserialize; serialized|deserialized; acquire|release
acquired|released; acquires|releases; pause|resume; paused|resumed; lazily|eagerly; verbose|quiet
absolute|relative; mount|unmount; subscribe|unsubscribe; subscribed|unsubscribed; shallow|deep
horizontal|vertical; horizontally|vertically; inner|outer; prefix|suffix; leading|trailing
sequential|parallel; sequentially|concurrently; source|target; sender|receiver; producer|consumer
primary|secondary; ignored|honored; ignores|honors; truncated|extended; merge|split; merged|split
wrap|unwrap; wrapped|unwrapped; known|unknown; defined|undefined; used|unused; trusted|untrusted
bound|unbound; nested|flat; raw|processed; escaped|unescaped; quoted|unquoted; caller|callee
implemented|unimplemented; changed|unchanged; installed|missing; supported|unsupported
""")
"""Opposites that vocabulary.py does not have: to know them is more than to know its lists."""

Floats = NDArray[np.float64]


class Judge:
    """Scores texts as `nsllm score` does."""

    def __init__(self, home: Path) -> None:
        self._embed = Embedder(home / "models" / "all-minilm-l6-v2").embed
        self._grounder = Grounder(home / "models" / "nsllm-grounding")

    def weakest(self, text: str, passages: Sequence[str]) -> ClaimGrounding:
        """Return the grounding of the text's weakest claim."""
        found = claims(text) or [Claim(start=0, end=len(text), text=text)]
        chunks = [passage_chunk(passage) for passage in passages]
        grounded = grounding.ground(found, chunks, self._embed, self._grounder.read)
        return min(grounded, key=lambda claim: claim.score)


def summaries(data: Path, count: int, random: Random) -> Iterator[Case]:
    """Yield summaries of articles of WiCE's dev set, right ones and ones with a small error."""
    lines = (data / "wice" / "claim_dev.jsonl").read_text("utf-8").splitlines()
    texts = [[s for s in json.loads(line)["evidence"] if is_claim(s)][:60] for line in lines]
    found = [Article("wice", tuple(sentences)) for sentences in texts if len(sentences) > 12]
    builder = Builder(found, random)
    kinds = ["name", "number", "negation", "antonym", "word", "addition", "date", "quantifier"]
    for article in random.sample(found, min(count, len(found))):
        chosen = sorted(random.sample(range(len(article.sentences)), 3))
        parts = [rewritten(Draft.of(article.sentences[i]), random, 2).text for i in chosen]
        passage = "\n".join(article.sentences)
        yield " ".join(parts), passage, ""
        place = random.randrange(3)
        for kind in random.sample(kinds, len(kinds)):
            pool = builder.pool(article, passage)
            wrong = edited(Draft.of(article.sentences[chosen[place]]), kind, pool, random)
            if wrong and wrong.spans():
                parts[place] = wrong.text
                yield " ".join(parts), passage, kind
                break


def unseen(found: Sequence[Article], count: int, random: Random) -> Iterator[Case]:
    """Yield sentences rewritten, and with a word's opposite that was not trained on."""
    learnt = set(mutual(f"{ANTONYMS};{SYNONYMS};{QUANTIFIERS}"))
    fresh = {word: others for word, others in UNSEEN.items() if word not in learnt}
    pattern = re.compile(r"(?<![-\w`])(?:" + "|".join(fresh) + r")(?![-\w`])", re.IGNORECASE)
    builder = Builder(found, random)
    places = [(a, i) for a, i in builder.places if pattern.search(a.sentences[i])]
    for article, i in random.sample(places, min(count, len(places))):
        passage = " ".join(article.sentences[max(0, i - 4) : i + 5])
        start = rewritten(Draft.of(article.sentences[i]), random, 1)
        match = pick(pattern, start.text, random)
        if match:
            new = like(match[0], random.choice(fresh[match[0].lower()]))
            wrong = start.put(*match.span(), new, UNSUPPORTED)
            yield wrong.text, passage, "unseen opposite"
            yield rewritten(Draft.of(article.sentences[i]), random).text, passage, ""


def auc(scores: Floats, right: NDArray[np.bool_]) -> float:
    """Return the chance that a right text scores above a wrong one."""
    a, b = scores[right][:, None], scores[~right][None]
    return float((a > b).mean() + (a == b).mean() / 2)


def interval(scores: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the 95% interval of the AUC over 500 resamplings of the texts."""
    random = np.random.default_rng(0)
    rows = [random.integers(0, len(scores), len(scores)) for _ in range(500)]
    low, high = np.percentile([auc(scores[i], right[i]) for i in rows], [2.5, 97.5])
    return float(low), float(high)


def report(title: str, rows: Sequence[Case], found: Sequence[ClaimGrounding]) -> None:
    """Print recall by kind, false positives, AUC beside length alone, and calibration."""
    scores = np.array([claim.score for claim in found])
    right = np.array([not kind for *_, kind in rows])
    lengths = np.array([-len(text) for text, *_ in rows], float)
    low, high = interval(scores, right)
    strict = np.quantile(scores[right], 0.05)
    print(f"{title}: {len(rows)} texts, {int(right.sum())} of them right")
    print(
        f"  AUC {auc(scores, right):.3f} [{low:.3f}, {high:.3f}];"
        f" by length {auc(lengths, right):.3f}"
    )
    even = ((scores[right] > THRESHOLD).mean() + (scores[~right] <= THRESHOLD).mean()) / 2
    print(
        f"  balanced accuracy at {THRESHOLD}: {even:.3f};"
        f" calibration error {error(scores, right):.3f}"
    )
    print(
        f"  at {THRESHOLD}: recall {(scores[~right] < THRESHOLD).mean():.3f}, false positives"
        f" {(scores[right] < THRESHOLD).mean():.3f}; at 5% false positives (below {strict:.2f}):"
        f" recall {(scores[~right] < strict).mean():.3f}"
    )
    by_kind: dict[str, list[ClaimGrounding]] = defaultdict(list)
    for (*_, kind), claim in zip(rows, found, strict=True):
        by_kind[kind].append(claim)
    named = []
    for kind, group in sorted(by_kind.items()):
        if not kind:
            continue
        line = f"  {kind}: {len(group)}, recall {np.mean([c.score < THRESHOLD for c in group]):.2f}"
        if kind in NAMED:
            rightly = [c.kind in NAMED[kind] for c in group if c.score < THRESHOLD]
            named += rightly
            line += f", rightly named {np.mean(rightly) if rightly else 0:.2f}"
        print(line)
    if named:
        print(f"  rightly named where there is a name: {np.mean(named):.3f}")
    print("  said | true | texts")
    for inside in bins(scores):
        print(f"  {scores[inside].mean():.2f} | {right[inside].mean():.2f} | {inside.sum()}")


def bins(scores: Floats) -> Iterator[NDArray[np.bool_]]:
    """Yield which scores are in each tenth of [0, 1] that has any."""
    tenth = np.minimum((scores * 10).astype(int), 9)
    for i in range(10):
        if (tenth == i).any():
            yield tenth == i


def error(scores: Floats, right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins (Naeini et al. 2015)."""
    gaps = [abs(scores[b].mean() - right[b].mean()) * b.mean() for b in bins(scores)]
    return float(np.sum(gaps))


def beside_ten(
    judge: Judge, rows: Sequence[Case], judged: Sequence[ClaimGrounding], random: Random
) -> None:
    """Print how many verdicts change when nine passages of other sentences are added."""
    raised = lowered = 0
    sample = random.sample(range(len(rows)), min(200, len(rows)))
    for i in sample:
        text, passage, _ = rows[i]
        others = [passage, *(rows[j][1] for j in random.sample(range(len(rows)), 9))]
        again = judge.weakest(text, others).score
        raised += again >= THRESHOLD > judged[i].score
        lowered += again < THRESHOLD <= judged[i].score
    print(
        f"from 1 to 10 passages: {raised + lowered} of {len(sample)} verdicts change,"
        f" {raised} to supported, {lowered} to unsupported"
    )


def main() -> None:
    """Build the cases, judge them, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cases", type=int, default=1040, help="half of them with an error")
    parser.add_argument("--all", action="store_true", help="take every package of FOLDER")
    options = parser.parse_args()
    judge, random = Judge(options.home), Random(5)
    found = [a for a in articles(options.folder) if options.all or a.project in HELD_OUT]
    rows = list(cases(found, options.cases // 2, random))
    judged = [judge.weakest(text, [passage]) for text, passage, _ in rows]
    report("documentation of held-out projects", rows, judged)
    beside_ten(judge, rows, judged, random)
    rows = list(unseen(found, 150, random))
    judged = [judge.weakest(text, [passage]) for text, passage, _ in rows]
    report("opposites that were not trained on", rows, judged)
    if options.data:
        rows = list(summaries(options.data, 60, random))
        judged = [judge.weakest(text, [passage]) for text, passage, _ in rows]
        report("summaries of three sentences (articles of WiCE dev)", rows, judged)


if __name__ == "__main__":
    main()
