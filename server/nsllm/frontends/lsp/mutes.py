"""Comments that mute a rule: `nsllm-ignore RULE` on the line above."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import PurePosixPath

from nsllm.frontends.lsp.positions import Lines, Span

_COMMENT = re.compile(
    r"^[ \t]*+(?:<!--|#|//|--|;+|%|/\*|\.\.|\"|')?[ \t]*+nsllm-ignore[ \t]++"
    r"([\w.\-]+(?:[ \t,]+[\w.\-]+)*?)[ \t]*+(?:-->|\*/)?[ \t]*+$"
)
_HASH = "py pyi rb sh bash zsh fish yaml yml toml pl r mk cmake ps1 tf nix ex exs jl cfg conf"
_SLASH = "js jsx ts tsx mjs cjs c h cc cpp hpp cs java kt go rs swift scala dart php zig proto"
_COMMENTS = (
    {f".{suffix}": "# {}" for suffix in _HASH.split()}
    | {f".{suffix}": "// {}" for suffix in _SLASH.split()}
    | {f".{suffix}": "-- {}" for suffix in ("sql", "lua", "hs", "elm")}
    | {f".{suffix}": "/* {} */" for suffix in ("css", "scss", "less")}
    | {f".{suffix}": "; {}" for suffix in ("ini", "lisp", "clj", "el", "asm")}
    | {f".{suffix}": "% {}" for suffix in ("tex", "erl")}
    | {".rst": ".. {}"}
)


def comment(path: str, rule: str) -> str:
    """Return the comment that mutes a rule, in the syntax of the document at `path`."""
    name = PurePosixPath(path)
    hashed = name.name in {"Dockerfile", "Makefile", ".gitignore", ".env"}
    syntax = "# {}" if hashed else _COMMENTS.get(name.suffix.lower(), "<!-- {} -->")
    return syntax.format(f"nsllm-ignore {rule}")


class Muted:
    """A text without its muting comments, and what they mute.

    The comments are cut out whole lines, so that a sentence goes on through one; `restore`
    takes spans of `text` back to the whole text.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._rules: dict[int, frozenset[str]] = {}
        kept: list[str] = []
        self._starts: list[int] = [0]
        """Where each kept piece starts in `text`, and what was cut before it."""
        self._cut: list[int] = [0]
        copied = 0
        for number in range(len(lines)):
            start, end = lines.span(number)
            match = _COMMENT.match(lines.text[start:end])
            if not match:
                continue
            self._rules[number] = frozenset(re.split(r"[ \t,]+", match[1]))
            next_line = lines.span(number + 1)[0] if number + 1 < len(lines) else end
            kept.append(lines.text[copied:start])
            copied = next_line
            self._starts.append(sum(map(len, kept)))
            self._cut.append(copied - self._starts[-1])
        kept.append(lines.text[copied:])
        self.text = "".join(kept)

    def restore(self, span: Span) -> Span:
        """Return the span in the whole text of a span of `text`."""
        start = span[0] + self._cut[bisect_right(self._starts, span[0]) - 1]
        if span[0] == span[1]:
            return start, start
        last = span[1] - 1
        return start, last + self._cut[bisect_right(self._starts, last) - 1] + 1

    def reduce(self, span: Span) -> Span:
        """Return the span in `text` of a span of the whole text, without what was cut."""
        return self._reduced(span[0]), self._reduced(span[1])

    def mutes(self, rule: str, span: Span) -> bool:
        """Tell whether a finding of `rule` on a span of the whole text is muted."""
        line = self._lines.line_at(span[0])
        rules: Iterable[str] = self._rules.get(line - 1, ())
        # Several comments may stand above one line.
        while line - 1 in self._rules:
            if rule in rules or "all" in rules:
                return True
            line -= 1
            rules = self._rules.get(line - 1, ())
        return False

    def _reduced(self, offset: int) -> int:
        """Return the first offset of `text` whose character is at or behind `offset`."""
        for start, cut, next_start in zip(
            self._starts, self._cut, [*self._starts[1:], len(self.text)], strict=True
        ):
            if offset - cut <= next_start:
                return max(start, offset - cut)
        return len(self.text)
