"""Split Markdown, text and code into sentences with exact offsets.

One splitter serves claims (what a text asserts), evidence (what a passage offers) and
quotation (what an extractive answer shows), so that all three mean the same by a sentence.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

import msgspec

Kind = Literal["prose", "item", "row", "heading", "code"]
LineKind = Literal["text", "item", "row", "heading", "code", "underline", "blank"]

_PROSE_SUFFIXES = frozenset({"", ".md", ".markdown", ".mdx", ".txt", ".rst", ".adoc", ".org"})
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
_SETEXT = re.compile(r"[ ]{0,3}(?:=+|-+)[ \t]*$")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?|[ ]{0,3}\[\^[^\]\n]+\]:[ \t]+"
)
"""The mark of a list item or of a footnote."""
_LITERAL = re.compile(
    r"[ \t]*\.\.[ \t]+(?:[\w-]+:)?(?:code(?:-block)?|sourcecode|parsed-literal|prompt|doctest|"
    r"test(?:code|output|setup|cleanup)|literalinclude|raw|math|image|figure|toctree|auto\w+|_.*):"
)
"""A directive of reStructuredText that holds no prose, or a link target."""
_DIRECTIVE = re.compile(r"[ \t]*\.\.[ \t]+[\w:-]+::(?:[ \t]+|$)")
_DOCTEST = re.compile(r"[ \t]*>>>(?:[ \t]|$)")
_QUOTE = re.compile(r"(?:[ \t]*+>[ \t]?+)++")
# "**Retries.** Three times." is one sentence with its subject in front.
_LEAD_IN = re.compile(r"(?:\*\*|__)[^*_\n]{1,60}[.:!?](?:\*\*|__)")
# Possessive: a long run of dashes with something behind it has countless ways to be cut in pieces.
_RULE_ROW = re.compile(r"[ \t]*+\|?(?:[ \t]*+:?-{2,}+:?[ \t]*+\|?)++$")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_BREAK = re.compile(
    r"(?:[.!?…]+[\"'”’)\]*_]*(?:[ \t]*\[\d{1,3}\])*|(?<=[.!?])[ \t]*(?:\[\d{1,3}\])+|[。！？])"
    r"(?=\s|$)"
)
# Followed by a capital, these still go on; the others then end their sentence.
_TITLE = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|fig|figs|eq|sec|ch|vol|dr|mr|mrs|ms|prof|st|al)|\b(?-i:[A-Z]))\.$",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"\b(?:etc|approx|ca|no|nos|pp?|inc|ltd|co|corp|jr|sr|min|max|resp|incl|excl)\.$", re.IGNORECASE
)

CELLS = " · "
"""What stands between the cells of a row that is written on one line of text."""

_NEVER = sys.maxsize
"""An indentation that no line has."""

_LONGEST = 16
"""More than any abbreviation has characters, with its stop and what bounds it on the left."""


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """A span [start, end) of a text, trimmed of white space and of its list or quote mark."""

    start: int
    end: int
    kind: Kind


def is_prose(path: str) -> bool:
    """Tell whether a document of this name is read as Markdown or text, not as code."""
    return PurePosixPath(path).suffix.lower() in _PROSE_SUFFIXES


def split(text: str, *, prose: bool = True) -> list[Sentence]:
    """Split `text` into sentences in reading order; code yields one sentence a line.

    A citation marker after a full stop belongs to the sentence before it.
    """
    blocks = _blocks(text) if prose else _code_lines(text)
    sentences: list[Sentence] = []
    for start, end, kind in blocks:
        spans = _sentences(text, start, end) if kind in {"prose", "item"} else [(start, end)]
        for span in spans:
            first, last = _trim(text, *span)
            if first < last:
                sentences.append(Sentence(start=first, end=last, kind=kind))
    return sentences


def one_line(text: str, kind: Kind) -> str:
    """Return the text of a sentence on one line, and without the borders of a table."""
    text = " ".join(text.split())
    if kind == "row":
        return CELLS.join(cell for part in text.strip("|").split("|") if (cell := part.strip()))
    return text


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


def _code_lines(text: str) -> Iterator[tuple[int, int, Kind]]:
    for start, end in _lines(text):
        yield start, end, "code"


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _blocks(text: str) -> Iterator[tuple[int, int, Kind]]:
    """Yield paragraphs, list items, table rows, headings and code lines in order."""
    opened: tuple[int, int, Kind] | None = None
    for start, end, kind in _typed_lines(text):
        if kind == "text":
            opened = (opened[0], end, opened[2]) if opened else (start, end, "prose")
            continue
        if opened:
            underlined = kind == "underline" and opened[2] == "prose"
            yield opened[0], opened[1], "heading" if underlined else opened[2]
            opened = None
        if kind == "item":
            opened = (start, end, "item")
        elif kind == "row" or kind == "heading" or kind == "code":
            yield start, end, kind
    if opened:
        yield opened


def _typed_lines(text: str) -> Iterator[tuple[int, int, LineKind]]:
    """Yield each line with its kind, its start moved behind the mark of an item or heading."""
    fence = ""
    literal = _NEVER
    printed = False
    for start, end in _lines(text):
        # Without its end: `$` matches before "\n", but not before "\r\n".
        line = text[start:end].rstrip("\r\n")
        bare = line.strip()
        printed = bool(bare) and not fence and (printed or bool(_DOCTEST.match(line)))
        if fence:
            closes = bare.startswith(fence) and not bare.strip(fence[0])
            fence = "" if closes else fence
            yield start, end, "blank" if closes else "code"
        elif bare and literal < (indent := len(line) - len(line.lstrip())):
            yield start, end, "code"
        elif match := _FENCE.match(line):
            fence, literal = match[1], _NEVER
            yield start, end, "blank"
        elif not bare:
            yield start, end, "blank"
        elif printed:
            # What a prompt of Python prints stands below it, up to a blank line.
            yield start, end, "code"
        else:
            is_literal = _LITERAL.match(line)
            opens = is_literal or (bare.endswith("::") and not _DIRECTIVE.match(bare))
            literal = indent if opens else _NEVER
            if is_literal:
                yield start, end, "blank"
            else:
                kind, mark = _classify(line)
                yield start + mark, end, kind


def _classify(line: str) -> tuple[LineKind, int]:
    """Return the kind of a line outside fences, and the length of the mark that starts it."""
    if _SETEXT.match(line):
        return "underline", 0
    if _RULE_ROW.match(line):
        return "blank", 0
    if _ROW.match(line):
        return "row", 0
    if match := _HEADING.match(line):
        return "heading", match.end()
    if match := _ITEM.match(line):
        return "item", match.end()
    match = _DIRECTIVE.match(line) or _QUOTE.match(line)
    return "text", match.end() if match else 0


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _BREAK.finditer(text, start, end):
        if not _continues(text, begin, match.start() + 1, match.end(), end):
            yield begin, match.end()
            begin = match.end()
    yield begin, end


def _continues(text: str, begin: int, dot: int, stop: int, end: int) -> bool:
    """Tell whether the stop at `dot` ends an abbreviation or stands within code or a name."""
    head = text[begin:dot]
    if head.count("`") % 2 or _LEAD_IN.fullmatch(text[begin:stop].strip()):
        return True
    rest = text[stop:end].lstrip()
    if not rest:
        return False
    # Abbreviations are short, and what goes before may be very long.
    word = head[-_LONGEST:]
    if _TITLE.search(word) or (_ABBREVIATION.search(word) and not rest[:1].isupper()):
        return True
    # A lower-case word goes on with the sentence, unless it names a thing in code style.
    return rest[:1].islower() and "_" not in rest.split(maxsplit=1)[0]
