"""What a claim says and its source does not, where it can be named: numbers, names, negation.

These checks compare what is written, so that a finding can say "the source says 30 s, the text says
60 s". Whether the claim holds is for the grounding model to say (`nsllm.scoring.grounding`).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from nsllm.scoring.words import Quantity, content_words, negations, quantities
from nsllm.types import ProblemKind

_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_DATE = re.compile(
    r"\b(?:" + "|".join(m.capitalize() for m in [*_MONTHS, *_WEEKDAYS]) + r")\b"
    r"|\b(?:1[5-9]|20)\d\d\b(?!\s*(?:%|(?:ms|s|px|[kmg]i?b|[km]?hz|mm|k?m|k?g)\b))"
)
_VERSION = re.compile(
    r"\bv\d+(?:\.\d+)*\b|(?<![\w.])\d+(?:\.\d+){2,}(?:-?[a-z]+\d*)?\b"
    r"|(?:(?<=[Vv]ersion )|(?<=[Vv]ersions )|(?<=Python )|(?<=[<>=]=)|(?<=[<>=]= )"
    r"|(?<=Django )|(?<=Node )|(?<=release ))\d+(?:\.\d+)*"
)
_FLAG = re.compile(r"(?<![\w-])(?:--[A-Za-z][\w-]*\w|-[A-Za-z])(?![\w-])")
_RUN = re.compile(r"[\w./:~-]++")
_PATH = re.compile(
    r"(?<![\w:/.])(?:~|\.{1,2})?(?:/[\w.-]*\w){2,}/?|(?<![\w/:.])[\w.-]+(?:/[\w.-]+)+\.\w+"
    r"|(?<![\w/.])[\w-]+\.(?:py|toml|cfg|ini|json|ya?ml|txt|md|rst|conf|html|css|jsx?|tsx?|xml|sh|db"
    r"|csv|log|env|lock|ps1|exe|whl|zip|tar\.gz|gguf|onnx)\b"
)
_IDENTIFIER = re.compile(
    r"\b[A-Za-z]\w*(?:_\w+|\.[A-Za-z_]\w+)+(?:\(\))?|\b_+[a-z]\w+|\b[a-z][a-z0-9]*[A-Z]\w*"
    r"|\b(?:[A-Z][a-z0-9]+){2,}\b|\b[a-z]\w+\(\)|(?<=`)[A-Za-z_][\w.]*(?:\(\))?(?=`)"
    r"|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b"
)
_NAME = re.compile(r"(?<=[\w,;:)\"'] )[A-Z][a-zA-Z-]*[a-zA-Z](?: [A-Z][a-z]+)*")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0, "week": 604800.0}
_BYTES = {
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": 1024.0,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
}
_TOKEN = re.compile(r"\w+")
_JOINT = re.compile(
    r"[\s`\"']*+(?:,|/|&|,?\s*+\b(?:and|or|nor|as well as)\b)[\s`\"']*+(?:(?:the|a|an)\s)?"
)
_LONGEST_PATH = 1024
"""Characters without a break; of more than any path has, each would be looked at from each."""

_BROKEN = 2
"""Pairs of neighbouring words that an exchange of two names breaks, at least."""

_MOST_EXCHANGED = 8
"""Things of a claim that are looked at for an exchange."""

_SAME_SUBJECT = 0.6
"""The share of a claim's words from which a sentence is taken to speak of the same thing."""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be compared, at [start, end) of its text; equal keys mean the same."""

    kind: ProblemKind
    start: int
    end: int
    text: str
    key: str
    owner: str | None = None
    """Of a code name: the module, object or program that the text says it belongs to."""
    is_foreign: bool = False
    """Whether the workspace does not speak of the owner either."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at [start, end) of a claim, and what its source says there, if anything."""

    kind: ProblemKind
    start: int
    end: int
    said: str
    offered: str | None = None
    exchanged: bool = False
    """Whether the source has it too, but elsewhere: two things have changed places."""

    @property
    def contradicts(self) -> bool:
        """Whether the source says something else there, or denies it."""
        return self.kind == "negation" or self.offered is not None

    @property
    def message(self) -> str:
        """Say what differs."""
        if self.kind == "negation":
            return "one of the text and its source denies what the other affirms"
        if self.offered:
            return f"the source says {self.offered}, the text says {self.said}"
        return f"the source does not say {self.said}"


