"""The project's own operations besides asking."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from nsllm import __version__, home
from nsllm.frontends import wire
from nsllm.frontends.checked import check as checked
from nsllm.frontends.http import contracts
from nsllm.frontends.http.metrics import MEDIA_TYPE
from nsllm.frontends.http.operations import Call, Raw
from nsllm.governance.audit import AuditLog
from nsllm.types import Judgement

if TYPE_CHECKING:
    from nsllm.governance.records import AuditRecord


async def search(call: Call) -> contracts.Hits:
    """Find passages."""
    query: contracts.Search = call.body
    async with call.service.use(query.workspace) as application:
        passages = await application.search(query.query, query.top_k)
    return contracts.Hits(hits=[wire.source(i, one) for i, one in enumerate(passages, start=1)])


async def embed(call: Call) -> contracts.Vectors:
    """Embed texts."""
    texts: list[str] = call.body.texts
    async with call.service.use() as application:
        models = application.models
        embedder = models.embedder()
        rows = await application.embed(texts)
        name = models.needed()[0]
    return contracts.Vectors(model=name, dimension=embedder.dimension, vectors=rows.tolist())


async def score(call: Call) -> contracts.Judgement:
    """Judge a text against passages."""
    given: contracts.Score = call.body
    async with call.service.use() as application:
        judged = await application.score(
            given.answer, given.passages, question=given.question, perplexity=given.perplexity
        )
    return _judgement(judged)


async def check(call: Call) -> contracts.Judgement:
    """Judge a text against a workspace."""
    given: contracts.Check = call.body
    async with call.service.use(given.workspace) as application:
        judged = await checked(application, given.text, given.path, generated=given.generated)
    return _judgement(judged)


async def list_models(call: Call) -> contracts.ModelList:
    """List all models."""
    return contracts.ModelList(models=await asyncio.to_thread(wire.models, call.service.models))


async def use_model(call: Call) -> contracts.ModelList:
    """Switch to another model."""
    await call.service.switch(call.body.id)
    return await list_models(call)


async def index_state(call: Call) -> contracts.FolderList:
    """Tell the state of the indexes."""
    return contracts.FolderList(workspaces=call.service.describe())


async def index(call: Call) -> contracts.FolderList:
    """Bring indexes up to date, or build them anew."""
    asked: contracts.Index = call.body
    await call.service.index(asked.workspace, rebuild=asked.action == "rebuild")
    return contracts.FolderList(workspaces=call.service.describe(asked.workspace))


async def audit_list(call: Call) -> contracts.AuditList:
    """List records of the audit log."""
    asked: contracts.AuditPage = call.body
    log = AuditLog(home.audit_path())
    own = call.service.recorded()
    page = await asyncio.to_thread(log.page, asked.limit, asked.before, workspaces=own)
    records = [_entry(number, record) for number, record in page]
    is_full = len(records) == asked.limit and records[-1].number > 1
    return contracts.AuditList(records=records, next=records[-1].number if is_full else None)


async def audit_verify(_call: Call) -> contracts.AuditVerification:
    """Check the audit log."""
    found = await asyncio.to_thread(AuditLog(home.audit_path()).verify)
    return contracts.AuditVerification(
        intact=found.intact,
        entries=found.entries,
        head=f"{found.head.number}:{found.head.digest.hex()}",
        faults=[
            contracts.AuditFault(kind=one.kind, message=one.message, first=one.first, last=one.last)
            for one in found.faults
        ],
        notes=list(found.notes),
    )


async def healthz(_call: Call) -> contracts.Health:
    """Tell that the server runs."""
    return contracts.Health(status="ok", version=__version__)


async def readyz(call: Call) -> object:
    """Tell whether questions are answered."""
    status = call.service.readiness()
    body = wire.to_json(contracts.Readiness(status=status)).encode()
    return Raw(body, status=200 if status == "ready" else 503)


async def metrics(call: Call) -> Raw:
    """Return the metrics."""
    return Raw(call.context.metrics.render(), MEDIA_TYPE)


def _judgement(judged: Judgement) -> contracts.Judgement:
    wired = wire.judgement("", judged)
    return contracts.Judgement(scores=wired.scores, findings=wired.findings, verdict=wired.verdict)


def _entry(number: int, record: "AuditRecord") -> contracts.AuditEntry:
    return contracts.AuditEntry(
        number=number,
        id=record.id,
        time=record.time,
        workspace=record.workspace,
        client=record.client,
        question=record.question,
        text=record.text,
        mode=record.mode,
        model=record.model,
        verdict=record.verdict.value,
        scores=record.scores,
        findings=[wire.finding(one) for one in record.findings],
        accepted=record.accepted or msgspec.UNSET,
    )
