"""Answers as documents of their own, under `nsllm-answer:`, in memory and from the audit log."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nsllm import home
from nsllm.errors import UsageError
from nsllm.frontends.lsp.governor import Part, Report
from nsllm.frontends.lsp.quotes import claim_span
from nsllm.frontends.lsp.regions import Region
from nsllm.types import Answer, Judgement

if TYPE_CHECKING:
    from nsllm.frontends.lsp.buffers import Buffer

SCHEME = "nsllm-answer:"
_URI = re.compile(r"nsllm-answer:/*([\w-]+)\.md$")
_KEPT = 200


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where one citation marker leads; `text` is unknown of answers of an earlier session."""

    path: str
    start_line: int
    end_line: int
    text: str | None = None


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, as its document shows it."""

    id: str
    question: str
    text: str
    judgement: Judgement
    sources: tuple[Source, ...]
    folder: Path

    @property
    def uri(self) -> str:
        """The URI of its document."""
        return f"{SCHEME}/{self.id}.md"

    def heading(self) -> str:
        """Return what stands above the answer's text."""
        return f"# {' '.join(self.question.split())}\n\n"

    def document(self) -> str:
        """Return the text of its document: the question, the answer, and its sources."""
        parts = [self.heading(), self.text, "\n"]
        if self.sources:
            parts.append("\n## Sources\n")
        for marker, source in enumerate(self.sources, start=1):
            place = f"{source.path}:{source.start_line}-{source.end_line}"
            parts.append(f"\n[{marker}] {place}\n")
            if source.text:
                parts += [f"> {line}\n" for line in source.text.strip().splitlines()]
        return "".join(parts)

    def report(self, buffer: "Buffer", accepted: Callable[[str, str], bool]) -> Report:
        """Return the report on its document, without the findings that the user accepted."""
        from nsllm.governance.pipeline import verdict_of

        shift = max(0, buffer.text.find(self.text))
        moved = (
            msgspec.structs.replace(f, start=f.start + shift, end=f.end + shift)
            for f in self.judgement.findings
        )
        text = buffer.text
        findings = tuple(
            f for f in moved if not accepted(f.rule, text[slice(*claim_span(text, f))])
        )
        places = tuple((s.path, s.start_line, s.end_line) for s in self.sources)
        part = Part(
            span=(shift, shift + len(self.text)),
            judgement=msgspec.structs.replace(
                self.judgement, findings=findings, verdict=verdict_of(findings)
            ),
            region=Region(
                id=self.id,
                text=self.text,
                answer_id=self.id,
                question=self.question,
                sources=tuple(dict.fromkeys(source.path for source in self.sources)),
                places=places,
            ),
        )
        return Report(
            uri=buffer.uri,
            version=buffer.version,
            text=buffer.text,
            parts=(part,),
            root=self.folder,
        )


class Answers:
    """Answers by id: the latest in memory, all of them in the audit log."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()

    def keep(self, answer: Answer, folder: Path) -> KeptAnswer:
        """Keep an answer that was just given."""
        kept = KeptAnswer(
            id=answer.id,
            question=answer.question,
            text=answer.text,
            judgement=answer.judgement,
            sources=tuple(
                Source(
                    path=passage.chunk.path,
                    start_line=passage.chunk.start_line,
                    end_line=passage.chunk.end_line,
                    text=passage.chunk.text,
                )
                for passage in answer.passages
            ),
            folder=folder,
        )
        self._kept[answer.id] = kept
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return kept

    async def find(self, uri: str) -> KeptAnswer:
        """Return the answer of a document.

        Raises:
            UsageError: there is no such answer, or no record of it was kept.
        """
        match = _URI.match(uri)
        if not match:
            raise UsageError(f"{uri} is not an answer.", hint=f"Answers are `{SCHEME}/ID.md`.")
        kept = self._kept.get(match[1]) or await asyncio.to_thread(_recall, match[1])
        if kept is None:
            raise UsageError(
                f"The answer {match[1]} is not known any more.",
                hint="Ask again, or turn `audit.enabled` on to keep answers over restarts.",
            )
        self._kept[match[1]] = kept
        return kept


def _recall(answer_id: str) -> KeptAnswer | None:
    """Find an answer of an earlier session in the audit log."""
    from nsllm.governance.audit import AuditLog

    for _, record in AuditLog(home.audit_path()).find(answer_id):
        if record.id == answer_id:
            return KeptAnswer(
                id=record.id,
                question=record.question,
                text=record.text,
                judgement=Judgement(
                    scores=record.scores, findings=record.findings, verdict=record.verdict
                ),
                sources=tuple(
                    Source(path=e.path, start_line=e.start_line, end_line=e.end_line)
                    for e in record.evidence
                ),
                folder=Path(record.workspace),
            )
    return None
