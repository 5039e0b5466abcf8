"""`nsllm/audit`: what was answered and accepted, is the log whole, and accepting a finding."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from nsllm import __version__, home
from nsllm.errors import UsageError
from nsllm.frontends.lsp.protocol import decode

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

_PAGE = 50


class AcceptedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that the user accepts, by its rule and its words."""

    uri: str
    rule: str
    text: str
    reason: str


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/audit`."""

    action: Literal["list", "accept", "verify"]
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = _PAGE
    before: int | None = None
    finding: AcceptedFinding | None = None


def register(server: "Server") -> None:
    """Serve the request."""

    async def audit(params: object) -> dict[str, Any]:
        asked = decode(Audit, params)
        if asked.action == "verify":
            return {"verification": await asyncio.to_thread(_verified)}
        if asked.action == "accept":
            if asked.finding is None or not asked.finding.reason.strip():
                raise UsageError(
                    "To accept a finding takes the finding and a reason.",
                    hint="Send `finding: {uri, rule, text, reason}`.",
                )
            await _accept(server, asked.finding)
        return {"records": await asyncio.to_thread(_page, asked.limit, asked.before)}

    server.handle("nsllm/audit", audit)


async def _accept(server: "Server", finding: AcceptedFinding) -> None:
    from nsllm.governance.audit import AuditLog
    from nsllm.governance.records import Acceptance, record_of_acceptance

    report = server.governor.report(finding.uri)
    folder = server.workspaces.at(report.root if report else None) or server.workspaces.nearest(
        finding.uri
    )
    # The record first: a finding must not be gone without one.
    settings = folder.settings.audit
    if settings.enabled:
        acceptance = Acceptance(rule=finding.rule, uri=finding.uri, reason=finding.reason)
        document = report.text if report else ""
        record = record_of_acceptance(
            acceptance,
            finding.text,
            workspace=folder.path,
            version=__version__,
            client="lsp",
            document=document if settings.redact else None,
        )
        with AuditLog(home.audit_path(), settings) as log:
            await asyncio.to_thread(log.append, record)
    await folder.remember()
    await folder.accept(finding.rule, finding.text)
    server.governor.schedule(finding.uri, 0)


def _page(limit: int, before: int | None) -> list[dict[str, Any]]:
    from nsllm.frontends import wire_audit
    from nsllm.governance.audit import AuditLog

    page = AuditLog(home.audit_path()).page(limit, before)
    return [msgspec.to_builtins(wire_audit.record(number, record)) for number, record in page]


def _verified() -> dict[str, Any]:
    from nsllm.frontends import wire_audit
    from nsllm.governance.audit import AuditLog

    with AuditLog(home.audit_path()) as log:
        return {
            **msgspec.to_builtins(wire_audit.verification(log.verify())),
            "path": str(home.audit_path()),
            "seal": str(home.seal_folder()),
        }
