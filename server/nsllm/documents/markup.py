"""The words of Markdown without what only marks them up."""

import re

# Code is taken first, so that nothing in it is mistaken for markup.
_MARKUP = re.compile(
    r"(?P<code>^[ \t]*(?P<fence>`{3,}|~{3,})[\s\S]*?(?:^[ \t]*(?P=fence)|\Z)|`+[^`\n]*`+)"
    r"|(?P<comment><!--[\s\S]*?-->)"
    r"|(?P<definition>^[ ]{0,3}\[[^\]\n]+\]:[^\n]*$)"
    r"|(?P<badge>\[!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])\](?:\([^)\n]*\)|\[[^\]\n]*\]))"
    r"|(?P<image>!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]))"
    r"|\[(?P<link>[^\[\]\n]*(?:\n[^\[\]\n]*)?)\](?:\([^)\n]*\)|\[[^\]\n]*\])"
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
