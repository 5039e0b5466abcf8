"""Text is judged while it is written: what is rejected is stopped, and strictly never shown."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsllm.attempts import WITHHELD, Attempts, Stages
from nsllm.documents.sentences import split
from nsllm.governance.pipeline import verdict_of
from nsllm.governance.streaming import finished
from nsllm.types import (
    AnswerEvent,
    Delta,
    Draft,
    Finding,
    Judgement,
    Scores,
    Severity,
    Verdict,
    Withdrawn,
)

BAD = "BAD"
"""A sentence with this word is rejected."""
HALF = "HALF"
"""A text with an odd number of these is rejected as a whole: more of it may put it right."""

sentences = st.sampled_from(
    [
        "Backups are kept for ninety days [1].",
        "They run at night! [2]",
        "Is it so?",
        "It is. [1]",
        "Use `harrow.toml`, e.g. for v1.2.3.",
        "The cat sat\non the mat.",
        "\n- An item that ends.",
        "\n1. First of all.",
        "\n\n## A heading\n\n",
        "\n| a | b. c |\n",
        "\n```\ncode. More\n```\n",
        "Ümläute 🎉 are fine.",
        f"This is {BAD} news.",
        f"- {BAD} item.",
        f"One {HALF} here.",
        "no stop at the end",
        "\n---\n",
        "> Quoted. Text.",
        "\r\nAnother line. ",
    ]
)
texts = st.lists(sentences, min_size=1, max_size=7).map(" ".join)
nasty = st.text(alphabet="aB1 .!?`*_-=#>|[]()~\n\r\t:é。\u2028", max_size=60)


def pieces_of(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(places)]


def judged(text: str) -> Judgement:
    findings = [
        Finding(rule="bad", severity=Severity.REJECT, start=s.start, end=s.end, message="bad")
        for s in split(text)
        if BAD in text[s.start : s.end]
    ]
    if text.count(HALF) % 2:
        findings.append(
            Finding(rule="coherence", severity=Severity.REJECT, start=0, end=len(text), message="h")
        )
    return Judgement(scores=Scores(), findings=tuple(findings), verdict=verdict_of(findings))


class Script:
    """A model that writes what it is told, piece by piece, and a judge that takes its time."""

    def __init__(
        self, generated: Sequence[list[str]], quotation: str, *, patience: int = 0
    ) -> None:
        self._generated = generated
        self._quotation = quotation
        self._patience = patience
        self.written: list[list[str]] = []
        self.stopped = 0

    def stages(self) -> Stages:
        return Stages(
            write=self._write, judge=self._judge, judge_beginning=self._judge_beginning, model="m"
        )

    async def _write(self, mode: Any, attempt: int, begun: str, listener: Any) -> Draft:
        if mode == "extract":
            listener(Delta(text=self._quotation))
            return Draft(text=self._quotation, mode="extract", model=None)
        written: list[str] = []
        self.written.append(written)
        try:
            for piece in self._generated[attempt]:
                await asyncio.sleep(0)
                written.append(piece)
                listener(Delta(text=piece, tokens=1))
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        text = (begun + "".join(written)).strip()
        return Draft(text=text, mode="generate", model="m")

    async def _judge(self, draft: Draft, notes: Sequence[Finding]) -> Judgement:
        found = judged(draft.text)
        findings = (*notes, *found.findings)
        return Judgement(scores=Scores(), findings=findings, verdict=found.verdict)

    async def _judge_beginning(self, text: str) -> Judgement | None:
        for _ in range(self._patience):
            await asyncio.sleep(0)
        return judged(text)


def answer(script: Script, *, strict: bool) -> tuple[list[AnswerEvent], Draft, Judgement, Attempts]:
    events: list[AnswerEvent] = []
    attempts = Attempts(script.stages(), events.append, strict=strict)
    draft, judgement = asyncio.run(attempts.settle(("generate", "generate", "extract")))
    return events, draft, judgement, attempts


def text_of(events: Sequence[AnswerEvent]) -> str:
    """Return what a reader sees in the end: what was withdrawn is gone."""
    text = ""
    for event in events:
        text = "" if isinstance(event, Withdrawn) else text
        text += event.text if isinstance(event, Delta) else ""
    return text


@settings(deadline=None, max_examples=250)
@given(
    first=texts,
    second=texts,
    quotation=texts,
    cuts=st.lists(st.integers(0, 400), max_size=40),
    patience=st.integers(0, 6),
)
def test_strictly_no_rejected_sentence_is_shown_whatever_the_pieces(
    first: str, second: str, quotation: str, cuts: list[int], patience: int
) -> None:
    generated = [pieces_of(first, cuts), pieces_of(second, cuts)]
    script = Script(generated, quotation, patience=patience)
    events, draft, judgement, _ = answer(script, strict=True)
    assert not any(isinstance(event, Withdrawn) for event in events)
    shown = ""
    for event in events:
        assert isinstance(event, Delta)
        shown += event.text
        assert BAD not in shown
        if shown != WITHHELD:
            assert judged(shown).verdict is not Verdict.REJECT
    assert shown == draft.text
    assert (judgement.verdict is Verdict.REJECT) == (draft.text == WITHHELD)


@settings(deadline=None, max_examples=120)
@given(
    first=texts,
    second=texts,
    cuts=st.lists(st.integers(0, 400), max_size=40),
    other_cuts=st.lists(st.integers(0, 400), max_size=40),
    patience=st.integers(0, 6),
)
def test_strictly_the_answer_does_not_depend_on_the_pieces(
    first: str, second: str, cuts: list[int], other_cuts: list[int], patience: int
) -> None:
    results = []
    for some, waiting in ((cuts, 0), (other_cuts, patience)):
        generated = [pieces_of(first, some), pieces_of(second, some)]
        script = Script(generated, "Quoted.", patience=waiting)
        results.append(answer(script, strict=True)[1].text)
    assert results[0] == results[1]


@settings(deadline=None, max_examples=120)
@given(
    first=texts,
    second=texts,
    quotation=texts,
    cuts=st.lists(st.integers(0, 400), max_size=40),
    patience=st.integers(0, 6),
)
def test_otherwise_what_was_rejected_is_withdrawn(
    first: str, second: str, quotation: str, cuts: list[int], patience: int
) -> None:
    generated = [pieces_of(first, cuts), pieces_of(second, cuts)]
    script = Script(generated, quotation, patience=patience)
    events, draft, judgement, attempts = answer(script, strict=False)
    assert text_of(events).strip() == draft.text.strip()
    assert sum(isinstance(event, Withdrawn) for event in events) == len(attempts.rejected)
    if draft.mode == "generate":
        assert judgement.verdict is not Verdict.REJECT


@pytest.mark.parametrize("strict", [True, False])
def test_the_first_rejected_sentence_stops_the_model(strict: bool) -> None:
    tail = [f"Word {n} goes on. " for n in range(500)]
    script = Script([[f"This is {BAD} news. ", *tail], ["All is well. ", "So it is."]], "Quoted.")
    events, draft, _, attempts = answer(script, strict=strict)
    assert script.stopped == 1
    assert len(script.written[0]) < 20
    assert draft.text == "All is well. So it is."
    assert attempts.tokens == len(script.written[0]) + 2
    [rejected] = attempts.rejected
    assert (rejected.mode, rejected.rule) == ("generate", "bad")
    assert text_of(events) == draft.text


def test_strictly_the_second_attempt_goes_on_behind_what_was_shown() -> None:
    script = Script(
        [["It is kept. ", f"This is {BAD} news. More. ", "End."], [" It is safe. ", "Done."]], "Q."
    )
    events, draft, judgement, _ = answer(script, strict=True)
    assert draft.text == "It is kept. It is safe. Done."
    assert text_of(events) == draft.text
    assert [f.rule for f in judgement.findings] == ["generation.rejected"]


def test_strictly_an_answer_that_goes_wrong_twice_ends_where_it_was_good() -> None:
    wrong = f" This is {BAD} news. More."
    script = Script([["It is kept.", wrong], [wrong]], "Quoted.")
    _, draft, judgement, attempts = answer(script, strict=True)
    assert (draft.text, draft.mode, draft.model) == ("It is kept.", "generate", "m")
    assert "generation.stopped" in [f.rule for f in judgement.findings]
    assert len(attempts.rejected) == 2


def test_strictly_a_rejected_quotation_is_withheld_and_kept_for_the_record() -> None:
    script = Script([[f"{BAD}. More."], [f"{BAD}. More."]], f"A {BAD} quotation.")
    events, draft, judgement, attempts = answer(script, strict=True)
    assert text_of(events) == draft.text == WITHHELD
    assert judgement.verdict is Verdict.REJECT
    assert all((f.start, f.end) == (0, 0) for f in judgement.findings)
    assert attempts.rejected[-1].text == f"A {BAD} quotation."


def test_what_a_whole_text_may_put_right_holds_but_does_not_stop() -> None:
    script = Script([[f"One {HALF} here. ", "More of it. ", f"And {HALF} there. ", "End."]], "Q.")
    events, draft, _, _ = answer(script, strict=True)
    deltas = [event.text for event in events if isinstance(event, Delta)]
    assert deltas[0].startswith(f"One {HALF} here. More of it. And {HALF} there.")
    assert "".join(deltas) == draft.text


def test_a_cancelled_answer_stops_the_model() -> None:
    script = Script([[f"Word {n}. " for n in range(1000)]], "Q.")

    async def cancel() -> None:
        attempts = Attempts(script.stages(), lambda _event: None, strict=True)
        task = asyncio.ensure_future(attempts.settle(("generate", "generate", "extract")))
        for _ in range(30):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert script.stopped == 1


@settings(deadline=None, max_examples=400)
@given(text=nasty | texts, cut=st.integers(0, 400))
def test_ends_found_in_a_beginning_stay(text: str, cut: int) -> None:
    beginning = text[: cut % (len(text) + 1)]
    assert set(finished(beginning)) <= set(finished(text))


def test_a_sentence_is_finished_when_the_next_one_has_begun() -> None:
    text = "It is kept [1]. They run at night."
    assert [finished(text[:n]) for n in (14, 16, 17, 20, 21)] == [[], [], [], [], [15]]
    assert finished("See e.g. the file. Then stop") == [18]
    assert finished("First line.\n- item one\n- item") == [11]


def test_strictly_an_answer_that_gives_up_ends_where_it_was_good() -> None:
    """What was shown cannot be taken back, so "nothing answers" does not take its place."""
    script = Script([["It is kept. ", "Nothing answers. ", "So be it"]], "Quoted.")
    stages = script.stages()

    async def write(mode: Any, attempt: int, begun: str, listener: Any) -> Draft:
        draft = await stages.write(mode, attempt, begun, listener)
        await asyncio.sleep(0.01)
        return msgspec.structs.replace(draft, text="Nothing is there.", found=False)

    events: list[AnswerEvent] = []
    attempts = Attempts(msgspec.structs.replace(stages, write=write), events.append, strict=True)
    draft, judgement = asyncio.run(attempts.settle(("generate", "generate", "extract")))
    assert text_of(events) == draft.text
    assert draft.text.startswith("It is kept.")
    assert "Nothing is there" not in draft.text
    assert [f.rule for f in judgement.findings] == ["generation.stopped"]


def test_a_draft_that_keeps_less_than_was_shown_replaces_it() -> None:
    """A model that goes on after saying that nothing answers is cut off there."""
    script = Script([["It is not there. ", "But perhaps"]], "Quoted.")
    stages = script.stages()

    async def write(mode: Any, attempt: int, begun: str, listener: Any) -> Draft:
        draft = await stages.write(mode, attempt, begun, listener)
        return msgspec.structs.replace(draft, text="It is not there.", found=False)

    events: list[AnswerEvent] = []
    attempts = Attempts(msgspec.structs.replace(stages, write=write), events.append, strict=False)
    draft, _ = asyncio.run(attempts.settle(("generate", "generate", "extract")))
    assert text_of(events) == draft.text == "It is not there."
    assert attempts.rejected == []
