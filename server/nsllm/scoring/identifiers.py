"""The code names of a text that a workspace can be searched for."""

import builtins
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator

from nsllm.documents.sentences import Sentence, split
from nsllm.scoring.differences import Mention, mentions

_CODE = re.compile(r"`([^`\n]+)`(?!_)")
"""Code marks of Markdown; a link of reStructuredText has an underscore behind them."""
_DEFINITION = re.compile(
    r"(?:>>> |\.\.\. )?(?:(?:(?:export|public|static|async) )*"
    r"(?:def|class|function|func|fn|let|const|var|type|struct|interface|enum) +"
    r"(?P<thing>[A-Za-z_]\w*)(?:\((?P<parameters>[^)]*))?"
    r"|(?P<variable>[A-Za-z_]\w*)(?: *:[^=\n]+)? *=(?!=))"
)
_PARAMETER = re.compile(r"(?:^|,)\s*\**([A-Za-z_]\w*)")
_COMMON_FLAGS = frozenset({"--help", "--version", "--verbose", "--quiet"})
_HOST = re.compile(
    r"(?:\w+\.)+(?:com|org|net|io|dev|ai|eu|de|co|uk|gov|edu|chat|ch|cn|fr|jp|nl|pl|ru|social|wiki)\b"
    r"|(?:ftp|imap|irc|smtp|www)(?:\.\w+){2,}",
    re.IGNORECASE,
)
_URL = re.compile(r"\b[a-z][a-z+]{1,15}://[^\s<>()\"'`\]]+")
_SYSTEM_PATH = re.compile(r"/(?:dev|proc|tmp|usr|bin|sbin|opt|home|Users|root)(?:/|$)|~|.*\.exe$")
_SPECIAL = re.compile(r"_*|__\w+__|python\d(?:\.\d+)?")
"""Names that a language gives: the placeholder, what classes of Python define, its program."""
_EMPHASIS = re.compile(r"(?<![\w`])_(?=[^\W_])([^_\n`]*[^\W_])_(?![\w`])")
_PLACEHOLDER = re.compile(
    r"(?:my|your|some|foo|bar|baz|spam|eggs|example)(?:$|[\d_.-].*|(?<=my|ur|me)[A-Z].*)"
    r"|.*[/_.-](?:foo|bar|baz|spam|eggs|example)(?:\.\w+)?|My[A-Z].*|Your[A-Z].*"
)
_TITLE = re.compile(r"(?:#|//|--|;|<!--|/\*)\s*(?P<file>[\w.-]+\.\w+)\s*(?:-->|\*/)?")
"""A comment that says which file the code under it is of."""
_PROTOCOL = re.compile(r"[A-Z]+/\d[\d.]*")
_BUILT_IN = frozenset(dir(builtins)) | sys.stdlib_module_names


def code_names(text: str) -> list[Mention]:
    """Return the identifiers, flags and paths of the prose of a text, in order.

    Left out are code blocks, what they define, which is the text's own, and what is no one's
    invention: host names, the standard library of Python, system folders, --help.
    """
    sentences = split(text)
    own = {
        name
        for sentence in sentences
        if sentence.kind == "code"
        for name in _defined(text[sentence.start : sentence.end])
    }
    return [
        mention
        for sentence in sentences
        if sentence.kind != "code"
        for mention in _of_sentence(text, sentence.start, sentence.end)
        if not _is_common(mention) and mention.key not in own
    ]


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
                    for mention in _of_sentence(text, before.start, before.end)
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


def _defined(line: str) -> Iterator[str]:
    """Yield what a line of code gives a name to: a function and its parameters, a variable."""
    match = _DEFINITION.match(line)
    if match:
        yield match["thing"] or match["variable"]
        yield from _PARAMETER.findall(match["parameters"] or "")


def _of_sentence(text: str, start: int, end: int) -> Iterator[Mention]:
    # The parts of an address are no names; what is left keeps its place.
    sentence = _URL.sub(lambda match: " " * len(match[0]), text[start:end])
    sentence = _EMPHASIS.sub(lambda match: f" {match[1]} ", sentence)
    marked = [match.span(1) for match in _CODE.finditer(sentence)]
    for found in mentions(sentence):
        at = bisect_right(marked, found.start, key=lambda span: span[0]) - 1
        inside = at >= 0 and found.end <= marked[at][1]
        bare = found.kind == "identifier" and (
            not ("_" in found.text or found.text.endswith("()") or "." in found.text)
            or found.text.endswith("_")
        )
        # Outside code marks a capital in a word may be a product's name, and an underscore behind
        # one a link of reStructuredText.
        if found.kind in {"flag", "path", "identifier"} and (inside or not bare):
            if found.kind == "flag" and len(found.text) < 4:
                continue
            yield Mention(
                kind=found.kind,
                start=start + found.start,
                end=start + found.end,
                text=found.text,
                key=found.text.removesuffix("()").strip("./"),
            )


def _is_common(mention: Mention) -> bool:
    if mention.kind == "flag":
        return mention.text in _COMMON_FLAGS
    if mention.kind == "path":
        return bool(_SYSTEM_PATH.match(mention.text) or _PROTOCOL.fullmatch(mention.text))
    if _SPECIAL.fullmatch(mention.key):
        return True
    return bool(_HOST.fullmatch(mention.text)) or mention.key.split(".")[0] in _BUILT_IN
