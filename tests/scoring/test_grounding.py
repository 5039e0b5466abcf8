"""How claims are compared with passages; a scripted model stands in for the network."""

from collections.abc import Sequence

import numpy as np

from nsllm.scoring.claims import claims
from nsllm.scoring.evidence import passage_chunk
from nsllm.scoring.grounding import compare, ground
from nsllm.scoring.support import Reading
from nsllm.scoring.windows import choose
from nsllm.scoring.words import content_words

SOURCE = "The cache keeps entries for 30 s. A task removes them later. It runs at night."


def embed(texts: Sequence[str]) -> np.ndarray:
    """Count hashed words: texts with the same words are near."""
    rows = np.full((len(texts), 64), 1e-3, np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in content_words(text):
            row[sum(map(ord, word)) % 64] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Model:
    """Finds support for a claim whose words the text has; keeps what it was asked."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[Reading]:
        self.pairs += pairs
        return [self._read(claim, text) for claim, text in pairs]

    def _read(self, claim: str, text: str) -> Reading:
        tokens = []
        for word in dict.fromkeys(claim.strip(".").split()):
            start = claim.index(word)
            tokens.append((start, start + len(word), 0.02 if word in text else 0.98))
        missing = sum(chance > 0.5 for *_, chance in tokens)
        return Reading(logit=max(4.0 - 4.0 * missing, -4.0), tokens=tuple(tokens))


class Sure(Model):
    """Finds support everywhere."""

    def _read(self, claim: str, text: str) -> Reading:
        return Reading(logit=8.0, tokens=())


def judged(text: str, *passages: str) -> list:
    chunks = [passage_chunk(passage) for passage in passages]
    return ground(claims(text), chunks, embed, Model())


def test_a_quotation_is_certain() -> None:
    [found] = judged("The cache keeps entries for 30 s. [1]", SOURCE)
    assert found.score == 1.0
    assert found.unsupported == ()
    assert found.evidence.text == "The cache keeps entries for 30 s."


def test_a_row_of_a_table_is_quoted_without_its_borders() -> None:
    table = "| Plan | Days | Where |\n|---|---|---|\n| Solo | 30 | On site |\n"
    [found] = judged("Solo · 30 · On site [1]", table)
    assert (found.score, found.unsupported) == (1.0, ())
    [other] = judged("Solo · 90 · On site [1]", table)
    assert other.score < 1.0


def test_of_a_quotation_only_the_window_that_has_it_is_read() -> None:
    """Quoted answers are most answers: what no reading could change is not read."""
    model, text = Model(), "The cache keeps entries for 30 s."
    passages = [passage_chunk(SOURCE), passage_chunk("Entries are kept. The cache is new.")]
    [found] = ground(claims(text), passages, embed, model)
    assert found.score == 1.0
    assert [window for _, window in model.pairs] == [text]
    other = Model()
    ground(claims("The cache keeps entries for 31 s."), passages, embed, other)
    assert len(other.pairs) > 1


def test_of_what_the_nearest_window_supports_no_other_is_read() -> None:
    model, passages = Sure(), [passage_chunk(SOURCE)]
    [found] = ground(claims("So the cache keeps entries for 30 s."), passages, embed, model)
    assert found.score > 0.85
    assert [window for _, window in model.pairs] == ["The cache keeps entries for 30 s."]


def test_what_is_not_supported_is_read_beside_each_window_once() -> None:
    """The nearest window is read before the others, and counts among them."""
    model = Model()
    text = "The cache keeps entries for 60 s."
    [found] = compare([text], [passage_chunk(SOURCE)], embed, model)
    assert found is not None
    assert found.score < 0.5
    assert len(model.pairs) > 2
    assert len(set(model.pairs)) == len(model.pairs)
    assert model.pairs[0] == (text, found.measured.nearest.text)


def test_what_differs_is_named_on_its_words() -> None:
    text = "So it is. The cache keeps entries for 60 s [1]."
    found = judged(text, SOURCE)[-1]
    assert found.score < 0.5
    assert (found.kind, found.problem) == ("number", "the source says 30 s, the text says 60 s")
    assert "60 s" in [text[start:end] for start, end in found.unsupported]


def test_the_evidence_of_what_is_unsupported_is_what_comes_nearest() -> None:
    """Here the network finds the sentence on something else less wrong; nobody would see why."""

    class Misled(Model):
        def _read(self, claim: str, text: str) -> Reading:
            return Reading(logit=-2.0 if text.startswith("Nights") else -3.0, tokens=())

    source = "Nights are long: 90 s more. The cache keeps entries for 30 s. It is small."
    [found] = ground(
        claims("The cache keeps entries for 60 s."), [passage_chunk(source)], embed, Misled()
    )
    assert found.evidence.text == "The cache keeps entries for 30 s."
    assert found.problem == "the source says 30 s, the text says 60 s"


def test_of_windows_that_all_contradict_the_one_that_speaks_of_the_claim_decides() -> None:
    """Read by a network to which the heading alone is a little less wrong."""

    class Misled(Model):
        def _read(self, claim: str, text: str) -> Reading:
            return Reading(logit=-5.0 if text == "Caches" else -5.5, tokens=())

    source = "Caches\n\nThe cache keeps entries for 30 s."
    texts = ["The cache keeps entries for 60 s."]
    [found] = compare(texts, [passage_chunk(source)], embed, Misled())
    assert found is not None
    assert "30 s" in found.measured.window.text


def test_spans_lie_in_the_text_behind_markers() -> None:
    text = "Nights [1] are when the zebra task runs and removes entries."
    [found] = judged(text, SOURCE)
    assert found.unsupported
    for start, end in found.unsupported:
        assert found.claim.start <= start < end <= found.claim.end
        assert "[" not in text[start:end]
    assert any("zebra" in text[start:end] for start, end in found.unsupported)


def test_more_passages_do_not_lower_a_score() -> None:
    text = "The cache keeps all of its entries for 30 s."
    others = [f"Page {i} tells of gardens and of rivers. Boats go there." for i in range(9)]
    [alone], [among] = judged(text, SOURCE), judged(text, SOURCE, *others)
    assert among.score >= alone.score - 1e-9
    assert among.evidence == alone.evidence


def test_stray_words_of_other_passages_lend_no_support() -> None:
    """Other passages hold the wrong number, each about something else: the verdict stays."""
    text = "The cache keeps entries for 90 s."
    others = [f"Boat {i} took 90 s to cross. Rivers are wide there." for i in range(9)]
    [alone], [among] = judged(text, SOURCE), judged(text, SOURCE, *others)
    assert alone.score < 0.5
    assert among.score < 0.5
    assert among.evidence == alone.evidence


def test_a_claim_is_compared_with_the_chunks_that_are_its_own() -> None:
    """Numbers stay those of all chunks, whichever of them a claim is compared with."""
    texts = ["The cache keeps entries for 30 s.", "Boats cross the river."]
    chunks = [passage_chunk(SOURCE), passage_chunk("Boats cross the river. It is wide.")]
    found = claims(" ".join(texts))
    own = ground(found, chunks, embed, Model(), among=[[1], [2]])
    assert [(one.score, one.evidence.marker) for one in own] == [(1.0, 1), (1.0, 2)]
    assert own == ground(found, chunks, embed, Model())
    other = ground(found, chunks, embed, Model(), among=[[2], []])
    assert other[0].score < 0.5
    assert (other[1].score, other[1].evidence) == (0.0, None)


def test_a_claim_may_join_two_passages() -> None:
    model = Model()
    claim = "The cache keeps entries, and backups go to the northern vault weekly."
    passages = [
        "The cache keeps entries. It is small.",
        "Backups go to the northern vault weekly. They are large.",
        "Boats cross the river. It is wide.",
    ]
    compare([claim], [passage_chunk(p) for p in passages], embed, model)
    assert any("keeps entries" in text and "vault" in text for _, text in model.pairs)


def test_lines_that_come_as_passages_are_read_together() -> None:
    model = Model()
    lines = [f"Line {i} is about something else." for i in range(12)]
    lines[3], lines[9] = "The cache keeps entries.", "Entries last for 30 s."
    chunks = [passage_chunk(line) for line in lines]
    compare(["The cache keeps entries for 30 s."], chunks, embed, model)
    assert any(lines[3] in text and lines[9] in text for _, text in model.pairs)


def test_without_a_sentence_nothing_is_supported() -> None:
    [found] = judged("The cache keeps entries.", "")
    assert (found.score, found.evidence) == (0.0, None)


def test_windows_are_few_and_hold_what_is_spread_out() -> None:
    parts = [f"Line {i} is about something else." for i in range(30)]
    parts[3], parts[20] = "The cache keeps entries.", "Entries last for 30 s."
    model = Model()
    compare(["The cache keeps entries for 30 s."], [passage_chunk(" ".join(parts))], embed, model)
    assert len(model.pairs) <= 6
    assert any(parts[3] in text and parts[20] in text for _, text in model.pairs)


def test_windows_fit_into_the_context() -> None:
    from nsllm.scoring.evidence import places

    found = places([passage_chunk(" ".join(["A rather long sentence " * 12 + "ends."] * 6))])
    words = [frozenset(content_words(place.text)) for place in found]
    similarity = np.ones(len(found), np.float32)
    for window in choose("A long sentence ends.", similarity, found, words):
        assert len(window.text) <= 490
