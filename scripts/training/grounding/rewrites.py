"""Rewrites after which a source still supports a sentence."""

import re
from collections.abc import Callable
from random import Random

from draft import Draft, like, pick
from vocabulary import CARDINALS, LEADS, MONTHS, SYNONYMS, UNITS, mutual

Rewrite = Callable[[Draft, Random], Draft | None]

_SYNONYM = mutual(SYNONYMS)
_ANY_SYNONYM = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, _SYNONYM), key=len, reverse=True)) + r")\b",
    re.IGNORECASE,
)
_CONTRACTED = {
    "cannot": "can't", "do not": "don't", "does not": "doesn't", "did not": "didn't",
    "is not": "isn't", "are not": "aren't", "was not": "wasn't", "were not": "weren't",
    "will not": "won't", "should not": "shouldn't", "must not": "mustn't", "has not": "hasn't",
    "have not": "haven't", "would not": "wouldn't", "could not": "couldn't", "it is": "it's",
    "you are": "you're", "that is": "that's", "you will": "you'll", "there is": "there's",
}  # fmt: skip
_FULL = {short: long for long, short in _CONTRACTED.items()}
_ANY_LONG = re.compile(r"\b(?:" + "|".join(_CONTRACTED) + r")\b", re.IGNORECASE)
_ANY_SHORT = re.compile(r"\b(?:" + "|".join(_FULL) + r")\b", re.IGNORECASE)
_BRACKETS = re.compile(r" ?\([^()]{3,}\)")
_RELATIVE = re.compile(r", (?:which|who|where|whose) [^,.;]{5,}(?=[,.])|, [a-z]+ing [^,.;]+(?=\.$)")
_ADVERB = re.compile(
    r"^(?:However|Also|Therefore|Thus|Additionally|Furthermore|Finally|In addition|For example|Note"
    r" that|By default|In general|Usually|Instead|Similarly|For instance|Then|Here|Currently|Again"
    r"|Moreover|Otherwise|Generally|Typically|Internally|Optionally|In this case|In particular),? "
)
_END = re.compile(
    r"(?<=[\w)`]),? (?:because|since|so that|as well as|for example|for instance|in order to"
    r"|such as|including|while|although|but|unless|during|using|via|for|with|in"
    r"|on|at|after|before|and|from)"
    r"\b [^,.;:]{4,70}(?=\.$)"
)
_IF = re.compile(
    r"^(If|When|Once|Before|After|While|Because|Since|Although|Unless) ([^,]{8,}), (.+)\.$"
)
_IF_LATER = re.compile(
    r"^([A-Z][^,]{12,}?) (if|when|once|before|after|because|unless) ([^,]{8,})\.$"
)
_CLAUSE = re.compile(r"^(.{20,}?),? (?:and|but|so|while|;) (.{15,})\.$")
_ITEMS = re.compile(r"(?<=[\w`\"')]), ([\w`\"'. -]{2,30})(?=, )")
_PAIR = re.compile(r"(?<!\S)(`?\w[\w.]{2,}`?) (and|or) (`?\w[\w.]{2,}`?)(?=[ .,])")
_THOUSANDS = re.compile(r"(?<![\w.,-])\d{4,9}(?![\w.,-])")
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")
_SMALL = re.compile(r"(?<![\w.,/-])(?:[2-9]|1\d|20)(?= [a-z]{3,})")
_SMALL_WORD = re.compile(r"\b(?:" + "|".join(CARDINALS[2:]) + r")\b")
_US_DATE = re.compile(r"\b(" + "|".join(MONTHS) + r") (\d{1,2}), (\d{4})")
_UK_DATE = re.compile(r"\b(\d{1,2}) (" + "|".join(MONTHS) + r") (\d{4})")
_PASSIVE = re.compile(
    r"^(.{4,60}?) (?:is|are) (\w+ed|set|sent|read|made|given|built) by (.{3,50})\.$"
)
_ACTIVE = re.compile(
    r"^((?:The|This|A|An|Each|`)[^,;:]{2,40}?) (\w{3,}(?:es|s)) (the |an? )([^,;:.]+)\.$"
)
_YOU_CAN = re.compile(r"\b[Yy]ou can (?:also )?(use|set|add|pass|call|change|create|define) "
                      r"((?:the |an? )?[`\w.-]+(?: [a-z]+)?)"
                      r"(?= (?:to|for|in|on|with|as|from)\b)")  # fmt: skip
