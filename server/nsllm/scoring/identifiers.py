"""The code names of a text that a workspace can be searched for."""

import builtins
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator

from nsllm.documents.sentences import split
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
_SYSTEM_PATH = re.compile(
    r"/(?:Applications|Library|Users|bin|data|dev|etc|home|lib|mingw64|mnt|opt|proc|root|run|sbin|sys"
    r"|tmp|usr|var)(?:/|$)|~|.*\.(?:exe|whl)$"
)
_SPECIAL = re.compile(
    r"_*|__\w+__|python(?:\d|X)(?:\.\d+)?|NaN"
    r"|x86_64|(?:manylinux|musllinux|macosx|win|linux)_?\w*_(?:x86_64|amd64|aarch64|arm64|i686)"
)
"""Names that a language gives: the placeholder, what classes of Python define, its program, what is
no number, and the machines that it is built for."""
_EMPHASIS = re.compile(r"(?<![\w`])_(?=[^\W_])([^_\n`]*[^\W_])_(?![\w`])")
_PATTERN = re.compile(r"^[}\\]|[_-]\*.?$|\{.?$|<\w$")
"""What around a name makes it part of a pattern, such as `{env}-requirements.txt` and `on_*`, or of
a name with a mark that Markdown would read."""
_COMMAND = re.compile(r"(?:[$>] *)?([A-Za-z][\w.-]*)\s")
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
        for mention in names_of_sentence(text, sentence.start, sentence.end)
        if not _is_common(mention) and mention.key not in own
    ]


def _defined(line: str) -> Iterator[str]:
    """Yield what a line of code gives a name to: a function and its parameters, a variable."""
    match = _DEFINITION.match(line)
    if match:
        yield match["thing"] or match["variable"]
        yield from _PARAMETER.findall(match["parameters"] or "")


def names_of_sentence(text: str, start: int, end: int) -> Iterator[Mention]:
    """Yield the code names of the sentence at [start, end) of a text."""
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
            around = sentence[max(0, found.start - 1) : found.end + 2]
            if _PATTERN.search(around):
                continue
            key = found.text.removesuffix("()").strip("./")
            owner = key.partition(".")[0] if found.kind == "identifier" and "." in key else None
            if found.kind == "flag" and inside:
                program = _COMMAND.match(sentence, marked[at][0])
                owner = program[1] if program else None
            yield Mention(
                kind=found.kind,
                start=start + found.start,
                end=start + found.end,
                text=found.text,
                key=key,
                owner=owner,
            )


def _is_common(mention: Mention) -> bool:
    if mention.kind == "flag":
        return mention.text in _COMMON_FLAGS
    if mention.kind == "path":
        return bool(_SYSTEM_PATH.match(mention.text) or _PROTOCOL.fullmatch(mention.text))
    if _SPECIAL.fullmatch(mention.key):
        return True
    return bool(_HOST.fullmatch(mention.text)) or mention.key.split(".")[0] in _BUILT_IN
