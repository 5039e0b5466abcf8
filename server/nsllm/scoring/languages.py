"""Which language a sentence is in, told by its script and its most frequent words."""

import re
import unicodedata
from collections import Counter

_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"`[^`]*`|\S{0,200}[_/\\@=<>]\S*")
_FREQUENT = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that for it as with on be by are this from or have an not can "
        "was which will you if when has at but all they its use used there their we one",
        "de": "der die das und ist nicht ein eine mit von zu den dem des wird werden auf für im "
        "sich auch es oder wenn bei aus nach vor durch nur über man wurde sind kann sie er wie",
        "fr": "le la les des est et une un du dans pour que qui pas sur avec par sont ce cette il "
        "elle au aux ne se plus ou mais on peut vous nous être si d l n qu",
        "es": "el la los las de y que en un una es por con para del se no su al como más pero "
        "sus si este está son cuando puede también ser o lo le",
        "it": "il la le gli di che e un una è per con del della non si da in sono come più anche "
        "al se dei nel alla questo viene essere ma o i lo",
        "pt": "o a os as de que e do da em um uma para com não por mais se na no como dos foi ao "
        "ele das tem seu sua ou quando ser são está assim",
        "nl": "de het een en van in is dat op te zijn met voor niet die er aan om ook als bij "
        "door naar wordt worden maar dan nog deze kan u opnieuw zodra",
    }.items()
}


def language_of(sentence: str) -> str | None:
    """Return a code such as `en`, or the script such as `cyrillic`; None where it is unclear."""
    prose = _CODE.sub(" ", sentence)
    script = _script(prose)
    if script is None or script != "latin":
        return script
    words = [word.lower() for word in _WORD.findall(prose)]
    if len(words) < 5:
        return None
    hits = {name: sum(word in known for word in words) for name, known in _FREQUENT.items()}
    ranked = sorted(hits, key=lambda name: -hits[name])
    best, second = hits[ranked[0]], hits[ranked[1]]
    return ranked[0] if best >= 3 and best >= 2 * second else None


def _script(text: str) -> str | None:
    """Return the script of most letters, None where there are fewer than four."""
    scripts = Counter(
        "latin" if char.isascii() else unicodedata.name(char, "other").split()[0].lower()
        for char in text
        if char.isalpha()
    )
    if sum(scripts.values()) < 4:
        return None
    return scripts.most_common(1)[0][0]
