"""`nsllm/check`: govern a text on demand; `nsllm/region`: what is known of generated text."""

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nsllm.errors import UsageError
from nsllm.frontends import wire
from nsllm.frontends.lsp.buffers import Buffer
from nsllm.frontends.lsp.governor import Part, judge_part
from nsllm.frontends.lsp.mutes import Muted
from nsllm.frontends.lsp.positions import Lines
from nsllm.frontends.lsp.protocol import decode
from nsllm.frontends.lsp.regions import Region
from nsllm.frontends.lsp.uris import path_of
from nsllm.frontends.lsp.work import Token

if TYPE_CHECKING:
    from nsllm.frontends.lsp.folder import Folder
    from nsllm.frontends.lsp.server import Server


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/check`: a document, or a text."""

    uri: str | None = None
    range: dict[str, Any] | None = None
    generated: bool = False
    text: str | None = None
    workspace: str | None = None
    work_done_token: Token | None = msgspec.field(default=None, name="workDoneToken")


class RegionsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/region`."""

    uri: str


def register(server: "Server") -> None:
    """Serve the requests."""

    async def check(params: object) -> dict[str, Any]:
        asked = decode(Check, params)
        if (asked.uri is None) == (asked.text is None):
            raise UsageError(
                "`nsllm/check` takes a `uri` or a `text`.", hint="Give one of the two."
            )
        async with server.work.show(asked.work_done_token, "Checking against the workspace"):
            if asked.uri is not None:
                return await _check_document(server, asked, asked.uri)
            folder = server.workspaces.pick(asked.workspace)
            lines = Lines(asked.text or "", server.documents.encoding)
            view = Muted(lines)
            return _describe(await judge_part(folder, None, view, (0, len(view.text))))

    async def region(params: object) -> dict[str, Any]:
        uri = decode(RegionsOf, params).uri
        report = await server.governor.settled(uri)
        buffer = server.documents.get(uri)
        if report is None or buffer is None:
            return {"regions": []}
        return {
            "regions": [
                {
                    "range": buffer.lines.range(part.span),
                    "answer_id": part.region.answer_id,
                    **_describe(part, buffer.lines),
                }
                for part in report.parts
                if part.region
            ]
        }

    server.handle("nsllm/check", check)
    server.handle("nsllm/region", region)


async def _check_document(server: "Server", asked: Check, uri: str) -> dict[str, Any]:
    folder, path = server.workspaces.home(uri) or (server.workspaces.pick(asked.workspace), uri)
    await folder.remember()
    buffer = server.documents.get(uri) or await _read(uri, server)
    view = Muted(buffer.lines)
    span = (0, len(view.text))
    if asked.range is not None:
        span = view.reduce(buffer.lines.span_of(asked.range))
    if asked.generated:
        await _remember(folder, path, view.text[slice(*span)])
    elif asked.range is not None:
        server.governor.govern_text(uri, view.text[slice(*span)])
    else:
        server.governor.govern_whole(uri)
    part = await judge_part(folder, path, view, span)
    server.governor.schedule(uri, 0)
    return _describe(part, buffer.lines)


async def _remember(folder: "Folder", path: str, text: str) -> None:
    # An answer that was inserted is known already, with its question and sources.
    if text.strip() and folder.regions.same(text) is None:
        await folder.keep_new(Region(id=uuid.uuid4().hex, text=text), (), path)


async def _read(uri: str, server: "Server") -> Buffer:
    path = path_of(uri)
    try:
        text = await asyncio.to_thread(_read_text, path) if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", hint="Check the name and its permissions."
        ) from error
    return Buffer(uri, text, 0, encoding=server.documents.encoding)


def _read_text(path: Path) -> str:
    # Not read_text: it would turn CRLF into LF, and with it every offset.
    return path.read_bytes().decode("utf-8-sig")


def _describe(part: Part, lines: Lines | None = None) -> dict[str, Any]:
    """Return scores, findings and verdict; findings of a document have their ranges."""
    judgement = part.judgement
    findings = []
    for finding in judgement.findings:
        record: dict[str, Any] = msgspec.to_builtins(wire.finding(finding))
        if lines:
            record["range"] = lines.range((finding.start, finding.end))
        findings.append(record)
    scores: Mapping[str, Any] = msgspec.to_builtins(judgement.scores)
    return {"scores": scores, "findings": findings, "verdict": judgement.verdict.value}
