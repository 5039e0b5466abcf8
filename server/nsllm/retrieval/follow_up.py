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
_ABOUT = re.compile(r"(?<!\s)\s*+(?:what|how)\s+about\b\s*", re.IGNORECASE)
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
_ARTICLES = frozenset("a an our my the your".split())
_BE = frozenset("am are is was were".split())
_PARTICIPLES = frozenset(
    "bought brought built cut done found held kept left lost made meant paid put read run sent set "
    "told".split()
)
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
    """Return the question as it would be asked by itself, in one sentence: readers want one.

    One that is no follow-up loses its history: nothing in it refers to what was said before.
    """
    text = question.text
    if not question.history or not is_follow_up(text):
        return msgspec.structs.replace(question, history=())
    return msgspec.structs.replace(question, text=_join(_before(question), text))


def search_text(question: Question) -> str:
    """Return what to search for: the words of a completed question, and what it was about."""
    if not question.history or len(before := _before(question).split()) > _MAX_CONTEXT_WORDS:
        return question.text
    return " ".join([*before, question.text])


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


def _before(question: Question) -> str:
    """Return the question before this one, completed from those before it."""
    before = ""
    for turn in question.history:
        before = _join(before, turn.question)
    return before


def _join(before: str, text: str) -> str:
    """Return a question completed from the one before it, which is complete itself."""
    if not before or not is_follow_up(text) or len(before.split()) > _MAX_CONTEXT_WORDS:
        return text
    rest = _bare(text).strip()
    words = _words(rest)
    if set(words) <= _GO_ON:
        return before
    if _is_fragment(text):
        fragment = _ABOUT.sub("", rest, count=1).strip().rstrip("?.! ")
        return _substitute(before, fragment) if _words(fragment) else text
    pronouns = _PERSONAL | _POSSESSIVE
    if words[0] in _ASKING and not _naming(words) and not pronouns.intersection(words):
        return _ask_otherwise(before, words)
    subject = topic(before)
    return _name(rest, subject) if subject else text


def _substitute(before: str, fragment: str) -> str:
    """Put a fragment in the place of its like, or at the end."""
    stem = before.rstrip().rstrip("?.! ")
    words = list(_WORD.finditer(stem))
    spoken = [match[0].lower() for match in words]
    wanted = _words(fragment)
    subject = topic(before)
    if wanted[0] in _PREPOSITIONS:
        if wanted[0] not in spoken:
            return f"{stem} {fragment}?"
        first = _last(spoken, wanted[0])
        return _replace(
            stem, words[first].start(), words[_phrase_end(spoken, first)].end(), fragment
        )
    if wanted[-1] in spoken[1:]:
        # "the Team plan" takes the place of "the Lite plan": both end in the same word.
        last = _last(spoken, wanted[-1])
        return _replace(
            stem, words[_phrase_start(spoken, last)].start(), words[last].end(), fragment
        )
    names = [match for match in words[1:] if match[0][0].isupper()]
    if names and fragment[0].isupper() and len(wanted) == 1:
        return _replace(stem, names[-1].start(), names[-1].end(), fragment)
    if wanted[0] in _ARTICLES:
        return f"{fragment} of {subject}?" if subject else f"{fragment}?"
    return stem.replace(subject, fragment, 1) + "?" if subject else f"{stem}? {fragment}?"


def _ask_otherwise(before: str, words: Sequence[str]) -> str:
    """Ask with other question words: "why?" after "how long are readings kept?"."""
    spoken = list(_WORD.finditer(before))
    verb = next((match for match in spoken if match[0].lower() in _AUXILIARIES), None)
    lead = [word for word in words if word in _ASKING | _DEGREES]
    return f"{' '.join(lead).capitalize()} {before[verb.start() :]}" if verb else before


def _name(text: str, subject: str) -> str:
    """Put what was spoken of in the place of the pronoun that stands for it."""
    words = list(_WORD.finditer(text))
    spoken = [match[0].lower() for match in words]
    for i, (match, word) in enumerate(zip(words, spoken, strict=True)):
        after = spoken[i + 1] if i + 1 < len(spoken) else ""
        alone = word in _POINTING and (not after or after in STOP_WORDS | _AUXILIARIES)
        if word in _PERSONAL or (alone and _points_back(spoken, i)):
            return f"{text[: match.start()]}{subject}{text[match.end() :]}"
        if word in _POSSESSIVE:
            return f"{text[: match.start()]}{subject}'s{text[match.end() :]}"
    return text


def topic(question: str) -> str:
    """Return the words of a question that a pronoun after it stands for; empty if there are none.

    By the order of words in English: the subject behind the auxiliary, or what is done to it.
    """
    words = list(_WORD.finditer(question))
    spoken = [match[0].lower() for match in words]
    verb = next((i for i, word in enumerate(spoken) if word in _AUXILIARIES), None)
    phrases = _phrases(spoken, 0 if verb is None else verb + 1)
    if not phrases:
        return ""
    first, last = phrases[0]
    if verb is None:
        # "Who checks the backups?": the verb itself comes first.
        first, last = phrases[-1] if len(phrases) > 1 else (min(first + 1, last), last)
    elif first > verb + 2 or spoken[first - 1] in {"i", "we", "you"}:
        first, last = phrases[-1] if len(phrases) > 1 else (min(first + 1, last), last)
    elif last > first and _ends_in_verb(spoken, verb, last):
        last -= 1
    following = [phrase for phrase in phrases if phrase[0] > last]
    if following and "of" in spoken[last + 1 : following[0][0]]:
        first, last = following[0]
    if first > 0 and spoken[first - 1] in _ARTICLES:
        first -= 1
    return question[words[first].start() : words[last].end()]


def _phrases(words: Sequence[str], start: int) -> list[tuple[int, int]]:
    """Return the runs of words that name something: indices of first and last."""
    found: list[tuple[int, int]] = []
    for i in range(start, len(words)):
        if words[i] in STOP_WORDS | _ASKING | _DEGREES | _PREPOSITIONS:
            continue
        if found and found[-1][1] == i - 1:
            found[-1] = found[-1][0], i
        else:
            found.append((i, i))
    return found


def _ends_in_verb(words: Sequence[str], verb: int, last: int) -> bool:
    if words[verb] not in _BE:
        return True
    return words[last].endswith(("ed", "en")) or words[last] in _PARTICIPLES


def _last(words: Sequence[str], word: str) -> int:
    return len(words) - 1 - words[::-1].index(word)


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
    if first > 0 and words[first - 1] in _ARTICLES:
        first -= 1
    return first


def _replace(text: str, start: int, end: int, part: str) -> str:
    return f"{text[:start]}{part}{text[end:]}?"
