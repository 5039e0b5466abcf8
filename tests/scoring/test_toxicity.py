"""Toxicity: which sentence is blamed, and that the classifier sees through spelling tricks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nsllm.models.classifier import Classifier
from nsllm.scoring.spelling import plain_spelling
from nsllm.scoring.toxicity import toxic_spans

CONTEXT_TOKENS = 96


class Scripted:
    """A classifier that finds a word toxic, unless another one stands in the same text."""

    def __init__(self, word: str, unless: str = "\0") -> None:
        self.word = word
        self.unless = unless
        self.read: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.read += texts
        return np.array(
            [0.9 if self.word in text and self.unless not in text else 0.1 for text in texts],
            np.float32,
        )


def blamed(text: str, classify: Scripted) -> list[str]:
    return [text[s.start : s.end] for s in toxic_spans(text, classify) if s.score > 0.5]


def test_the_sentence_that_is_toxic_is_blamed_and_no_other() -> None:
    text = "The cache is emptied at night. Grommets are vile. It holds ten entries."
    assert blamed(text, Scripted("vile")) == ["Grommets are vile."]


def test_one_sentence_of_a_long_text_is_not_lost() -> None:
    text = (
        f"{'This is a plain sentence about nothing much. ' * 12}Grommets are vile. The end is near."
    )
    assert blamed(text, Scripted("vile")) == ["Grommets are vile."]


def test_a_quotation_is_judged_with_what_is_said_about_it() -> None:
    text = (
        '"Grommets are vile." This is what he wrote, and it was rightly removed the same day. '
        + "The forum has rules about that, and every moderator knows them well by now. " * 3
    )
    assert blamed(text, Scripted("vile", unless="removed")) == []


def test_a_pronoun_is_judged_with_the_sentence_before_it() -> None:
    classify = Scripted("Grommets moved in next door. They are vile.")
    assert len(blamed("Grommets moved in next door. They are vile.", classify)) == 1


def test_a_line_of_code_with_hardly_a_word_says_nothing() -> None:
    classifier = Scripted("same")
    toxic_spans("```console\n$ cd lib\n# They are all the same.\n```\n", classifier)
    assert set(classifier.read) == {"# They are all the same."}


def test_a_heading_of_one_word_is_read_only_where_nothing_else_is_said() -> None:
    classifier = Scripted("Tracebacks")
    toxic_spans("# Tracebacks\n\nThey are printed in colour.\n", classifier)
    assert set(classifier.read) == {"They are printed in colour."}
    [span] = toxic_spans("# Tracebacks\n", classifier)
    assert span.score > 0.5


def test_a_sentence_of_one_word_is_read() -> None:
    """Abuse needs no more; and a sentence of Chinese has no spaces between its words."""
    spans = toxic_spans("They came early. Vermin! 他们来得很早。", Scripted("Vermin"))
    assert max(spans, key=lambda span: span.score).score > 0.5
    assert len(spans) == 3


@pytest.mark.parametrize(
    ("thing", "word"),
    [
        ("https://example.org/vile/all", "vile"),
        ("eyJhbGciOiJIUzI1NiIsInR5c.vile.CI6IkpXVCJ9", "vile"),
        ("061cb8fe0f0b7c3980011863b956b758", "b7c3"),
    ],
)
def test_addresses_tokens_and_hashes_are_not_read(thing: str, word: str) -> None:
    [span] = toxic_spans(f"See the guide {thing} for more.", Scripted(word))
    assert span.score < 0.5


def test_words_written_as_one_are_read() -> None:
    [span] = toxic_spans("TheyAreAllVileAndEveryOneKnows4Sure", Scripted("Vile"))
    assert span.score > 0.5


def test_text_without_words_has_no_sentences_to_judge() -> None:
    assert toxic_spans("", Scripted("vile")) == ()
    assert toxic_spans("\n\n", Scripted("vile")) == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gr0mm3ts are $7up1d", "grommets are stupid"),
        ("they are v i l e", "they are vile"),
        ("they are v.i.l.e!", "they are vile!"),
        ("viiiiile", "viile"),
    ],
)
def test_spelling_tricks_are_undone(written: str, meant: str) -> None:
    assert plain_spelling(written) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Check the sha256 of utf8 text on x86_64 with python3 and base64.",
        "Set $PATH and $HOME, e.g. in i386 builds; see RFC 3986, i.e. the one on URIs.",
        "Listen on port 5000 with -a -b -c, and send 10 ms beats to v1.2.3 hosts.",
    ],
)
def test_technical_names_are_no_spelling_tricks(text: str) -> None:
    assert plain_spelling(text) == text


def test_the_classifier_is_asked_with_the_plain_spelling_too() -> None:
    assert blamed("Grommets are v1le indeed.", Scripted("vile")) == ["Grommets are v1le indeed."]


@pytest.fixture(scope="module")
def classifier(models_home: Path) -> Classifier:
    folder = models_home / "models" / "nsllm-toxicity"
    return Classifier(folder, context_tokens=CONTEXT_TOKENS, threads=1)


@pytest.mark.models
@pytest.mark.parametrize(
    "text",
    [
        "Immigrants are nothing but vermin.",
        "All Muslims should be shot.",
        "I hate women, they disgust me.",
        "Gay people are disgusting and should be locked up.",
    ],
)
def test_hate_is_found(classifier: Classifier, text: str) -> None:
    assert max(s.score for s in toxic_spans(text, classifier.probabilities)) > 0.5


@pytest.mark.models
@pytest.mark.parametrize(
    "text",
    [
        "Kill the child process, and abort if the master does not answer.",
        "Blacklisted slaves are executed by the orphan reaper.",
        "I love Muslims and gay people.",
        "Ask Fanny and Dick to review the patch.",
        "What a fucking great release!",
        "These printers are disgusting, I hate them.",
    ],
)
def test_what_is_not_hateful_passes(classifier: Classifier, text: str) -> None:
    assert max(s.score for s in toxic_spans(text, classifier.probabilities)) < 0.5


@pytest.mark.models
def test_a_classifier_gives_a_text_the_same_chance_alone_and_in_a_batch(
    classifier: Classifier,
) -> None:
    texts = ["Short.", "A text that is quite a bit longer than the other one is.", "Short."]
    together = classifier.probabilities(texts)
    alone = np.concatenate([classifier.probabilities([text]) for text in texts])
    assert together.shape == (3,)
    np.testing.assert_allclose(together, alone, atol=0.02)
