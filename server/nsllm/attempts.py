"""Write until a text passes: twice by the model, then by quotation."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from nsllm.governance.records import Rejected
from nsllm.governance.streaming import Gate
from nsllm.types import (
    AnswerEvent,
    AnswerListener,
    AnswerMode,
    Delta,
    Draft,
    Finding,
    Judgement,
    Severity,
    Withdrawn,
)

WITHHELD = "The answer is withheld: it did not pass the rules."


class Write(Protocol):
    """Writes a draft that goes on behind `begun`, and tells a listener each new piece of it."""

    async def __call__(
        self, mode: AnswerMode, attempt: int, begun: str, listener: AnswerListener
    ) -> Draft: ...


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt is made of."""

    write: Write
    judge: Callable[[Draft, Sequence[Finding]], Awaitable[Judgement]]
    """Judges a finished draft; the findings that it is given count as well."""
    judge_beginning: Callable[[str], Awaitable[Judgement | None]]
    """Judges what was written so far; None: that takes more of the text."""
    model: str | None = None
    """Who writes."""


class Attempts:
    """The attempts at one answer.

    Strictly, nothing is shown that was not judged before, and what was shown stays: the next
    attempt goes on behind it. Otherwise text is shown as it comes, and withdrawn when it is
    rejected. Either way the first sentence that is rejected stops the model.
    """

    def __init__(self, stages: Stages, listener: AnswerListener, *, strict: bool) -> None:
        self._stages = stages
        self._listener = listener
        self._strict = strict
        self._notes: list[Finding] = []
        self.rejected: list[Rejected] = []
        """The texts that did not pass, in order."""
        self.tokens = 0
        """How many were generated so far, by all attempts."""

    async def settle(self, modes: Sequence[AnswerMode]) -> tuple[Draft, Judgement]:
        """Try the modes in order; return the first draft that passes, or what is left to show.

        The last mode is `extract`: quoting is the way that is always open.
        """
        begun = ""
        for attempt, mode in enumerate(modes[:-1]):
            gate = self._gate(begun)
            outcome = await self._write(gate, mode, attempt, begun)
            if isinstance(outcome, Draft):
                if self._strict and not outcome.text.startswith(gate.shown.rstrip()):
                    return await self._end_at(gate.shown, "it went on that nothing answers")
                judgement = await self._stages.judge(outcome, self._notes)
                finding = _rejecting(judgement)
                if finding is None:
                    self._show_rest(gate, outcome)
                    return outcome, judgement
            else:
                finding = outcome
            begun = gate.shown if self._strict else ""
            self._reject(gate.text, mode, finding)
        if begun:
            return await self._end_at(begun, "how it went on was rejected")
        return await self._quote(modes[-1], len(modes) - 1)

    async def _write(
        self, gate: Gate, mode: AnswerMode, attempt: int, begun: str
    ) -> Draft | Finding:
        """Write a draft, or return what was found in a sentence of it: then it was stopped."""

        def listen(event: AnswerEvent) -> None:
            if isinstance(event, Delta):
                self.tokens += event.tokens
                gate.push(event.text)

        writing = asyncio.ensure_future(self._stages.write(mode, attempt, begun, listen))
        watching = asyncio.ensure_future(gate.watch())
        try:
            await asyncio.wait({writing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                return watching.result()
            draft = writing.result()
        finally:
            # Awaited, so that the model has stopped and is free for the next attempt.
            for task in (watching, writing):
                task.cancel()
            await asyncio.gather(watching, writing, return_exceptions=True)
        # What was finished last is judged before the whole is, so that what may stay is shown.
        finding = await gate.settle() if self._strict else None
        return finding or draft

    async def _quote(self, mode: AnswerMode, attempt: int) -> tuple[Draft, Judgement]:
        """Quote; in strict mode a quotation that is rejected is not shown either."""
        gate = self._gate("")
        draft = await self._stages.write(mode, attempt, "", _pieces(gate))
        judgement = await self._stages.judge(draft, self._notes)
        finding = _rejecting(judgement)
        if finding is None or not self._strict:
            gate.release(draft.text)
            return draft, judgement
        self.rejected.append(_rejected(draft.text, draft.mode, finding))
        self._listener(Delta(text=WITHHELD))
        # What they say stays; their words are not there to point at.
        findings = tuple(
            msgspec.structs.replace(f, start=0, end=0, evidence=None) for f in judgement.findings
        )
        hidden = msgspec.structs.replace(draft, text=WITHHELD)
        return hidden, msgspec.structs.replace(judgement, findings=findings)

    async def _end_at(self, shown: str, why: str) -> tuple[Draft, Judgement]:
        """Let the answer end where it was good."""
        note = _note("generation.stopped", f"It ends here because {why}.")
        draft = Draft(text=shown, mode="generate", model=self._stages.model)
        return draft, await self._stages.judge(draft, [*self._notes, note])

    def _show_rest(self, gate: Gate, draft: Draft) -> None:
        """Show what is still held back, or the draft in place of what it does not begin with."""
        gate.release(draft.text)
        if not self._strict and gate.text.strip() != draft.text.strip():
            self._listener(Withdrawn(reason="Only that nothing answers is kept of it."))
            self._listener(Delta(text=draft.text))

    def _gate(self, begun: str) -> Gate:
        def show(text: str) -> None:
            self._listener(Delta(text=text))

        return Gate(self._stages.judge_beginning, show, strict=self._strict, begun=begun)

    def _reject(self, text: str, mode: AnswerMode, finding: Finding) -> None:
        self.rejected.append(_rejected(text, mode, finding))
        message = f"A generated text was rejected: {finding.message}"
        self._notes = [_note("generation.rejected", message)]
        if not self._strict:
            self._listener(Withdrawn(reason=finding.message))


def _pieces(gate: Gate) -> AnswerListener:
    def listen(event: AnswerEvent) -> None:
        if isinstance(event, Delta):
            gate.push(event.text)

    return listen


def _rejecting(judgement: Judgement) -> Finding | None:
    return next((f for f in judgement.findings if f.severity is Severity.REJECT), None)


def _rejected(text: str, mode: AnswerMode, finding: Finding) -> Rejected:
    return Rejected(text=text, mode=mode, rule=finding.rule, reason=finding.message)


def _note(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.INFO, start=0, end=0, message=message)
