"""Write the pairs that the grounding model is trained on and watched with.

    python scripts/training/grounding/build.py DATA OUTPUT FOLDER... [--pairs N]

DATA holds WiCE and BEGIN; each FOLDER holds unpacked packages, source archives or wheels whose
documentation is permissively licensed. OUTPUT/train.jsonl and OUTPUT/dev.jsonl get one pair a line:
claim, marks (0 supported, 1 not, ? not known; one for each character), window, label, kind.
Projects named in HELD_OUT are left for scripts/evaluate_grounding.py.
"""

import argparse
import csv
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from draft import SUPPORTED, UNKNOWN, UNSUPPORTED, Draft
from edits import EDITS, Pool
from facts import fact_pairs
from rewrites import REWRITES
from text import Article, articles, is_claim
from vocabulary import OPINIONS

HELD_OUT = frozenset({"celery", "kombu", "tornado", "flask", "click"})
_WIDTHS = (1, 1, 1, 2, 2, 2, 3, 3, 4, 5)
_KINDS = ["word", "addition", "tail", "negation", "antonym", "name", *EDITS]
_RARE = ["voice", "digits", "units", "contraction", "genitive", "pronoun", "order", "relative"]
Row = dict[str, str | int]


def row(draft: Draft, window: str, label: int, kind: str) -> Row:
    """Return one line of the output."""
    return {
        "claim": draft.text,
        "marks": draft.marks,
        "window": window,
        "label": label,
        "kind": kind,
    }


def window(article: Article, places: Sequence[int], random: Random) -> str:
    """Return the sentences at `places` with some of their neighbours, or with distant others."""
    size = random.choice(_WIDTHS)
    last = len(article.sentences) - 1
    if random.random() < 0.25:
        others = [random.randint(0, last) for _ in range(size)]
        chosen = sorted({*places, *others})
    else:
        start = max(0, min(places) - random.randint(0, size - 1))
        chosen = list(range(start, min(last + 1, max(start + size, max(places) + 1))))
    return " ".join(article.sentences[i] for i in chosen)


def rewritten(draft: Draft, random: Random, most: int = 3) -> Draft:
    """Apply up to `most` rewrites."""
    for _ in range(random.randint(0, most)):
        for name in random.sample([*REWRITES, *_RARE], 4):
            changed = REWRITES[name](draft, random)
            if changed and len(changed.text) > 15:
                draft = changed
                break
    return draft


def edited(draft: Draft, kind: str, pool: Pool, random: Random) -> Draft | None:
    """Apply an edit, and now and then a second one."""
    changed = EDITS[kind](draft, pool, random)
    if changed is None or changed.text == draft.text or not changed.spans():
        return None
    if random.random() < 0.15:
        changed = EDITS[random.choice(_KINDS)](changed, pool, random) or changed
    return changed


def absent(claim: str, evidence: str) -> Draft:
    """Mark the words that the evidence lacks; of the others it is unknown whether they hold."""
    offered = {word[:5] for word in re.findall(r"\w+", evidence.lower())}
    draft = Draft.of(claim, UNKNOWN)
    for match in re.finditer(r"\w+", claim):
        if match[0].lower()[:5] not in offered and len(match[0]) > 3:
            draft = draft.mark(*match.span())
    return draft


