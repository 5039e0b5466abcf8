"""Which code names of a text that people wrote are another's, or stand for any.

People write of the programs and libraries that theirs is used with, and give examples. A model that
answers from a workspace has no reason to.
"""

import datetime as dt
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from inspect import signature
from pathlib import PurePath

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.differences import Mention
from nsllm.scoring.identifiers import names_of_sentence

_COMMON_WORD = re.compile(r"[A-Za-z][a-z]*\d*|[A-Z]+")
"""A name without a mark of its own, such as that of a program or a variable of the shell."""
_PLACEHOLDER = re.compile(
    r"(?:my|your|some|foo|bar|baz|spam|eggs|example)(?:$|[\d_.-].*|(?<=my|ur|me)[A-Z].*)"
    r"|.*[/_.-](?:foo|bar|baz|spam|eggs|example)(?:\.\w+)?|My[A-Z].*|Your[A-Z].*"
)
_TITLE = re.compile(r"(?:#|//|--|;|<!--|/\*)\s*(?P<file>[\w.-]+\.\w+)\s*(?:-->|\*/)?")
"""A comment that says which file the code under it is of."""
_STRING = re.compile(r"(?<=[\"'])(?:--)?[A-Za-z][\w-]*(?=[\"'])")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\(https?:|`([^`<\n]*)<https?:")
"""The words of a link to elsewhere, in Markdown and reStructuredText."""
_PROJECT_FILES = frozenset(
    (
        *("package.json", "pyproject.toml", "setup.cfg", "setup.py", "tox.ini"),
        *("requirements.in", "requirements.txt"),
    )
)
"""Files that any project may have."""


def borrowed(text: str) -> Callable[[Mention], bool]:
    """Return what tells of a code name of `text` that it is another's, or stands for any."""
    shown = example_files(text)
    quoted = frozenset(_quoted_in_code(text))
    links = [match.span(match.lastindex or 0) for match in _LINK.finditer(text)]

    def is_borrowed(name: Mention) -> bool:
        return (
            name.is_foreign
            or bool(_COMMON_WORD.fullmatch(name.text))
            or is_placeholder(name.key)
            or name.key in shown
            or name.key in quoted
            or name.key in _PROJECT_FILES
            or name.key in _standard()
            or _within(links, name)
        )

    return is_borrowed


def _within(spans: Sequence[tuple[int, int]], name: Mention) -> bool:
    """Tell whether one of the spans, in order, holds the name."""
    at = bisect_right(spans, name.start, key=lambda span: span[0]) - 1
    return at >= 0 and name.end <= spans[at][1]


def _quoted_in_code(text: str) -> Iterator[str]:
    """Yield the strings of the code blocks of a text: the data that its examples are about."""
    for sentence in split(text):
        if sentence.kind == "code":
            yield from _STRING.findall(text, sentence.start, sentence.end)


def example_files(text: str) -> frozenset[str]:
    """Return the keys of the files that a text shows itself: named right before code, or in it.

    A file in a folder is none: it is said to be there already.
    """
    found: set[str] = set()
    before: Sentence | None = None
    for sentence in split(text):
        if sentence.kind == "code":
            if before is not None and before.kind != "code":
                found |= {
                    mention.key
                    for mention in names_of_sentence(text, before.start, before.end)
                    if mention.kind == "path" and "/" not in mention.key
                }
            title = _TITLE.fullmatch(text[sentence.start : sentence.end].strip())
            if title:
                found.add(title["file"])
        before = sentence
    return frozenset(found)


def is_placeholder(name: str) -> bool:
    """Tell whether a name stands for any other, as `my_function` and `foo.py` do."""
    return bool(_PLACEHOLDER.fullmatch(name))


@cache
def _standard() -> frozenset[str]:
    """Return the names of what programs in Python handle every day, and of what json takes."""
    kinds = (str, bytes, int, float, list, dict, set, dt.date, dt.datetime, PurePath)
    methods = {name for kind in kinds for name in dir(kind)}
    options = {name for call in (json.dumps, json.loads) for name in signature(call).parameters}
    return frozenset(methods | options)
