"""Edits after which a source no longer supports a sentence; each says what kind it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from draft import UNSUPPORTED, Draft, like, pick
from vocabulary import ANTONYMS, CARDINALS, MONTHS, QUANTIFIERS, UNITS, WEEKDAYS, mutual, table


@dataclass(frozen=True)
class Pool:
    """What may take the place of a sentence's own words: from its document and from others."""

    near: tuple[str, ...]
    """Sentences of the same document."""
    far: tuple[str, ...]
    """Sentences of other documents."""
    source: str
    """The evidence: what it says is no error."""


Edit = Callable[[Draft, Pool, Random], Draft | None]

_INTEGER = re.compile(r"(?<![\w.,-])\d{1,3}(?:,\d{3})+(?![\w,])|(?<![\w.,/-])\d+(?![\w/]|[.,]\d)")
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]\d|\w)")
_CARDINAL = re.compile(r"\b(?:" + "|".join(CARDINALS[2:]) + r")\b", re.IGNORECASE)
_VERSION = re.compile(
    r"(?<=[Vv]ersion )\d+(?:\.\d+)*|\bv\d+(?:\.\d+)*|\b\d+\.\d+\.\d+\b|(?<=[A-Z][a-z]{3} )\d\.\d+"
    r"|(?<=Python )\d\.\d+|(?<=[>=]=)\d+(?:\.\d+)+"
)
_MONTH = re.compile(r"\b(?:" + "|".join(MONTHS) + r")\b")
_WEEKDAY = re.compile(r"\b(?:" + "|".join(WEEKDAYS) + r")\b")
_YEAR = re.compile(r"\b(?:1[6-9]|20)\d\d\b")
_DAY = re.compile(r"\b\d{1,2}(?:st|nd|rd|th)?(?= (?:" + "|".join(MONTHS) + r"))")
FLAG = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*\w")
PATH = re.compile(
    r"(?<![\w:/])(?:~|\.{1,2})?(?:/[\w.-]+){2,}/?|(?<![\w/])[\w-]+(?:/[\w.-]+)+\.\w+"
    r"|\b[\w-]+\.(?:py|toml|cfg|ini|json|ya?ml|txt|md|rst|conf|html|css|js|xml|sh|db|csv|log)\b"
)
IDENTIFIER = re.compile(
    r"\b[A-Za-z]\w*(?:_\w+|\.[A-Za-z_]\w+)+(?:\(\))?|\b[a-z]+[A-Z]\w+|\b(?:[A-Z][a-z]+){2,}\b"
    r"|(?<=`)[A-Za-z_]\w+(?=`)|\b[a-z]\w+\(\)"
)
NAME = re.compile(r"(?<=[a-z,;)0-9] )(?:[A-Z][a-z]{2,}|[A-Z]{2,})(?: [A-Z][a-z]+)*\b")
_WORD = re.compile(r"\b[a-z]{5,}\b")
_ADJUNCT = re.compile(
    r"(?<=[\w)`]) (?:in|on|for|with|by|from|at|during|since|after|before|using|without|through"
    r"|under|because|unless|until|when|if|and|to|as) [^,.;:()]{6,60}(?=\.$)"
)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|can|will|should|must|may|could|would|has been|have been|does|do|did)\b"
    r"(?! not|n't| no\b)"
)
_DENIAL = re.compile(
    r"\b(?:do|does|did|is|are|was|were|will|should|must|may|could|would|has|have)(?: not|n't)\b"
    r"|\bcannot\b|\bcan't\b"
)
_VERB = re.compile(
    r"(?<=[a-z`)] )(?:returns|uses|supports|provides|allows|takes|contains|creates|sets|makes|adds"
    r"|requires|accepts|includes|raises|means|gives|runs|works|needs|holds|has|calls|sends|reads)\b"
)
_BASE = {"has": "have", "does": "do", "raises": "raise", "uses": "use", "includes": "include"}
_ANTONYM, _QUANTIFIER = mutual(ANTONYMS), table(QUANTIFIERS)


