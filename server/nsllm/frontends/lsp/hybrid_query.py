"""`nsllm/hybridQuery`: ask, and see the answer being made; `nsllm/answer`: its document."""

import asyncio
import threading
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from lsprotocol import types

from nsllm.errors import MachineError, UsageError
from nsllm.frontends import wire
from nsllm.frontends.lsp.protocol import decode
from nsllm.frontends.lsp.regions import region_of_answer
from nsllm.frontends.lsp.work import Token
from nsllm.frontends.sessions import Sessions
from nsllm.types import Answer, AnswerEvent, Delta, Mode, Question, Retrieved, Turn

if TYPE_CHECKING:
    from nsllm.frontends.lsp.folder import Folder
    from nsllm.frontends.lsp.server import Server


class HybridQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/hybridQuery`."""

    question: str
    top_k: Annotated[int, msgspec.Meta(ge=1, le=50)] | None = None
    mode: Mode | None = None
    model: str | None = None
    workspace: str | None = None
    session: str | None = None
    work_done_token: Token | None = msgspec.field(default=None, name="workDoneToken")
    partial_result_token: Token | None = msgspec.field(default=None, name="partialResultToken")


class AnswerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/answer`."""

    uri: str


class Stream:
    """Passes the events of one answer on to the client, until it is closed."""

    def __init__(self, server: "Server", token: Token | None) -> None:
        self._server = server
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def listen(self, event: AnswerEvent) -> None:
        """Take an event, from any thread."""
        if threading.get_ident() == self._thread:
            self._send(event)
        else:
            self._loop.call_soon_threadsafe(self._send, event)

    def close(self) -> None:
        """Send nothing more: what is cancelled or answered streams no further."""
        self._token = None

    def _send(self, event: AnswerEvent) -> None:
        if self._token is not None:
            params = types.ProgressParams(token=self._token, value=_describe(event))
            self._server.notify(types.PROGRESS, params)


def register(server: "Server") -> None:
    """Serve the requests."""
    sessions = Sessions()

    async def hybrid_query(params: object) -> Any:
        query = decode(HybridQuery, params)
        folder = server.workspaces.pick(query.workspace)
        stream = Stream(server, query.partial_result_token)
        title = f"Answering “{_short(query.question)}”"
        try:
            async with server.work.show(query.work_done_token, title):
                application = await folder.application()
                await folder.flush()
                history = sessions.history(query.session, folder.uri)
                question = _question(query, folder, history)
                client = f"lsp:{query.session}" if query.session else "lsp"
                answer = await application.ask(question, stream.listen, client=client)
        finally:
            stream.close()
        sessions.keep(query.session, folder.uri, answer)
        return await _result(server, folder, answer)

    async def answer_document(params: object) -> dict[str, str]:
        asked = decode(AnswerDocument, params)
        kept = await server.answers.find(asked.uri)
        folder = server.workspaces.at(kept.folder)
        return {"text": kept.document()} | ({"workspace": folder.uri} if folder else {})

    server.handle("nsllm/hybridQuery", hybrid_query)
    server.handle("nsllm/answer", answer_document)


def _question(query: HybridQuery, folder: "Folder", history: tuple[Turn, ...]) -> Question:
    if not query.question.strip():
        raise UsageError("The question is empty.", hint="Ask something.")
    settings = folder.settings
    return Question(
        text=query.question,
        top_k=query.top_k or settings.retrieval.top_k,
        mode=query.mode or settings.generation.mode,
        model=query.model,
        history=history,
    )


async def _result(server: "Server", folder: "Folder", answer: Answer) -> dict[str, Any]:
    kept = server.answers.keep(answer, folder.path)
    chunks = [passage.chunk for passage in answer.passages]
    # What was not found, or stands word for word in a source, is remembered all the same: it is
    # the answer as a whole that a document may hold.
    region = region_of_answer(answer.id, answer.question, answer.text, chunks)
    trouble = None
    try:
        await folder.remember()
        await folder.keep(region)
    except MachineError as error:
        # The answer is no worse for it; that it is not known again in a file, the status says.
        trouble = error
    server.status.trouble(f"regions {folder.uri}", trouble, "warning")
    record: dict[str, Any] = msgspec.to_builtins(wire.answer(answer))
    return record | {"uri": kept.uri, "workspace": folder.uri}


def _describe(event: AnswerEvent) -> dict[str, Any]:
    if isinstance(event, Retrieved):
        sources = [wire.source(i, passage) for i, passage in enumerate(event.passages, start=1)]
        return {"kind": "sources", "sources": msgspec.to_builtins(sources)}
    if isinstance(event, Delta):
        return {"kind": "delta", "text": event.text}
    return {"kind": "withdrawn", "reason": event.reason}


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
