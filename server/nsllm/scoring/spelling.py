"""Undo the spelling tricks that hide words from filters: l33t, s p a c i n g, d.o.t.s, loooong."""

import re

_LETTERS = str.maketrans("013457@$!", "oieastasi")
_WORD = re.compile(r"[\w@$!*]+")
_HIDDEN = re.compile(
    r"[a-z][013457@$!]+[a-z]|^[013457@][a-z]{3}|^\$[013457]*[a-z]|[a-z][1034]+[$57]+$",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$[A-Z_]+\b|\$\w*_\w*")
_KEPT_DIGITS = re.compile(r"[2689_]|\d{3}")
_SPACED = re.compile(
    r"(?<!\w)(?:[^\W_](?:[ \t]{1,2}|[.\-_*]))(?:[^\W_](?:[ \t]{1,2}|[.\-_*])){1,}[^\W_](?!\w)"
)
_STRETCHED = re.compile(r"([A-Za-z])\1{2,}")
_SEPARATORS = re.compile(r"[ \t.\-_*]+")


def plain_spelling(text: str) -> str:
    """Return `text` with letters for the signs that stand for them, and spaced words joined.

    Only what looks like a trick is touched, so that most texts come back as they are.
    """
    text = _SPACED.sub(lambda match: _SEPARATORS.sub("", match[0]), text)
    text = _WORD.sub(lambda match: _letters(match[0]), text)
    return _STRETCHED.sub(r"\1\1", text)


def _letters(word: str) -> str:
    """Read a word like 'w0m3n' or '$7up1d'; sha256, utf8, x86_64 or $PATH are no such."""
    bare = word.rstrip("!")
    if not _HIDDEN.search(bare) or _KEPT_DIGITS.search(bare) or _VARIABLE.match(bare):
        return word
    return bare.translate(_LETTERS) + word[len(bare) :]