_PARTICIPLE = {"use": "used", "set": "set", "add": "added", "pass": "passed", "call": "called",
               "change": "changed", "create": "created", "define": "defined"}  # fmt: skip
_SUBJECT = re.compile(r"^(?:The|This|A|An) [^,;:]{3,50}?(?= (?:is|was|has|can|will|returns|provides"
                      r"|uses|supports|contains|allows|takes|does|may|must|should)\b)")  # fmt: skip
_OF = re.compile(r"\b[Tt]he (\w{3,}) of (?:the |an? )?(\w{3,})(?=[ .,](?!of))")
_CODE = re.compile(r"`([^`]+)`")
_NAME_LIKE = re.compile(r"(?<![\w`/-])(?:[a-z]\w*_\w+|[a-z]\w*\(\)|--[a-z][\w-]+)(?![\w`/])")
_TENSE = {"is": "was", "are": "were", "has": "had", "will": "would", "can": "is able to",
          "must": "has to", "may": "might", "should": "ought to", "returns": "will return",
          "allows": "makes it possible", "wants to": "would like to", "was": "had been",
}  # fmt: skip
_TENSED = re.compile(r"\b(?:returns|will|must|may)\b")


def _put(draft: Draft, match: re.Match[str] | None, new: str) -> Draft | None:
    return draft.put(match.start(), match.end(), new) if match else None


def _all(draft: Draft, text: str) -> Draft | None:
    """Return the draft rewritten as a whole; only where nothing of it is unsupported."""
    return None if draft.spans() or text == draft.text else Draft.of(text)


def synonyms(draft: Draft, random: Random) -> Draft | None:
    """Exchange one to four words for others of the same meaning."""
    changed = None
    for _ in range(random.randint(1, 4)):
        match = pick(_ANY_SYNONYM, draft.text, random)
        if match is None or "1" in draft.marks[match.start() : match.end()]:
            continue
        options = _SYNONYM.get(match[0], _SYNONYM.get(match[0].lower(), []))
        if options:
            draft = draft.put(*match.span(), like(match[0], random.choice(options)))
            changed = draft
    return changed


def contraction(draft: Draft, random: Random) -> Draft | None:
    """Contract 'do not' to "don't", or write it out."""
    for pattern, words in ((_ANY_LONG, _CONTRACTED), (_ANY_SHORT, _FULL)):
        if match := pick(pattern, draft.text, random):
            return _put(draft, match, like(match[0], words[match[0].lower()]))
    return None


def brackets(draft: Draft, _random: Random) -> Draft | None:
    """Drop a parenthesis."""
    match = _BRACKETS.search(draft.text)
    return (
        draft.cut(*match.span())
        if match and "1" not in draft.marks[match.start() : match.end()]
        else None
    )


def relative(draft: Draft, random: Random) -> Draft | None:
    """Drop a relative clause."""
    return _dropped(draft, pick(_RELATIVE, draft.text, random))


def _dropped(draft: Draft, match: re.Match[str] | None) -> Draft | None:
    if match is None or "1" in draft.marks[match.start() : match.end()]:
        return None
    shorter = draft.cut(*match.span())
    return shorter if len(shorter.text.split()) >= 5 else None


def adjunct(draft: Draft, random: Random) -> Draft | None:
    """Drop what ends the sentence."""
    # Without what "not" or "only" applies to, the rest would say more than the whole.
    if re.search(r"\b(?:not|only|never|no|n't|unless|if)\b", draft.text):
        return None
    return _dropped(draft, pick(_END, draft.text, random))