class Builder:
    """Makes pairs from articles; `others` are sentences from anywhere."""

    def __init__(self, found: Sequence[Article], random: Random) -> None:
        self.random = random
        self.places = [(a, i) for a in found for i, s in enumerate(a.sentences) if is_claim(s)]
        self.others = [a.sentences[i] for a, i in self.places]

    def pool(self, article: Article, source: str) -> Pool:
        """Return what edits of a sentence of this article may draw from."""
        size = min(20, len(article.sentences))
        near = self.random.sample(article.sentences, size)
        return Pool(tuple(near), tuple(self.random.choices(self.others, k=80)), source)

    def contrast(self) -> Iterator[Row]:
        """Yield a sentence rewritten, and the same edited, beside the same evidence."""
        random = self.random
        kind = random.choice(_KINDS)
        for _ in range(30):
            article, i = random.choice(self.places)
            evidence = window(article, [i], random)
            pool = self.pool(article, evidence)
            wrong = edited(rewritten(Draft.of(article.sentences[i]), random, 2), kind, pool, random)
            if wrong is None:
                continue
            if random.random() < 0.3:
                wrong = rewritten(wrong, random, 1)
            if wrong.spans():
                right = rewritten(Draft.of(article.sentences[i]), random)
                yield row(right, evidence, 1, "rewritten")
                yield row(wrong, evidence, 0, kind)
                return

    def joined(self) -> Iterator[Row]:
        """Yield two sentences made one, with evidence for both and for the first alone."""
        random = self.random
        article, i = random.choice(self.places)
        if i + 1 >= len(article.sentences) or not is_claim(article.sentences[i + 1]):
            return
        first = rewritten(Draft.of(article.sentences[i]), random, 1).text.rstrip(".")
        second = rewritten(Draft.of(article.sentences[i + 1]), random, 1).text
        glue = random.choice([", and ", " and ", "; ", ". ", ", while "])
        both = first + glue + second
        yield row(Draft.of(both), window(article, [i, i + 1], random), 1, "joined")
        one = Draft.of(both).mark(len(first + glue), len(both))
        yield row(one, article.sentences[i], 0, "half supported")

    def elsewhere(self) -> Iterator[Row]:
        """Yield a true sentence beside the likest of some windows that do not hold it."""
        random = self.random
        article, i = random.choice(self.places)
        claim = rewritten(Draft.of(article.sentences[i]), random, 2).text
        asked = {word[:5] for word in re.findall(r"\w{4,}", claim.lower())}
        best, share = "", -1.0
        for _ in range(12):
            j = random.randrange(len(article.sentences))
            text = window(article, [j], random)
            if article.sentences[i] in text:
                continue
            common = len(asked & {w[:5] for w in re.findall(r"\w{4,}", text.lower())})
            if share < common / (len(asked) or 1) < 0.7:
                best, share = text, common / (len(asked) or 1)
        if best:
            yield row(absent(claim, best), best, 0, "elsewhere")

    def chat(self) -> Iterator[Row]:
        """Yield an opinion, alone or after what the source says."""
        random = self.random
        article, i = random.choice(self.places)
        evidence = window(article, [i], random)
        opinion = random.choice(OPINIONS)
        if random.random() < 0.4:
            yield row(Draft.of(opinion + ".", UNSUPPORTED), evidence, 0, "opinion")
            return
        said = rewritten(Draft.of(article.sentences[i]), random, 2)
        stem = said.text.rstrip(" .")
        glue = random.choice([", and ", " . ", ". ", " but "])
        if random.random() < 0.3:
            draft = Draft.of(opinion + glue + said.text).mark(0, len(opinion))
        else:
            draft = Draft.of(stem + glue + opinion).mark(
                len(stem + glue), len(stem + glue + opinion)
            )
        yield row(draft, evidence, 0, "opinion added")
        yield row(said, evidence, 1, "rewritten")


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


def main() -> None:
    """Build and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=90_000)
    options = parser.parse_args()
    random = Random(0)
    found = [a for folder in options.folders for a in articles(folder) if a.project not in HELD_OUT]
    watched = [a for a in found if zlib.crc32(a.project.encode()) % 12 == 0] or found[:50]
    learned = [a for a in found if zlib.crc32(a.project.encode()) % 12 != 0]
    docs, news = Builder(learned, random), Builder(wice_articles(options.data), random)
    talk = [Article("begin", tuple(k for _, k, _ in begin(options.data, held_out=False)))]
    builders = [docs, docs, docs, news, news, Builder(talk, random)]
    print(f"{len(docs.places)} sentences of documentation, {len(news.places)} of articles")
    rows: list[Row] = []
    for _ in range(5):
        rows += [*begin_rows(options.data, random), *wice_rows(options.data, random)]
    rows += list(_mixed(builders, options.pairs - len(rows), random))
    random.shuffle(rows)
    options.output.mkdir(parents=True, exist_ok=True)
    _write(options.output / "train.jsonl", rows)
    _write(options.output / "dev.jsonl", list(_mixed([Builder(watched, random)], 3000, random)))


def _mixed(builders: Sequence[Builder], count: int, random: Random) -> Iterator[Row]:
    made = 0
    while made < count:
        builder, chance = random.choice(builders), random.random()
        if chance < 0.68:
            rows = list(builder.contrast())
        elif chance < 0.80:
            rows = list(builder.elsewhere())
        elif chance < 0.88:
            rows = list(builder.joined())
        elif chance < 0.94:
            rows = list(fact_pairs(random, row))
        else:
            rows = list(builder.chat())
        made += len(rows)
        yield from rows


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(item) + "\n" for item in rows), encoding="utf-8")
    print(f"{path.name}: {len(rows)} pairs, {sum(int(item['label']) for item in rows)} supported")


if __name__ == "__main__":
    main()
