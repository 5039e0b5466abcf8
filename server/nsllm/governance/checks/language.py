"""Parts of a text that are in another language than is wanted."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from nsllm.documents.sentences import Sentence, split
from nsllm.governance.rules import Count, Observation, Options, Rule, Subject, Unit
from nsllm.types import Severity

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_NO_WORDS = re.compile(r"`[^`]*`|https?://\S+|<[^<>]+>|\[\d{1,3}\]|(?<![\w.])[\w.]*[_/\\@=]\S*")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


class LanguageOptions(Options, frozen=True, kw_only=True):
    """Options of the rule about languages."""

    severity: Severity = Severity.WARN
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages that are wanted, such as `en`; none: any."""
    min_words: Count = 6
    """Shorter sentences are too short to tell."""
    confidence: Unit = 0.95
    """What the likeliest language must reach before a sentence counts as in it."""


def find_others(subject: Subject, options: LanguageOptions) -> Iterator[Observation]:
    """Find sentences that are surely in a language which is not wanted."""
    if not options.languages:
        return
    for sentence in split(subject.text):
        words = _words_of(subject.text, sentence)
        if sentence.kind == "code" or not _is_long_enough(words, options.min_words):
            continue
        language, probability = _identifier().classify(words)
        if language not in options.languages and probability >= options.confidence:
            wanted = " or ".join(options.languages)
            message = f"This reads as {language} ({probability:.2f}); {wanted} is wanted."
            yield Observation(start=sentence.start, end=sentence.end, message=message)


def _words_of(text: str, sentence: Sentence) -> str:
    return " ".join(_NO_WORDS.sub(" ", text[sentence.start : sentence.end]).split())


def _is_long_enough(words: str, minimum: int) -> bool:
    return len(words.split()) >= minimum or len(_UNSPACED.findall(words)) >= 2 * minimum


@cache
def _identifier() -> "LanguageIdentifier":
    # Its model takes a second and 100 MB: only who names a language pays for it.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


RULES = (
    Rule(
        id="language",
        summary="A sentence in another language than those in `languages`.",
        find=find_others,
        options=LanguageOptions(),
        advice="Translate it, or add its language to `languages`.",
    ),
)
