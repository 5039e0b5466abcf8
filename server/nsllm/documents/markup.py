"""The words of Markdown without what only marks them up."""

import re

# Neither goes on behind where another one begins: else each of many without an end would be read
# to the end of the text.
_ALT = r"(?:[^\]\n!]|!(?!\[))*+\]"
_TARGET = r"(?:\((?:[^)\n\]]|\](?!\())*+\)|\[[^\]\n]*\])"
# Code is taken first, so that nothing in it is mistaken for markup.
_MARKUP = re.compile(
    r"(?P<code>^[ \t]*(?P<fence>`{3,}|~{3,})[\s\S]*?(?:^[ \t]*(?P=fence)|\Z)|`+[^`\n]*`+)"
    r"|(?P<comment><!--(?:[^<-]|<(?!!--)|-(?!->))*+-->)"
    # An address with an optional title: what else stands behind such a mark is a footnote or prose.
    r"|(?P<definition>^[ ]{0,3}\[(?!\^)[^\]\n]+\]:[ \t]*(?:<[^<>\n]*>|[^\s<]\S*)"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*\r?$)"
    rf"|(?P<badge>\[!\[{_ALT}{_TARGET}\]{_TARGET})"
    rf"|(?P<image>!\[{_ALT}{_TARGET})"
    rf"|\[(?P<link>[^\[\]\n]*(?:\n[^\[\]\n]*)?)\]{_TARGET}"
    r"|(?P<tag></?[A-Za-z][^<>\n]*>)"
    r"|(?P<address>\bhttps?://[^\s<>)\]]+)",
    re.MULTILINE,
)


def plain(text: str) -> str:
    """Return the text with spaces for tags, images, badges, link targets and bare addresses.

    Offsets stay, as do line ends, code, and the words of links.
    """
    return _MARKUP.sub(_blanked, text)


def _blanked(match: re.Match[str]) -> str:
    if match["code"] is not None:
        return match[0]
    if match["link"] is None:
        return _spaces(match[0])
    start, end = match.span("link")
    return (
        _spaces(match[0][: start - match.start()])
        + match["link"]
        + _spaces(match[0][end - match.start() :])
    )


def _spaces(text: str) -> str:
    return "".join(character if character in "\r\n" else " " for character in text)
