"""What the words of a sentence assert: content words, quantities, names, negation."""

import re

import msgspec

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
_STOP_WORDS = frozenset(
    "a about above after again all also although am among an and any are as at be because been "
    "before being below between both but by can could did do does doing down during each either "
    "for from further get gets got had has have having he her here hers him his how however i if "
    "in into is it its itself just let may me might more most must my neither nor not of off on "
    "once one only or other our ours out over own per please same shall she should so some such "
    "than that the their theirs them then there these they this those through thus to too under "
    "until up upon us very was we were what when where whether which while who whom whose why "
    "will with within without would yes yet you your yours".split()
)
_NEGATIONS = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|without|cannot|can['’]?t|won['’]?t|don['’]?t|"
    r"doesn['’]?t|didn['’]?t|isn['’]?t|aren['’]?t|wasn['’]?t|weren['’]?t|shouldn['’]?t|mustn['’]?t|"
    r"disabled?|forbidden|unsupported|impossible)\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100}
_QUANTITY = re.compile(
    r"(?<![\w.])(?P<number>v?\d[\d,]*(?:\.\d+)*|\b(?:" + "|".join(_NUMBER_WORDS) + r")\b)"
    r"(?:(?P<gap>[ \-\u00a0]?)(?P<unit>%|°?[A-Za-zµ]+(?:/[a-z]+)?))?",
    re.IGNORECASE,
)
_UNITS = {
    "ms": "ms", "millisecond": "ms", "s": "s", "sec": "s", "second": "s", "min": "min",
    "minute": "min", "h": "h", "hr": "h", "hour": "h", "d": "day", "day": "day", "week": "week",
    "month": "month", "year": "year", "%": "%", "percent": "%", "kb": "kB", "kib": "KiB",
    "mb": "MB", "mib": "MiB", "megabyte": "MB", "gb": "GB", "gib": "GiB", "gigabyte": "GB",
    "tb": "TB", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "ghz": "GHz", "v": "V", "volt": "V",
    "w": "W", "watt": "W", "mm": "mm", "cm": "cm", "m": "m", "km": "km", "g": "g", "kg": "kg",
    "px": "px", "°c": "°C",
}  # fmt: skip
_NAME = re.compile(
    r"`(?P<code>[^`\n]+)`|(?<!\w)(?P<flag>--?[A-Za-z][\w-]+)"
    r"|(?<![\w./-])(?P<path>(?:[\w.-]*/)+[\w.-]+)|\b(?P<identifier>[A-Za-z]\w*[_.][\w.]*\w|[a-z]+[A-Z]\w*)"
    r"|(?<=[\w,;:] )(?P<proper>[A-Z][\w-]*[\w])"
)


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A number as written at [start, end), its value, and its unit where one is known."""

    start: int
    end: int
    text: str
    value: str
    unit: str | None


def stem(word: str) -> str:
    """Cut the common English endings, so that 'rotated' meets 'rotates' and 'rotation'."""
    for ending in (
        "ations",
        "ation",
        "ingly",
        "edly",
        "ings",
        "ies",
        "ing",
        "ion",
        "ers",
        "ed",
        "es",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    else:
        if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            word = word[:-1]
    word = word.removesuffix("e") if len(word) > 4 else word
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def content_words(text: str) -> list[str]:
    """Return the stems of all words but stop words, in order; code names fall into parts."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).lower().replace("’", "'")
    return [
        stem(word.removesuffix("'s"))
        for word in _WORD.findall(parted)
        if word.removesuffix("'s") not in _STOP_WORDS
    ]


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a text, normalised: '1,000' is '1000', 'ninety' is '90'."""
    found = []
    for match in _QUANTITY.finditer(text):
        written = match["number"].lower()
        value = str(_NUMBER_WORDS.get(written, written.removeprefix("v").replace(",", "")))
        unit = _unit(match["unit"])
        end = match.end() if unit else match.end("number")
        found.append(
            Quantity(
                start=match.start(), end=end, text=text[match.start() : end], value=value, unit=unit
            )
        )
    return found


def asserted_words(text: str) -> list[str]:
    """Return the content words, each number with its unit as one: '30 s' meets '30 seconds'."""
    rest, found = text, []
    for quantity in reversed(quantities(text)):
        if quantity.unit or quantity.text[0].isdigit():
            rest = f"{rest[: quantity.start]} {rest[quantity.end :]}"
            found.append(f"{quantity.value} {quantity.unit or ''}".strip())
    return content_words(rest) + found[::-1]


def names(text: str) -> set[str]:
    """Return code spans, flags, paths, identifiers and capitalised words within a sentence."""
    return {
        match[match.lastgroup].strip().lower() for match in _NAME.finditer(text) if match.lastgroup
    }


def negations(text: str) -> int:
    """Count the negating words of a text."""
    return len(_NEGATIONS.findall(text))


def _unit(word: str | None) -> str | None:
    if word is None:
        return None
    lowered = word.lower()
    return _UNITS.get(lowered) or _UNITS.get(lowered.removesuffix("s"))
