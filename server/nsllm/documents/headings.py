"""The outline of a document: Markdown headings, or definitions in code."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".mkd", ".qmd", ".rmd"})
PLAIN_SUFFIXES = frozenset({"", ".txt", ".text", ".rst", ".adoc", ".org", ".log", ".csv", ".tsv"})

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]++(.*?)(?<![ \t]))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NO_PARAGRAPH = re.compile(r"[ \t]*(?:[-*+>|]|\d+[.)])[ \t]|\t| {4}")
_MARKUP = re.compile(r"[*_`]|!?\[([^\]]{0,500})\]\([^)]{0,1000}\)")
_DEFINITION = re.compile(
    r"([ \t]*)(?:(?:export|default|public|private|protected|internal|abstract|final|static|async|"
    r"pub(?:\([a-z]+\))?|unsafe|sealed|partial|data|open|override)[ \t]+)*"
    r"(?:def|class|function\*?|func|fun|fn|interface|struct|enum|trait|impl|module|namespace|"
    r"object|protocol|extension|record)[ \t]+(?:\([^)]*\)[ \t]*)?([A-Za-z_$][\w$]*)"
)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The span [start, end) from one heading to the next, and the trail that leads to it."""

    start: int
    end: int
    trail: tuple[str, ...]


def is_markdown(path: str) -> bool:
    """Tell whether a document of this name is Markdown."""
    return PurePosixPath(path).suffix.lower() in MARKDOWN_SUFFIXES


def sections(path: str, text: str) -> list[Section]:
    """Return the sections that tile `text`, in order; one without headings is one section."""
    if is_markdown(path):
        marks: Iterator[tuple[int, int, str]] = _markdown_headings(text)
    elif PurePosixPath(path).suffix.lower() in PLAIN_SUFFIXES:
        marks = iter(())
    else:
        marks = _definitions(text)
    trail: list[tuple[int, str]] = []
    result: list[Section] = []
    start = 0
    for offset, level, name in marks:
        if offset > start:
            result.append(_section(start, offset, trail))
        start = offset
        trail = [entry for entry in trail if entry[0] < level]
        trail.append((level, name))
    if start < len(text):
        result.append(_section(start, len(text), trail))
    return result


def is_bare_heading(text: str) -> bool:
    """Tell whether Markdown `text` is one heading with nothing under it."""
    first, *rest = text.strip().splitlines() or [""]
    if _ATX.match(first):
        return not rest
    return len(rest) == 1 and bool(_SETEXT.match(rest[0]))


def _section(start: int, end: int, trail: list[tuple[int, str]]) -> Section:
    return Section(start=start, end=end, trail=tuple(name for _, name in trail if name))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for match in _LINE.finditer(text):
        yield match.start(), match[0].rstrip("\r\n")


def _markdown_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield offset, level and name of ATX and setext headings outside of fences."""
    fence = ""
    previous: tuple[int, str] | None = None
    front_matter = False
    for offset, line in _lines(text):
        if front_matter or (offset == 0 and line.rstrip() == "---"):
            front_matter = offset == 0 or line.rstrip() not in {"---", "..."}
            continue
        if fence:
            bare = line.strip()
            if bare.startswith(fence) and not bare.strip(fence[0]):
                fence = ""
            continue
        if match := _FENCE.match(line):
            fence, previous = match[1], None
        elif match := _ATX.match(line):
            yield offset, len(match[1]), _plain(match[2] or "")
            previous = None
        elif previous and (match := _SETEXT.match(line)):
            yield previous[0], 1 if match[1][0] == "=" else 2, _plain(previous[1])
            previous = None
        else:
            paragraph = line.strip() and not _NO_PARAGRAPH.match(line)
            previous = (offset, line) if paragraph else None


def _definitions(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield offset, depth by indentation, and name of what looks like a definition."""
    for offset, line in _lines(text):
        if match := _DEFINITION.match(line):
            yield offset, len(match[1].expandtabs(4)), match[2]


def _plain(heading: str) -> str:
    return _MARKUP.sub(lambda match: match[1] or "", heading).strip()