def mentions(text: str) -> list[Mention]:
    """Return what can be compared, in order; where two overlap, the more telling one."""
    taken: list[Mention] = []
    for match in _paths(text):
        _take(taken, "path", match.span(), text, match[0].lower())
    patterns: tuple[tuple[ProblemKind, re.Pattern[str]], ...] = (
        ("flag", _FLAG),
        ("version", _VERSION),
        ("identifier", _IDENTIFIER),
        ("date", _DATE),
    )
    for kind, pattern in patterns:
        for match in pattern.finditer(text):
            key = match[0].lower().removesuffix("()").strip("`")
            key = key.removeprefix("v") if kind == "version" else key
            _take(taken, kind, match.span(), text, key)
    for quantity in quantities(text):
        _take(taken, "number", (quantity.start, quantity.end), text, _key(quantity))
    for match in _NAME.finditer(text):
        _take(taken, "name", match.span(), text, match[0].lower())
    return taken


def differences(claim: str, source: str) -> list[Difference]:
    """Return what `claim` says and `source` does not, contradictions first."""
    offered = mentions(source)
    said = mentions(claim)
    found = [
        *_missing(said, offered, source),
        *_exchanged(claim, said, source),
        *_denied(claim, source),
    ]
    return sorted(found, key=lambda difference: difference.offered is None)


def missing(claim: str, source: str) -> list[Difference]:
    """Return what can be compared of `claim` and stands nowhere in `source`."""
    return list(_missing(mentions(claim), mentions(source), source))


def neighbours(text: str) -> Iterator[tuple[str, str]]:
    """Return each two words that stand beside each other."""
    return pairwise(_TOKEN.findall(text.lower()))


def _take(
    taken: list[Mention], kind: ProblemKind, span: tuple[int, int], text: str, key: str
) -> None:
    """Insert what overlaps with nothing taken so far, which stays in order."""
    start, end = span
    at = bisect_right(taken, start, key=lambda other: other.start)
    if (at == 0 or taken[at - 1].end <= start) and (at == len(taken) or end <= taken[at].start):
        mention = Mention(kind=kind, start=start, end=end, text=text[start:end], key=key)
        taken.insert(at, mention)


def _paths(text: str) -> Iterator[re.Match[str]]:
    for run in _RUN.finditer(text):
        start, end = run.span()
        if end - start <= _LONGEST_PATH:
            yield from _PATH.finditer(text, start, end)


class _Offer:
    """What a source has, to be looked up at once however much that is."""

    def __init__(self, source: str, offered: Sequence[Mention], said: Sequence[Mention]) -> None:
        self.lowered = source.lower()
        self.keys = {mention.key for mention in offered}
        numbers = [mention.key.partition(" ") for mention in offered if mention.kind == "number"]
        self.bare = {value for value, _, unit in numbers if not unit}
        self.values = {value for value, *_ in numbers}
        self.amounts = {amount for mention in offered if (amount := _amount(mention.key))}
        said_keys = {mention.key for mention in said}
        self._rivals: dict[tuple[str, str], list[str]] = {}
        for mention in offered:
            if mention.key not in said_keys:
                self._add(mention)

    def _add(self, mention: Mention) -> None:
        value, _, unit = mention.key.partition(" ")
        names: list[tuple[str, str]] = [(mention.kind, "")]
        if mention.kind == "number":
            # A number of another thing is no rival; a bare one may be.
            names = [("of", unit), ("is", value)] if unit else [("of", "")]
        for name in names:
            self._rivals.setdefault(name, []).append(mention.text)

    def has(self, mention: Mention) -> bool:
        """Tell whether the source says the same, in whatever form."""
        if mention.key in self.keys:
            return True
        if mention.kind == "number":
            value, _, unit = mention.key.partition(" ")
            return _amount(mention.key) in self.amounts or value in (
                self.bare if unit else self.values
            )
        if mention.kind in {"date", "version"}:
            found = re.search(rf"(?<![\d.]){re.escape(mention.key)}(?![\d]|\.\d)", self.lowered)
            return found is not None
        if mention.kind == "name":
            return all(_is_named(word, self.lowered) for word in mention.key.split())
        return mention.key in self.lowered

    def rival(self, mention: Mention) -> tuple[ProblemKind, str | None]:
        """Return of what kind the difference is, and what the source has in the place of it."""
        if mention.kind != "number":
            # Of several it is not known which was meant.
            others = self._rivals.get((mention.kind, ""), [])
            return mention.kind, others[0] if len(others) == 1 else None
        value, _, unit = mention.key.partition(" ")
        same_unit = self._rivals.get(("of", unit), [])
        same_value = self._rivals.get(("is", value), []) if unit else []
        if same_value and not same_unit:
            return "unit", same_value[0]
        return "number", same_unit[0] if same_unit else None


