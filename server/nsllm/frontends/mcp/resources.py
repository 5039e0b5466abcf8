"""The resources: documents of the workspaces, and past answers from the audit log."""

import asyncio
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import mcp_types as types

from nsllm import home
from nsllm.errors import UsageError
from nsllm.frontends import wire, wire_audit
from nsllm.frontends.http.problems import RequestRefused
from nsllm.frontends.http.service import Service
from nsllm.frontends.http.tokens import Client
from nsllm.frontends.mcp import documents, texts
from nsllm.governance.audit import AuditLog
from nsllm.governance.records import AuditRecord
from nsllm.settings import Documents

_DOCUMENTS = "nsllm://documents/"
_ANSWERS = "nsllm://answers/"
_PAGE = 200
_ANSWERS_LISTED = 50
_RECORDS_LOOKED_AT = 1_000

_MARKDOWN = "text/markdown"

TEMPLATES = [
    types.ResourceTemplate(
        name="document",
        title="Document of a workspace",
        uri_template=f"{_DOCUMENTS}{{workspace}}/{{+path}}",
        description="The text of a document; `path` is relative to the workspace. What the ignore "
        "rules leave out of the index cannot be read.",
    ),
    types.ResourceTemplate(
        name="answer",
        title="Past answer",
        uri_template=f"{_ANSWERS}{{id}}",
        description="A past answer from the audit log by its `id`: in words, and as its record.",
    ),
]


class Resources:
    """What clients can read."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def page(
        self, cursor: str | None, client: Client
    ) -> tuple[list[types.Resource], str | None]:
        """Return a page of the resources and the cursor of the next one.

        Raises:
            UsageError: the cursor is none of this server.
        """
        start = 0 if cursor is None else int(cursor) if cursor.isdecimal() else -1
        if start < 0:
            raise UsageError(f"{cursor} is no cursor.", hint="Pass `nextCursor` as it came.")
        listed = await asyncio.to_thread(self._list, client)
        more = start + _PAGE < len(listed)
        return listed[start : start + _PAGE], str(start + _PAGE) if more else None

    async def read(self, uri: str, client: Client) -> list[types.TextResourceContents]:
        """Return what is at a URI.

        Raises:
            UsageError: there is nothing that may be read.
        """
        parts = urlsplit(uri)
        # No part may hide anything: what is quoted is unquoted once, and all of it is the path.
        path = unquote(parts.path).removeprefix("/")
        if parts.scheme == "nsllm" and not parts.query and not parts.fragment:
            if parts.netloc == "documents":
                return await asyncio.to_thread(self._document, uri, path)
            if parts.netloc == "answers":
                return await asyncio.to_thread(self._answer, uri, path, client)
        raise UsageError(
            f"{uri} is no resource of this server.",
            hint=f"They are {_DOCUMENTS}WORKSPACE/PATH and {_ANSWERS}ID.",
        )

    def _list(self, client: Client) -> list[types.Resource]:
        listed = [
            types.Resource(
                name=found.path,
                uri=f"{_DOCUMENTS}{quote(folder.workspace)}/{quote(found.path)}",
                mime_type=_media_type(found.path),
                size=found.size_bytes,
            )
            for folder in self._service.describe()
            for found in documents.paths(*self._place(folder.workspace))
        ]
        return listed + (list(self._answers()) if client.may("audit") else [])

    def _place(self, workspace: str) -> tuple[Path, Documents]:
        folder, settings = self._service.place(workspace)
        return folder, settings.documents

    def _document(self, uri: str, path: str) -> list[types.TextResourceContents]:
        workspace, _, rest = path.partition("/")
        folder, settings = self._place(workspace)
        text = documents.read(folder, rest, settings)
        return [types.TextResourceContents(uri=uri, mime_type=_media_type(rest), text=text)]

    def _answers(self) -> Iterator[types.Resource]:
        own, count = self._service.recorded(), 0
        log = AuditLog(home.audit_path())
        for _number, record in log.page(_RECORDS_LOOKED_AT, workspaces=own):
            if record.accepted is None:
                yield types.Resource(
                    name=f"answer {record.id}",
                    title=" ".join(record.question.split()),
                    uri=f"{_ANSWERS}{record.id}",
                    description=f"{record.time}, verdict {record.verdict.value}",
                    mime_type=_MARKDOWN,
                )
                count += 1
                if count == _ANSWERS_LISTED:
                    return

    def _answer(self, uri: str, name: str, client: Client) -> list[types.TextResourceContents]:
        if not client.may("audit"):
            raise RequestRefused(
                403,
                "scope",
                "The token does not allow this: it lacks the scope `audit`.",
                hint="Use another token, or make one: nsllm tokens add NAME --scope audit",
            )
        number, record = self._find(name)
        return [
            types.TextResourceContents(uri=uri, mime_type=_MARKDOWN, text=texts.of_record(record)),
            types.TextResourceContents(
                uri=uri,
                mime_type="application/json",
                text=wire.to_json(wire_audit.record(number, record)),
            ),
        ]

    def _find(self, name: str) -> tuple[int, AuditRecord]:
        own = self._service.recorded()
        for number, record in AuditLog(home.audit_path()).find(name, workspaces=own):
            if record.id == name and record.accepted is None:  # find() takes beginnings too
                return number, record
        raise UsageError(
            f"There is no answer {name} of the workspaces that are served.",
            hint="`resources/list` names the latest; without `audit.enabled` none is kept.",
        )


def _media_type(path: str) -> str:
    kind, encoding = mimetypes.guess_type(path)
    if path.lower().endswith((".md", ".markdown")):
        return _MARKDOWN
    return kind if kind and kind.startswith("text/") and not encoding else "text/plain"
