"""Write the pairs that the grounding model is trained on and watched with.

    python scripts/training/grounding/build.py DATA OUTPUT FOLDER... [--pairs N] [--most BYTES]

DATA holds WiCE and BEGIN; each FOLDER holds unpacked packages, source archives or wheels whose
documentation is permissively licensed. OUTPUT/train.jsonl and OUTPUT/dev.jsonl get one pair a line:
claim, marks (0 supported, 1 not, ? not known; one for each character), window, label, kind.
Projects named in HELD_OUT are left for scripts/evaluate_grounding.py.
"""

import argparse
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from draft import UNSUPPORTED, Draft
from edits import EDITS, Pool
from facts import fact_pairs
from published import begin, begin_rows, wice_articles, wice_rows
from rewrites import REWRITES
from rows import Row, absent, row
from subtle import SAME, SUBTLE
from text import Article, articles, is_claim
from vocabulary import OPINIONS

HELD_OUT = frozenset({"celery", "kombu", "tornado", "flask", "click"})
_MOST_AMONG = 360
_WIDTHS = (1, 1, 1, 2, 2, 2, 3, 3, 4, 5)
_KINDS = ["word", "addition", "tail", "negation", "antonym", "name", *EDITS]
_RARE = ["voice", "digits", "units", "contraction", "genitive", "pronoun", "order", "relative"]
_SAID = [*REWRITES, *_RARE]
_MADE, _REWRITTEN = {**EDITS, **SUBTLE}, {**REWRITES, **SAME}
_WEAK = ["exchange", "quantifier", "antonym", "negation", "word", "roles", "scope"]
_TAUGHT = [*_KINDS, *SUBTLE, *_WEAK, *_WEAK, "exchange", "quantifier"]
"""What is taught: the network is slow to learn the weak ones, so these come more often."""

_RESTATED = [*_SAID, *SAME, "strength", "synonyms"]


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


def rewritten(draft: Draft, random: Random, most: int = 3, *, by: Sequence[str] = _SAID) -> Draft:
    """Apply up to `most` rewrites, taken from `by`."""
    for _ in range(random.randint(0, most)):
        for name in random.sample(by, 4):
            changed = _REWRITTEN[name](draft, random)
            if changed and len(changed.text) > 15:
                draft = changed
                break
    return draft


def edited(draft: Draft, kind: str, pool: Pool, random: Random) -> Draft | None:
    """Apply an edit, and now and then a second one."""
    changed = _MADE[kind](draft, pool, random)
    if changed is None or changed.text == draft.text or not changed.spans():
        return None
    if random.random() < 0.15:
        changed = EDITS[random.choice(_KINDS)](changed, pool, random) or changed
    return changed


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

    def among(self, article: Article, place: int) -> str:
        """Return a window with the sentence; now and then also sentences of other documents."""
        random = self.random
        near = window(article, [place], random)
        if random.random() < 0.75:
            return near
        parts = [near, *random.sample(self.others, random.randint(1, 3))]
        random.shuffle(parts)
        # The longest windows are not trained on: the sentence itself must fit.
        return " ".join(parts) if sum(map(len, parts)) < _MOST_AMONG else near

    def contrast(self) -> Iterator[Row]:
        """Yield a sentence rewritten, and the same edited, beside the same evidence."""
        random = self.random
        kind = random.choice(_TAUGHT)
        for _ in range(30):
            article, i = random.choice(self.places)
            evidence = self.among(article, i)
            pool = self.pool(article, evidence)
            start = rewritten(Draft.of(article.sentences[i]), random, 2, by=_RESTATED)
            wrong = edited(start, kind, pool, random)
            if wrong is None:
                continue
            alike = random.random() < 0.5
            if not alike and random.random() < 0.4:
                wrong = rewritten(wrong, random, 1, by=_RESTATED)
            if wrong.spans():
                # Half of the pairs differ by the error alone.
                right = start
                if not alike:
                    right = rewritten(Draft.of(article.sentences[i]), random, 4, by=_RESTATED)
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


def main() -> None:
    """Build and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=90_000)
    parser.add_argument("--most", type=int, help="bytes of each package that are read")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = Random(options.seed)
    read = [a for folder in options.folders for a in articles(folder, options.most)]
    found = [a for a in read if a.project not in HELD_OUT]
    watched = [a for a in found if zlib.crc32(a.project.encode()) % 12 == 0] or found[:50]
    learned = [a for a in found if zlib.crc32(a.project.encode()) % 12 != 0]
    docs, news = Builder(learned, random), Builder(wice_articles(options.data), random)
    talk = [Article("begin", tuple(k for _, k, _ in begin(options.data, held_out=False)))]
    builders = [docs, docs, docs, news, news, Builder(talk, random)]
    print(f"{len(docs.places)} sentences of documentation, {len(news.places)} of articles")
    rows: list[Row] = []
    for _ in range(3):
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
        if chance < 0.72:
            rows = list(builder.contrast())
        elif chance < 0.82:
            rows = list(builder.elsewhere())
        elif chance < 0.89:
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
