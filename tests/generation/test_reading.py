"""How passages are read: each sentence in its passage, and what that makes of a question."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.test_adapter import write_adapter
from models.tiny import write_bert
from nsllm.documents.joined import Joined
from nsllm.generation.reader import Marks, PassageReader, sheet
from nsllm.generation.reading import Reading, rank, read
from nsllm.models.adapter import import_adapter
from nsllm.types import Chunk, Passage, ignore_progress

TEXT = """## Retention

Raw readings are kept for 30 days. Then they go.

| Plan | Days |
|---|---|
| Basic | 30 |
"""


def passage(text: str, path: str = "a.md", *, similarity: float = 0.5) -> Passage:
    chunk = Chunk(
        path=path,
        start=0,
        end=len(text),
        start_line=1,
        end_line=1,
        text=text,
        heading="Guide > Storage",
    )
    return Passage(chunk=chunk, score=0.5, similarity=similarity)


class Scripted(PassageReader):
    """Marks sentences by the words in them, and keeps what it was given."""

    def __init__(self, odds: dict[str, float]) -> None:
        self.odds = odds
        self.sheets: list[Joined] = []

    def read(self, question: str, sheets: Sequence[Joined]) -> list[Marks]:
        self.sheets += sheets
        found = []
        for one in sheets:
            odds = [self._odds_of(one.text[start:end]) for start, end in one.spans]
            found.append(Marks(sentences=np.array(odds, float), passage=max(odds, default=0.0)))
        return found

    def _odds_of(self, text: str) -> float:
        return sum(value for word, value in self.odds.items() if word in text)


def read_with(odds: dict[str, float], *passages: Passage) -> Reading:
    return read("How long?", passages, Scripted(odds))


def test_a_passage_is_read_whole_under_its_heading() -> None:
    reader = Scripted({})
    read("How long?", [passage(TEXT)], reader)
    [one] = reader.sheets
    assert one.text == (
        "Storage | Retention | Raw readings are kept for 30 days. | Then they go. | "
        "Plan · Days | Basic · 30"
    )
    assert [one.text[start:end] for start, end in one.spans][2:4] == [
        "Then they go.",
        "Plan · Days",
    ]


def test_candidates_are_all_sentences_but_headings_the_likeliest_first() -> None:
    reading = read_with({"kept": 2.0, "Basic": 3.0, "Retention": 9.0}, passage(TEXT))
    assert [c.quote for c in reading.candidates][:2] == [
        "Basic · 30",
        "Raw readings are kept for 30 days.",
    ]
    assert all("Retention" not in c.quote for c in reading.candidates)


def test_what_no_passage_answers_is_less_likely_answered() -> None:
    likely = read_with({"kept": 4.0}, passage(TEXT))
    headings = {"Storage": -8.0, "Retention": -8.0}
    unlikely = read_with({"kept": -6.0, "go": -8.0, "·": -8.0, **headings}, passage(TEXT))
    assert unlikely.confidence < 0.5 < likely.confidence
    assert Reading(candidates=()).confidence == 0.0


@pytest.mark.parametrize(
    ("question", "reworded", "absent"),
    [
        ("Are readings kept in storage?", 0, 0),
        ("Are measurements preserved in storage?", 2, 0),
        ("Are readings kept in Redis?", 0, 1),
        ("Are readings kept in /var/lib?", 0, 2),
        ("Redis, are readings kept?", 1, 0),
    ],
)
def test_a_question_in_other_words_is_no_question_about_something_else(
    question: str, reworded: int, absent: int
) -> None:
    reading = read(question, [passage(TEXT)], Scripted({}))
    assert (reading.reworded, reading.absent) == (reworded, absent)


def test_other_words_are_made_up_for_and_an_unknown_name_is_held_against_an_answer() -> None:
    reading = read_with({"kept": 2.0}, passage(TEXT))
    plain, reworded, absent = (
        msgspec.structs.replace(reading, reworded=words, absent=names).confidence
        for words, names in ((0, 0), (2, 0), (0, 1))
    )
    assert absent < plain < reworded


def test_passages_are_ordered_by_their_best_sentence() -> None:
    dull, good = passage("Nothing here.", "dull.md"), passage(TEXT, "good.md")
    reading = read_with({"kept": 4.0, "Nothing": -4.0}, dull, good)
    assert [p.chunk.path for p in rank([dull, good], reading)] == ["good.md", "dull.md"]
    assert {c.passage.chunk.path for c in reading.within([dull]).candidates} == {"dull.md"}


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PassageReader:
    """A tiny reader with random weights and few positions."""
    monkeypatch.setattr("nsllm.generation.reader._PASSAGE_TOKENS", 30)
    write_bert(tmp_path / "bert")
    write_adapter(tmp_path / "adapter.safetensors", tokens=True)
    (tmp_path / "reader").mkdir()
    import_adapter(
        tmp_path / "adapter.safetensors",
        tmp_path / "bert",
        tmp_path / "reader",
        ignore_progress,
        exact=True,
    )
    return PassageReader(tmp_path / "reader")


def test_the_mark_of_a_sentence_is_the_mean_of_its_tokens(reader: PassageReader) -> None:
    one = sheet("w9", ["w10 w11", "w12"])
    [row] = reader._network.encode_pairs([("w8", one.text)])
    [chances] = reader._network.run([row], ["token_probability"])
    tokens = np.log(chances / (1 - chances))
    [marks] = reader.read("w8", [one])
    for (first, last), mark in zip(one.spans, marks.sentences, strict=True):
        inside = [
            odds
            for segment, (start, end), odds in zip(
                row.sequence_ids, row.offsets, tokens[0], strict=True
            )
            if segment == 1 and first <= start < last
        ]
        assert inside
        assert mark == pytest.approx(np.mean(inside), abs=1e-4)


def test_a_passage_is_marked_alike_beside_longer_ones(reader: PassageReader) -> None:
    short, long = sheet("w9", ["w10 w11", "w12"]), sheet("w9", ["w13 w14"] * 6)
    [alone] = reader.read("w8", [short])
    together = reader.read("w8", [long, short])
    np.testing.assert_allclose(together[1].sentences, alone.sentences, atol=1e-4)
    assert len(together[0].sentences) == 6


def test_sentences_behind_the_end_of_the_context_are_unlikely(reader: PassageReader) -> None:
    [marks] = reader.read("w8", [sheet("w9", ["w10 w11 w12"] * 200)])
    assert len(marks.sentences) == 200
    assert marks.sentences[-1] < -10 < marks.sentences[0]
