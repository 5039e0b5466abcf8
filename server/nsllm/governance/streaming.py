"""Judge a text while it is written: sentence by sentence, whatever pieces it comes in."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable

from nsllm.documents.sentences import split
from nsllm.types import Finding, Judgement, Severity

Judge = Callable[[str], Awaitable[Judgement | None]]
"""Judges the beginning of a text; None: that cannot be judged before there is more of it."""

_CURABLE = frozenset(
    {"length.short", "coherence", "language", "text.required", "json.schema", "rule.failed"}
)
"""Rules about a text as a whole: what they reject in a beginning, the rest may put right."""

_UNDERLINE = re.compile(r"^[ \t]*(?:=+|-+)[ \t]*$", re.MULTILINE)
# Whatever follows such a beginning, the line is prose, or the item of a list.
_SETTLED_LINE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?[^\W\d_]")


def finished(text: str) -> list[int]:
    """Return the offsets at which sentences end for good, whatever is written behind `text`.

    The ends found in a beginning of a text are among those found in the whole: it does not matter
    in which pieces the text came.
    """
    # An underline would make a heading of a paragraph whose sentences are finished.
    settled = _UNDERLINE.sub(lambda match: " " * len(match[0]), text)
    sentences = split(settled)
    line = max(settled.rfind(mark) for mark in "\n\r") + 1
    ends: list[int] = []
    for sentence, after in itertools.pairwise(sentences):
        # Its first word decides whether the next sentence goes on with this one, and the
        # beginning of its line whether it stands in a paragraph at all.
        word = settled[after.start : after.end].split(maxsplit=1)
        begun = len(word) > 1 or settled[after.end : after.end + 1].isspace()
        if begun and (after.start < line or _SETTLED_LINE.match(settled, line)):
            ends.append(sentence.end)
    return ends


class Gate:
    """Stands between a text in the making and who sees it.

    A gate that is strict holds every sentence until the text up to its end was judged; another one
    lets all pass at once, and judges behind it. `begun` is a beginning that was shown before.
    """

    def __init__(
        self, judge: Judge, show: Callable[[str], None], *, strict: bool, begun: str = ""
    ) -> None:
        self._judge = judge
        self._show = show
        self._strict = strict
        self._more = asyncio.Event()
        self._judged = len(begun)
        self.text = begun
        """All that was written."""
        self.shown = begun
        """What was shown, and stays."""

    def push(self, piece: str) -> None:
        """Take the next piece of the text; space before its first word is dropped."""
        piece = piece if self.text else piece.lstrip()
        if not piece:
            return
        self.text += piece
        if not self._strict:
            self._show(piece)
        self._more.set()

    async def watch(self) -> Finding:
        """Judge as sentences are finished; return what rejects the text, and until then wait."""
        while True:
            await self._more.wait()
            self._more.clear()
            finding = await self.settle()
            if finding is not None:
                return finding

    async def settle(self) -> Finding | None:
        """Judge the sentences that are finished by now; return what rejects the text."""
        ends = [end for end in finished(self.text) if end > self._judged]
        # Where all is shown already, only the latest state matters.
        for end in ends if self._strict else ends[-1:]:
            beginning = self.text[:end]
            judgement = await self._judge(beginning)
            self._judged = end
            if judgement is None:
                continue
            rejecting = [f for f in judgement.findings if f.severity is Severity.REJECT]
            final = next((f for f in rejecting if f.rule not in _CURABLE), None)
            if final is not None:
                return final
            if not rejecting:
                self.release(beginning)
        return None

    def release(self, text: str) -> None:
        """Show the text up to its end, as far as it was held back."""
        if self._strict and len(text) > len(self.shown):
            self._show(text[len(self.shown) :])
            self.shown = text
