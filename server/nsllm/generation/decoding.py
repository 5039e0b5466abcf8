"""From token ids to text, as they come."""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream


class TextDecoder:
    """Turns the tokens of one answer into text that can be shown at once.

    Half of a character is never emitted, special tokens are dropped, and at the first of `stops`
    the text ends: `stopped` is True from then on.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def push(self, ids: Iterable[int]) -> str:
        """Return the text that these tokens complete; it may be empty."""
        if not self.stopped:
            parts = (self._stream.step(self._tokenizer, token) for token in ids)
            self._held += "".join(part for part in parts if part)
        return self._release()

    def finish(self) -> str:
        """Return the text that was held back in case it began a stop."""
        text, self._held = self._held, ""
        return text

    def _release(self) -> str:
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            text, self._held = self._held[: min(found)], ""
            self.stopped = True
            return text
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that begins `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
