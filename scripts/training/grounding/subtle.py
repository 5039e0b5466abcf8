"""Small edits that keep all words of a sentence, or all but one; and rewrites as small.

They are for training only: `scripts/evaluate_grounding.py` makes its errors by edits.py alone.
"""

import re
from random import Random

from draft import UNSUPPORTED, Draft, like, pick
from edits import Edit, Pool
from rewrites import Rewrite

_AFTER = (
    r"(?= (?:is|are|was|were|of|to|in|on|for|with|by|from|that|which|will|can|must|should|may"
    r"|has|have|when|if|as|at|into)\b|[.,;])"
)
_HEAD = re.compile(r"\b(?:the|a|an) ([a-z]{3,})" + _AFTER, re.IGNORECASE)
_FROM_TO = re.compile(
    r"\bfrom (`?[\w.]{3,}`?) (?:to|into) (`?[\w.]{3,}`?)(?=[.,;]|\.$| (?:in|on|when|for)\b)"
)
_CONDITION = re.compile(r"^(If|When|Once|Before|After|While|Unless) ([^,]{8,}), ([^,]{8,})\.$")
_FORMS = r"\w+(?:ed|en)|set|sent|read|made|built|run|kept|found|known|given"
_BE = re.compile(rf"\b(is|are|was|were|be) (?=(?:{_FORMS})\b)")
_CAN = re.compile(r"\b(can|may|will|should) (?=(?:be|use|have|call|set|add|return|take)\b)")
_DOES = re.compile(
    r"(?<=[a-z`)] )(?=(?:returns|uses|supports|provides|takes|contains|creates|sets|adds|raises"
    r"|requires|accepts|runs|works|sends|reads|calls)\b)"
)
_JOINT = re.compile(r"[\s`]*(?:,|and|or|/|&|,? ?(?:and|or))[\s`]*(?:(?:the|a|an)\s)?")
_SAME = {
    "at least": ["no fewer than", "a minimum of"],
    "at most": ["no more than", "a maximum of"],
    "up to": ["no more than", "at most"],
    "more than": ["over", "in excess of"],
    "less than": ["under", "below"],
    "fewer than": ["under", "less than"],
    "must": ["has to", "needs to", "is required to"],
    "must not": ["may not", "is not allowed to"],
    "can": ["is able to", "may"],
    "always": ["in all cases", "at all times", "invariably"],
    "never": ["at no time", "in no case"],
    "all": ["every one of", "all of"],
    "some": ["a few", "certain"],
    "only": ["solely", "just", "exclusively"],
    "sometimes": ["occasionally", "at times"],
    "both": ["the two"],
    "not enabled": ["disabled"],
    "not disabled": ["enabled"],
    "disabled": ["not enabled", "turned off"],
    "enabled": ["turned on", "not disabled"],
    "optional": ["not required", "not mandatory"],
    "required": ["not optional", "mandatory"],
    "not allowed": ["forbidden", "disallowed"],
    "forbidden": ["not allowed"],
    "invalid": ["not valid"],
    "not valid": ["invalid"],
    "impossible": ["not possible"],
    "not possible": ["impossible"],
    "unchanged": ["not changed"],
    "without": ["with no", "lacking"],
}
_ANY_SAME = re.compile(
    r"(?<![-`])\b(?:"
    + "|".join(sorted(map(re.escape, _SAME), key=len, reverse=True))
    + r")\b(?![-`])"
)


def _exchanged(draft: Draft, a: re.Match[str], b: re.Match[str]) -> Draft | None:
    if a[1].lower() == b[1].lower() or _JOINT.fullmatch(draft.text[a.end(1) : b.start(1)]):
        return None
    swapped = draft.put(*b.span(1), a[1], UNSUPPORTED)
    return swapped.put(*a.span(1), b[1], UNSUPPORTED)


def roles(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Let two nouns of the sentence change places."""
    found = list(_HEAD.finditer(draft.text))
    if len({m[1].lower() for m in found}) < 2:
        return None
    a, b = sorted(random.sample(found, 2), key=lambda m: m.start())
    return _exchanged(draft, a, b)


def direction(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Turn 'from a to b' into 'from b to a'."""
    match = pick(_FROM_TO, draft.text, random)
    if match is None or match[1] in {"the", "and"} or match[1] == match[2]:
        return None
    swapped = draft.put(*match.span(2), match[1], UNSUPPORTED)
    return swapped.put(*match.span(1), match[2], UNSUPPORTED)


def condition(draft: Draft, _pool: Pool, _random: Random) -> Draft | None:
    """Turn 'if a, b' into 'if b, a'."""
    match = _CONDITION.match(draft.text)
    if match is None:
        return None
    text = f"{match[1]} {match[3]}, {match[2]}."
    return Draft.of(text).mark(len(match[1]) + 1, len(text) - 1)


def scope(draft: Draft, _pool: Pool, random: Random) -> Draft | None:
    """Say only, always or never where the source does not."""
    if re.search(r"\b(?:not|only|always|never|sometimes|usually)\b", draft.text):
        return None
    for pattern in random.sample([_BE, _CAN, _DOES], 3):
        match = pick(pattern, draft.text, random)
        if match:
            new = random.choice(["only", "always", "never", "rarely", "sometimes"]) + " "
            return draft.put(match.end(), match.end(), new, UNSUPPORTED)
    return None


def strength(draft: Draft, random: Random) -> Draft | None:
    """Say how many, how often or whether in other words of the same strength."""
    match = pick(_ANY_SAME, draft.text, random)
    if match is None or UNSUPPORTED in draft.marks[match.start() : match.end()]:
        return None
    return draft.put(*match.span(), like(match[0], random.choice(_SAME[match[0].lower()])))


SUBTLE: dict[str, Edit] = {
    "roles": roles,
    "direction": direction,
    "condition": condition,
    "scope": scope,
}
SAME: dict[str, Rewrite] = {"strength": strength}