def _missing(
    said: Sequence[Mention], offered: Sequence[Mention], source: str
) -> Iterator[Difference]:
    offer = _Offer(source, offered, said)
    for mention in said:
        if not offer.has(mention):
            kind, rival = offer.rival(mention)
            yield Difference(
                kind=kind, start=mention.start, end=mention.end, said=mention.text, offered=rival
            )


def _is_named(word: str, lowered: str) -> bool:
    if word[: max(4, len(word) - 2)] in lowered:
        return True
    if len(word) > 4 or not word.isalpha():
        return False
    initials = "".join(part[0] for part in re.findall(r"\w+", lowered))
    return word in initials


def _exchanged(claim: str, said: Sequence[Mention], source: str) -> Iterator[Difference]:
    """Yield two things that stand in each other's place: back there, the source says it so."""
    pairs = frozenset(neighbours(source))
    broken = _broken(claim, pairs)
    if broken < _BROKEN:
        return
    for i, first in enumerate(said[:_MOST_EXCHANGED]):
        for second in said[i + 1 : _MOST_EXCHANGED]:
            between = claim[first.end : second.start]
            # "A and B" says the same as "B and A".
            if first.key == second.key or _JOINT.fullmatch(between):
                continue
            back = f"{claim[: first.start]}{second.text}{between}{first.text}{claim[second.end :]}"
            if broken - _broken(back, pairs) >= _BROKEN:
                for one, other in ((first, second), (second, first)):
                    yield Difference(
                        kind=one.kind,
                        start=one.start,
                        end=one.end,
                        said=one.text,
                        offered=other.text,
                        exchanged=True,
                    )
                return


def _broken(text: str, pairs: frozenset[tuple[str, str]]) -> int:
    """Count the neighbouring words of a text that are no neighbours in its source."""
    return sum(pair not in pairs for pair in neighbours(text))


def _key(quantity: Quantity) -> str:
    return f"{quantity.value} {quantity.unit}" if quantity.unit else quantity.value


def _amount(key: str) -> tuple[str, str] | None:
    """Return a number with a unit in the least unit of its kind: 60 s is 1 min."""
    value, _, unit = key.partition(" ")
    for kind, table in (("time", _SECONDS), ("size", _BYTES)):
        try:
            return kind, f"{float(value) * table[unit]:.9g}"
        except (KeyError, ValueError):
            continue
    return None


def _denied(claim: str, source: str) -> Iterator[Difference]:
    """Yield the negation of a claim whose likest sentence affirms it, or the other way round."""
    words = set(content_words(claim))
    if len(words) < 3:
        return
    sentences = re.split(r"(?<=[.!?])\s+|\n", source)
    share, nearest = max(
        (len(words & set(content_words(s))) / len(words), s) for s in (*sentences, source)
    )
    if share >= _SAME_SUBJECT and (negations(claim) > 0) != (negations(nearest) > 0):
        yield Difference(kind="negation", start=0, end=len(claim), said=claim, offered=nearest)