def opening(draft: Draft, _random: Random) -> Draft | None:
    """Drop an opening adverb."""
    match = _ADVERB.match(draft.text)
    if match is None:
        return None
    draft = draft.cut(*match.span())
    return draft.put(0, 1, draft.text[:1].upper(), draft.marks[0])


def lead(draft: Draft, random: Random) -> Draft | None:
    """Open with words that claim nothing."""
    first = draft.text[:1]
    if draft.text[1:2].islower() and not draft.text.split()[0].endswith(("()", "_")):
        draft = draft.put(0, 1, first.lower(), draft.marks[0])
    return draft.put(0, 0, random.choice(LEADS))


def order(draft: Draft, _random: Random) -> Draft | None:
    """Move a condition to the other end of the sentence."""
    if match := _IF.match(draft.text):
        rest = match[3][:1].upper() + match[3][1:]
        return _all(draft, f"{rest} {match[1].lower()} {match[2]}.")
    if match := _IF_LATER.match(draft.text):
        rest = match[1][:1].lower() + match[1][1:]
        return _all(draft, f"{match[2].capitalize()} {match[3]}, {rest}.")
    return None


def half(draft: Draft, random: Random) -> Draft | None:
    """Keep one of two clauses."""
    match = _CLAUSE.match(draft.text)
    if match is None or re.search(r"\b(?:not|only|either|both|if|unless|no)\b", draft.text):
        return None
    kept = (
        2
        if random.random() < 0.4 and re.match(r"(?:the|it|this|you|he|she|they)\b", match[2])
        else 1
    )
    start, end = match.span(kept)
    shorter = Draft(draft.text[start:end] + ".", draft.marks[start:end] + "0")
    return shorter.put(0, 1, shorter.text[0].upper(), shorter.marks[0])


def item(draft: Draft, random: Random) -> Draft | None:
    """Drop one item of a list."""
    return _dropped(draft, pick(_ITEMS, draft.text, random))


def pair(draft: Draft, random: Random) -> Draft | None:
    """Turn 'a and b' into 'b and a'."""
    match = pick(_PAIR, draft.text, random)
    if match is None or "between" in draft.text or "1" in draft.marks[match.start() : match.end()]:
        return None
    return _put(draft, match, f"{match[3]} {match[2]} {match[1]}")


def digits(draft: Draft, random: Random) -> Draft | None:
    """Write a number in another way."""
    marked = draft.marks
    options: list[tuple[tuple[int, int], str]] = []
    options += [(m.span(), f"{int(m[0]):,}") for m in _THOUSANDS.finditer(draft.text)
                if not 1500 < int(m[0]) < 2100]  # fmt: skip
    options += [(m.span(), m[0].replace(",", "")) for m in _GROUPED.finditer(draft.text)]
    options += [(m.span(), CARDINALS[int(m[0])]) for m in _SMALL.finditer(draft.text)]
    options += [(m.span(), str(CARDINALS.index(m[0]))) for m in _SMALL_WORD.finditer(draft.text)]
    options += [(m.span(), f"{m[2]} {m[1]} {m[3]}") for m in _US_DATE.finditer(draft.text)]
    options += [(m.span(), f"{m[2]} {m[1]}, {m[3]}") for m in _UK_DATE.finditer(draft.text)]
    options += [(m.span(), f"{m[1]} {m[3]}") for m in _US_DATE.finditer(draft.text)]
    if not options:
        return None
    (start, end), new = random.choice(options)
    return draft.put(start, end, new, marked[start])


def units(draft: Draft, random: Random) -> Draft | None:
    """Write '30 s' as '30 seconds', or '30 seconds' as '30s'."""
    for family in random.sample(UNITS, len(UNITS)):
        for short, long in family:
            if short == long:
                continue
            if match := re.search(rf"(?<=\d)[ -]?(?:{long}|{long[:-1]})(?!\w)", draft.text):
                return draft.put(
                    *match.span(), random.choice([" ", ""]) + short, draft.marks[match.end() - 1]
                )
            if match := re.search(rf"(?<=\d) ?{re.escape(short)}(?![\w/])", draft.text):
                return draft.put(*match.span(), f" {long}", draft.marks[match.end() - 1])
    return None


