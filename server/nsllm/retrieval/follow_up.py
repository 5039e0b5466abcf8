"""Follow-ups: a question that leans on the ones before it, completed from them by rule.

The rules know English. A question of another language is taken as it stands.
"""

import re
from collections.abc import Sequence

import msgspec

from nsllm.retrieval.retriever import STOP_WORDS
from nsllm.types import Question

_WORD = re.compile(r"[^\W_]+")
_LEAD = re.compile(r"\s*(?:(?:and|but|or|so|also|then|ok|okay)\b[,\s]*)+", re.IGNORECASE)
_ABOUT = re.compile(r"\s*(?:what|how)\s+about\b\s*", re.IGNORECASE)
_EXPLETIVE = re.compile(
    r"\bit\s+(?:possible|necessary|needed|required|allowed|safe|true|likely|important|better|best"
    r"|worth|enough|takes?\s+(?:.*\s)?to\s+\w)",
    re.IGNORECASE,
)

_ASKING = frozenset("what when where which who whom whose why how".split())
_AUXILIARIES = frozenset(
    "am are can could did do does had has have is may might must shall should was were will "
    "would".split()
)
_PREPOSITIONS = frozenset(
    "about after at before between by during for from in inside into of on over per since to "
    "under until via with within without".split()
)
_BREAKS = frozenset(
    "after although and as because before but if once or since so that though unless until when "
    "where which while who".split()
)
"""Words that begin a clause, in which a pronoun may stand for what the clause before it names."""
_DEGREES = frozenset("else exactly far fast large long many more much often old quickly".split())
_PERSONAL = frozenset("it they them he she him".split())
_POSSESSIVE = frozenset("its their his".split())
_POINTING = frozenset("this that these those".split())
_AT_HAND = frozenset(
    "app application book code codebase document documentation extension file folder guide "
    "handbook manual month page product program project repo repository software text time week "
    "workspace year".split()
)
"""What "this ..." points to without anything being said before."""
_GO_ON = frozenset(
    "about again an and briefly continue detail details elaborate example examples explain "
    "further give go in it me more on please tell that this".split()
)
_MAX_FRAGMENT_WORDS = 4
_MAX_CONTEXT_WORDS = 60
"""Longer earlier questions are left out: they would outweigh the one that is asked."""


def complete(question: Question) -> Question:
    """Return the question as it would be asked by itself.

    One that is no follow-up loses its history: nothing in it refers to what was said before.
    """
    text = question.text
    if not question.history or not is_follow_up(text):
        return msgspec.structs.replace(question, history=())
    before = ""
    for turn in question.history:
        before = _join(before, turn.question)
    return msgspec.structs.replace(question, text=_join(before, text))


def is_follow_up(text: str) -> bool:
    """Tell whether a question cannot be understood without what was said before it."""
    rest = _bare(text)
    words = _words(rest)
    if not words:
        return False
    if set(words) <= _GO_ON or not _naming(words):
        return True
    return _is_fragment(text) or _refers(rest, words)


def _bare(text: str) -> str:
    """Return a question without the words that only tie it to the one before."""
    return text[lead.end() :] if (lead := _LEAD.match(text)) else text


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _naming(words: Sequence[str]) -> list[str]:
    """Return the words that name something."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word not in STOP_WORDS and word not in _DEGREES and before != "how"
    ]


def _is_fragment(text: str) -> bool:
    """Tell whether a text is no sentence: "on Windows?", "and the price?", "what about Linux?"."""
    rest = _bare(text)
    if _ABOUT.match(rest):
        return True
    words = _words(rest)
    if len(words) > _MAX_FRAGMENT_WORDS or words[0] in _ASKING | _AUXILIARIES:
        return False
    # Without any of these it is what people type to search for something new.
    return rest != text or rest.rstrip().endswith("?") or words[0] in _PREPOSITIONS


def _refers(text: str, words: Sequence[str]) -> bool:
    """Tell whether a pronoun stands for something that the question itself does not name."""
    return any(
        (word in _PERSONAL and not _EXPLETIVE.search(text) and not _names_before(words[:i]))
        or (word in _POSSESSIVE and not _naming(words[:i]))
        or (word in _POINTING and _points_back(words, i))
        or (word in {"one", "ones"} and _stands_alone(words, i))
        or (word == "there" and 0 < i == len(words) - 1)
        or word in {"latter", "former"}
        for i, word in enumerate(words)
    )


def _names_before(words: Sequence[str]) -> bool:
    """Tell whether an earlier clause of the same question names something."""
    breaks = [i for i, word in enumerate(words) if word in _BREAKS]
    return bool(breaks) and bool(_naming(words[: breaks[-1]]))


def _points_back(words: Sequence[str], i: int) -> bool:
    after = words[i + 1] if i + 1 < len(words) else ""
    if after in _AT_HAND or after in {"who", "which", "that"}:
        return False
    # After a noun or a verb of saying, "that" only begins a clause.
    begins_clause = words[i] == "that" and i > 0 and words[i - 1] not in STOP_WORDS
    return not after or not begins_clause


def _stands_alone(words: Sequence[str], i: int) -> bool:
    """Tell whether "one" stands for a noun: "which one is cheaper", but not "one server"."""
    if i == 0 or words[i - 1] in {"no", "every", "any"}:
        return False
    return i + 1 == len(words) or words[i + 1] in STOP_WORDS


def _join(before: str, text: str) -> str:
    """Return a question completed from the one before it, which is complete itself."""
    if not before or not is_follow_up(text) or len(before.split()) > _MAX_CONTEXT_WORDS:
        return text
    if _is_fragment(text):
        fragment = _ABOUT.sub("", _bare(text), count=1).strip().rstrip("?.! ")
        if fragment:
            return _substitute(before, fragment)
    return f"{before} {text.strip()}"


def _substitute(before: str, fragment: str) -> str:
    """Put a fragment in the place of its like, or at the end."""
    stem = before.rstrip().rstrip("?.! ")
    words = list(_WORD.finditer(stem))
    wanted = _words(fragment)
    spoken = [match[0].lower() for match in words]
    if wanted[0] in _PREPOSITIONS and wanted[0] in spoken:
        first = len(spoken) - 1 - spoken[::-1].index(wanted[0])
        last = _phrase_end(spoken, first)
        return _replace(stem, words[first].start(), words[last].end(), fragment)
    if wanted[0] not in _PREPOSITIONS and wanted[-1] in spoken[1:]:
        # "the Team plan" takes the place of "the Lite plan": both end in the same word.
        last = len(spoken) - 1 - spoken[::-1].index(wanted[-1])
        first = _phrase_start(spoken, last)
        return _replace(stem, words[first].start(), words[last].end(), fragment)
    return f"{stem} {fragment}?" if wanted[0] in _PREPOSITIONS else f"{stem}? {fragment}?"


def _phrase_end(words: Sequence[str], first: int) -> int:
    """Return the last word of a prepositional phrase: the next one that names something."""
    last = first
    while last + 1 < len(words) and words[last + 1] not in _PREPOSITIONS | _BREAKS | _AUXILIARIES:
        last += 1
    return last


def _phrase_start(words: Sequence[str], last: int) -> int:
    """Return the first word of the noun phrase that ends here, its article included."""
    first = last
    while first > 0 and words[first - 1] not in STOP_WORDS:
        first -= 1
    if first > 0 and words[first - 1] in {"a", "an", "the", "our", "my", "your"}:
        first -= 1
    return first


def _replace(text: str, start: int, end: int, part: str) -> str:
    return f"{text[:start]}{part}{text[end:]}?"
