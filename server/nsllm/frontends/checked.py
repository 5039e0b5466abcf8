"""Texts judged as their authors wrote them: with the comments that mute rules."""

from typing import TYPE_CHECKING

import msgspec

from nsllm.frontends.lsp.mutes import Muted
from nsllm.frontends.lsp.positions import Lines
from nsllm.governance.pipeline import verdict_of
from nsllm.types import Judgement

if TYPE_CHECKING:
    from nsllm.app import Application


async def check(
    application: "Application", text: str, path: str | None, *, generated: bool = True
) -> Judgement:
    """Judge a text without its muting comments; the findings are located in the whole of it."""
    view = Muted(Lines(text, "utf-32"))
    judgement = await application.check(view.text, path=path, generated=generated)
    findings = tuple(
        msgspec.structs.replace(finding, start=start, end=end)
        for finding in judgement.findings
        for start, end in [view.restore((finding.start, finding.end))]
        if not view.mutes(finding.rule, (start, end))
    )
    return Judgement(scores=judgement.scores, findings=findings, verdict=verdict_of(findings))