def voice(draft: Draft, _random: Random) -> Draft | None:
    """Turn passive into active, or active into passive."""
    if match := _PASSIVE.match(draft.text):
        subject = match[1][:1].lower() + match[1][1:] if match[1][1:2].islower() else match[1]
        agent = match[3][:1].upper() + match[3][1:]
        return _all(draft, f"{agent} {match[2]} {subject}.")
    if match := _YOU_CAN.search(draft.text):
        thing = match[2] if match.start() else match[2][:1].upper() + match[2][1:]
        return _put(draft, match, f"{thing} can be {_PARTICIPLE[match[1]]}")
    match = _ACTIVE.match(draft.text)
    if match and not match[2].endswith("ss") and len(match[1].split()) < 7:
        stem = (
            re.sub(r"e?s$", "", match[2])
            if match[2].endswith(("shes", "ches", "sses"))
            else match[2][:-1]
        )
        done = stem + ("d" if stem.endswith("e") else "ed")
        return _all(draft, f"{match[3].capitalize()}{match[4]} is {done} by {match[1].lower()}.")
    return None


def pronoun(draft: Draft, random: Random) -> Draft | None:
    """Call the subject 'it'."""
    match = _SUBJECT.match(draft.text)
    if match is None or "1" in draft.marks[: match.end()]:
        return None
    return draft.put(*match.span(), random.choice(["It", "This", "It"]))


def genitive(draft: Draft, random: Random) -> Draft | None:
    """Turn 'the size of the buffer' into 'the buffer size' or "the buffer's size"."""
    match = pick(_OF, draft.text, random)
    if match is None or "1" in draft.marks[match.start() : match.end()]:
        return None
    return _put(
        draft,
        match,
        like(match[0], f"the {match[2]}{random.choice(['', chr(39) + 's'])} {match[1]}"),
    )


def markup(draft: Draft, random: Random) -> Draft | None:
    """Add or drop code marks."""
    if _CODE.search(draft.text):
        bare = draft
        for code in reversed(list(_CODE.finditer(draft.text))):
            bare = bare.cut(code.end() - 1, code.end()).cut(code.start(), code.start() + 1)
        return bare
    match = pick(_NAME_LIKE, draft.text, random)
    if match is None:
        return None
    return draft.put(match.end(), match.end(), "`").put(match.start(), match.start(), "`")


def tense(draft: Draft, random: Random) -> Draft | None:
    """Say 'will return' for 'returns', 'has to' for 'must'."""
    match = pick(_TENSED, draft.text, random)
    return _put(draft, match, _TENSE[match[0]]) if match else None


def spoken(draft: Draft, random: Random) -> Draft | None:
    """Write as transcripts do: lower case, spaces before punctuation, no full stop."""
    if random.random() < 0.6:
        draft = (
            Draft(draft.text.lower(), draft.marks)
            if len(draft.text.lower()) == len(draft.text)
            else draft
        )
    if random.random() < 0.6:
        for match in reversed(list(re.finditer(r"(?<=\w)[,.](?=\s|$)", draft.text))):
            draft = draft.put(match.start(), match.start(), " ")
    if random.random() < 0.6 and draft.text.endswith("."):
        draft = draft.cut(len(draft.text) - 1, len(draft.text))
        return (
            draft.cut(len(draft.text) - 1, len(draft.text)) if draft.text.endswith(" ") else draft
        )
    return draft


REWRITES: dict[str, Rewrite] = {
    function.__name__: function
    for function in (
        synonyms, contraction, brackets, relative, adjunct, opening, lead, order, half, item, pair,
        digits, units, voice, pronoun, genitive, markup, tense, spoken,
    )
}  # fmt: skip