def _alternatives(words: dict[str, list[str]]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b", re.IGNORECASE)


_ANY_ANTONYM, _ANY_QUANTIFIER = _alternatives(_ANTONYM), _alternatives(_QUANTIFIER)


def _absent(candidates: list[str], pool: Pool, random: Random) -> str | None:
    source = pool.source.lower()
    fresh = sorted({word for word in candidates if word and word.lower() not in source})
    return random.choice(fresh) if fresh else None


def _swap(draft: Draft, match: re.Match[str] | None, new: str | None) -> Draft | None:
    if match is None or not new or new == match[0]:
        return None
    return draft.put(match.start(), match.end(), new, UNSUPPORTED)


def _others(pattern: re.Pattern[str], pool: Pool, far: int = 60) -> list[str]:
    near = [word for sentence in pool.near for word in pattern.findall(sentence)]
    return near or [word for sentence in pool.far[:far] for word in pattern.findall(sentence)]


def number(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Change a number that is no year and no version."""
    found = pick(_CARDINAL, draft.text, random)
    if found and random.random() < 0.5:
        options = [word for word in CARDINALS[2:] if word != found[0].lower()]
        return _swap(draft, found, like(found[0], _absent(options, pool, random) or "nineteen"))
    found = pick(_DECIMAL if random.random() < 0.3 else _INTEGER, draft.text, random)
    if found is None or _YEAR.fullmatch(found[0]) or _VERSION.search(draft.text):
        return None
    comma = "," in found[0]
    value = float(found[0].replace(",", ""))
    steps = [value + 1, value + 2, value - 1, value * 2, value * 1.5, value + 10, value - 5]
    steps += [value + random.randint(1, 30), value * random.choice([3, 4, 0.5]), value + 100]
    whole = "." not in found[0]
    written = [
        (f"{round(v):,}" if comma else str(round(v))) if whole else f"{v:.{random.choice([1, 2])}f}"
        for v in steps
        if v >= 0
    ]
    fresh = [w for w in written if not re.search(rf"(?<!\d){re.escape(w)}(?!\d)", pool.source)]
    return _swap(draft, found, random.choice(fresh) if fresh else None)


def magnitude(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Move the decimal point of a number."""
    found = pick(_INTEGER, draft.text, random)
    if found is None or _YEAR.fullmatch(found[0]) or found[0] == "0":
        return None
    value = int(found[0].replace(",", ""))
    new = str(value * random.choice([10, 100, 1000]))
    if value % 10 == 0 and value >= 10 and random.random() < 0.5:
        new = str(value // 10)
    return _swap(draft, found, _absent([new], pool, random))


def version(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Change one part of a version."""
    found = pick(_VERSION, draft.text, random)
    if found is None:
        return None
    parts = re.split(r"(\d+)", found[0])
    place = random.choice([i for i, part in enumerate(parts) if part.isdigit()])
    parts[place] = str(max(0, int(parts[place]) + random.choice([-2, -1, 1, 1, 2, 3])))
    return _swap(draft, found, "".join(parts))


def date(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Change a year, a month, a day or a day of the week."""
    pattern = random.choice([_YEAR, _MONTH, _DAY, _WEEKDAY])
    found = pick(pattern, draft.text, random)
    if found is None:
        return None
    if pattern is _YEAR:
        steps = [-10, -3, -2, -1, 1, 2, 3, 5, 10, 20]
        options = [str(int(found[0]) + step) for step in steps]
    elif pattern is _DAY:
        options = [str(day) for day in range(1, 29)]
    else:
        options = MONTHS if pattern is _MONTH else WEEKDAYS
    return _swap(draft, found, _absent(options, pool, random))


def unit(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Change the unit of a number."""
    for family in random.sample(UNITS, len(UNITS)):
        for short, long in random.sample(family, len(family)):
            for written in (long, long.removesuffix("s"), short):
                found = re.search(rf"(?<=\d|\w)[ -]?\b{re.escape(written)}(?!\w)", draft.text)
                bare = found and found[0].strip(" -")
                if not found or not re.search(r"(?:\d|\b(?:one|two|three|ten|few|per))$",
                                              draft.text[: found.start()]):  # fmt: skip
                    continue
                rivals = [pair for pair in family if pair[0] != short]
                chosen = random.choice(rivals)
                new = chosen[0] if written == short else chosen[1]
                new = new.removesuffix("s") if written != long and written != short else new
                start = found.end() - len(bare or "")
                return draft.put(start, found.end(), new, UNSUPPORTED)
    return None


def _mutate(word: str, random: Random) -> str:
    """Return a name like `word` that no one has given."""
    parts = re.split(r"([_.-])", word.removesuffix("()"))
    place = random.choice([i for i in range(0, len(parts), 2) if parts[i]] or [0])
    other = ["max", "async", "default", "name", "size", "mode", "path", "timeout", "cache", "all"]
    other += ["strict", "level", "retry", "count", "key", "output", "force", "local", "id", "safe"]
    new = random.choice([word for word in other if word != parts[place].lower()])
    parts[place] = like(parts[place], new)
    return "".join(parts) + ("()" if word.endswith("()") else "")


def _renamed(pattern: re.Pattern[str], draft: Draft, pool: Pool, random: Random) -> Draft | None:
    found = pick(pattern, draft.text, random)
    if found is None:
        return None
    options = _others(pattern, pool)
    new = _absent(options, pool, random) if random.random() < 0.5 else None
    return _swap(draft, found, new or _absent([_mutate(found[0], random)], pool, random))


def flag(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Name another command-line flag."""
    return _renamed(FLAG, draft, pool, random)


def path(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Name another file."""
    return _renamed(PATH, draft, pool, random)


def identifier(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Name another function, class or setting."""
    found = _renamed(IDENTIFIER, draft, pool, random)
    return None if found and PATH.search(draft.text) else found


def name(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Name another person, place or product."""
    found = pick(NAME, draft.text, random)
    options = [w for w in _others(NAME, pool, far=400) if not found or w not in found[0]]
    far = [word for sentence in pool.far[:80] for word in NAME.findall(sentence)]
    return _swap(draft, found, _absent(options if random.random() < 0.6 else far, pool, random))


def negation(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Deny what is said, or say what is denied."""
    if found := pick(_DENIAL, draft.text, random):
        bare = re.sub(r"not|n't|'t", "", found[0]).strip()
        return draft.put(found.start(), found.end(), "can" if bare == "can" else bare, UNSUPPORTED)
    found = pick(_VERB, draft.text, random) if random.random() < 0.4 else None
    if found:
        base = _BASE.get(found[0], re.sub(r"s$", "", found[0]))
        return draft.put(found.start(), found.end(), f"does not {base}", UNSUPPORTED)
    found = pick(_AUXILIARY, draft.text, random)
    if found is None:
        return None
    new = found[0] + random.choice([" not", " not", " never"])
    if found[0] in {"can", "is", "are", "does", "will"} and random.random() < 0.4:
        new = {"can": "cannot", "will": "won't"}.get(found[0], found[0] + "n't")
    return draft.put(found.start(), found.end(), new, UNSUPPORTED)


def antonym(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Put a word's opposite in its place."""
    found = pick(_ANY_ANTONYM, draft.text, random)
    options = _ANTONYM.get(found[0], _ANTONYM.get(found[0].lower(), [])) if found else []
    new = _absent(options, pool, random)
    return _swap(draft, found, found and new and like(found[0], new))


def quantifier(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Say all for some, must for may, at most for at least."""
    found = pick(_ANY_QUANTIFIER, draft.text, random)
    options = _QUANTIFIER.get(found[0].lower(), []) if found else []
    return _swap(
        draft, found, like(found[0], random.choice(options)) if found and options else None
    )


def word(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Put another word of the same ending in a word's place."""
    found = pick(_WORD, draft.text, random)
    if found is None:
        return None
    ending = next(
        (e for e in ("ing", "ed", "ly", "tion", "ions", "ers", "er", "es", "s", "al", "e", "y")
         if found[0].endswith(e)), "")  # fmt: skip
    words = [w for s in (*pool.near, *pool.far[:40]) for w in _WORD.findall(s)]
    options = [w for w in words if w.endswith(ending) and w[:4] != found[0][:4]]
    return _swap(draft, found, _absent(options, pool, random))


def addition(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """Append a detail that the source does not have."""
    sentences = pool.near if random.random() < 0.6 else pool.far
    options = [m[0] for s in sentences[:60] if (m := _ADJUNCT.search(s))]
    new = _absent(options, pool, random)
    if new is None or not draft.text.endswith("."):
        return None
    place = len(draft.text) - 1
    commas = [m.start() for m in re.finditer(r",(?= \w)", draft.text)]
    if commas and random.random() < 0.3:
        place = random.choice(commas)
    return draft.put(place, place, new, UNSUPPORTED)


def tail(draft: Draft, pool: Pool, random: Random) -> Draft | None:
    """End the sentence as another sentence ends."""
    cut = pick(re.compile(r"(?<=[a-z`]) (?=(?:in|on|for|with|by|from|to|and|that|as|of)\b)"),
               draft.text, random)  # fmt: skip
    ends = [m[0] for s in (*pool.near, *pool.far[:30]) if (m := _ADJUNCT.search(s))]
    new = _absent(ends, pool, random)
    if cut is None or new is None or cut.start() < 15:
        return None
    return draft.put(cut.start(), len(draft.text), new + ".", UNSUPPORTED)


def exchange(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Let two names of the sentence change places."""
    for pattern in random.sample([IDENTIFIER, NAME, _INTEGER, _YEAR], 4):
        found = list(pattern.finditer(draft.text))
        if len({m[0] for m in found}) < 2:
            continue
        a, b = sorted(random.sample(found, 2), key=lambda m: m.start())
        between = draft.text[a.end() : b.start()]
        # "A and B" says the same as "B and A".
        if a[0] == b[0] or re.fullmatch(r"[\s`]*(?:,|and|or|/|&|,? ?(?:and|or))[\s`]*", between):
            continue
        swapped = draft.put(b.start(), b.end(), a[0], UNSUPPORTED)
        return swapped.put(a.start(), a.end(), b[0], UNSUPPORTED)
    return None


EDITS: dict[str, Edit] = {
    "number": number,
    "magnitude": magnitude,
    "version": version,
    "date": date,
    "unit": unit,
    "flag": flag,
    "path": path,
    "identifier": identifier,
    "name": name,
    "negation": negation,
    "antonym": antonym,
    "quantifier": quantifier,
    "word": word,
    "addition": addition,
    "tail": tail,
    "exchange": exchange,
}
