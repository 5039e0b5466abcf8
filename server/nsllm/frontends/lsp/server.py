"""The server: pygls, and what the features share."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.lsp.server import LanguageServer

from nsllm import __version__
from nsllm.errors import NsllmError, SettingsError
from nsllm.frontends.lsp import (
    audit,
    check,
    code_actions,
    code_lens,
    diagnostics,
    files,
    hover,
    hybrid_query,
    index,
    models,
    search,
)
from nsllm.frontends.lsp.answers import SCHEME, Answers
from nsllm.frontends.lsp.buffers import Buffer, Buffers
from nsllm.frontends.lsp.governor import Governor, Report
from nsllm.frontends.lsp.handshake import encoding_of, initialize_result, supports
from nsllm.frontends.lsp.processes import wait_for_end
from nsllm.frontends.lsp.protocol import Protocol
from nsllm.frontends.lsp.status import Status
from nsllm.frontends.lsp.watching import Watching
from nsllm.frontends.lsp.work import Background, WorkBoard
from nsllm.frontends.lsp.workspaces import Workspaces

logger = logging.getLogger(__name__)

_FEATURES = (
    hybrid_query,
    search,
    check,
    models,
    index,
    audit,
    diagnostics,
    hover,
    code_lens,
    code_actions,
    files,
)


_NOTIFIED = Workspaces.reconfigure.__qualname__
"""The kind of work of the one notification that is awaited; it is also done in the background."""


class Server(LanguageServer):
    """One client's session."""

    protocol: Protocol

    def __init__(self) -> None:
        # Before pygls, which makes the protocol that hands documents over to these.
        self.documents = Buffers()
        super().__init__(
            "nsllm", __version__, protocol_cls=Protocol, converter_factory=get_converter
        )
        self.capabilities: Mapping[str, Any] = {}
        self.exit_status: int | None = None
        self.background = Background(self._ended)
        self.work = WorkBoard(self.notify)
        self.workspaces = Workspaces(self)
        self.watching = Watching(self)
        self.status = Status(self.notify, self.workspaces.describe)
        self.governor = Governor(
            self.documents,
            self.workspaces.home,
            start=self.background.start,
            fail=self.workspaces.check_failed,
        )
        self._failed: set[str] = set()
        """The kinds of work that failed the last time, and should not have."""
        self.answers = Answers()
        self.governor.fix(SCHEME, self._report_answer)
        self._stopped = asyncio.Event()
        self.handle(types.INITIALIZED, lambda _params: self.background.run(self.workspaces.begin()))
        self.handle(
            types.WINDOW_WORK_DONE_PROGRESS_CANCEL, lambda params: self.work.cancel(params.token)
        )
        for feature in _FEATURES:
            feature.register(self)

    def open(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Begin the session of a client, and return the result of `initialize`."""
        self.capabilities = params.get("capabilities") or {}
        self.documents.encoding = encoding_of(self.capabilities)
        options = params.get("initializationOptions") or {}
        self.workspaces.open(params, trusted=options.get("trusted", True) is not False)
        if process_id := params.get("processId"):
            self.background.run(self._end_with(int(process_id)))
        return initialize_result(params)

    def supports(self, path: str) -> bool:
        """Tell whether the client has a capability."""
        return supports(self.capabilities, path)

    def handle(self, method: str, handler: Callable[[Any], Any]) -> None:
        """Let `handler` take the requests or notifications of a method.

        pygls's decorator guesses from annotations whether a handler wants the server as well.
        """
        self.protocol.fm.features[method] = handler

    def notify(self, method: str, params: object) -> None:
        """Send a notification; one that comes after the end goes nowhere."""
        if not self._stopped.is_set():
            self.protocol.notify(method, params)

    async def ask_client(self, method: str, params: object) -> Any:
        """Send a request to the client and return its result."""
        return await self.protocol.send_request_async(method, params)

    def show(self, error: NsllmError, *, warning: bool = False) -> None:
        """Show the user what was met and what to do; a settings file can be opened from there."""
        kind = types.MessageType.Warning if warning else types.MessageType.Error
        text = f"NS-LLM: {error.message} {error.hint}"
        file = error.file if isinstance(error, SettingsError) else None
        if file and self.supports("window.showDocument.support"):
            self.background.run(self._offer_file(kind, text, file))
        else:
            self.window_show_message(types.ShowMessageParams(type=kind, message=text))

    async def _offer_file(self, kind: types.MessageType, text: str, file: Path) -> None:
        actions = [types.MessageActionItem(title=f"Open {file.name}")]
        chosen = await self.ask_client(
            types.WINDOW_SHOW_MESSAGE_REQUEST,
            types.ShowMessageRequestParams(type=kind, message=text, actions=actions),
        )
        if chosen:
            document = types.ShowDocumentParams(uri=file.as_uri(), take_focus=True)
            await self.ask_client(types.WINDOW_SHOW_DOCUMENT, document)

    def report_failure(self, error: BaseException, kind: str = _NOTIFIED) -> None:
        """Tell of a failure that no request will answer for; it lasts until such work succeeds."""
        if isinstance(error, NsllmError):
            self.show(error)
            return
        logger.error("A background task failed.", exc_info=error)
        trouble = NsllmError(
            f"Something went wrong inside NS-LLM ({type(error).__name__}: {error}).",
            hint="This is a bug; the server's log has the details. Please report them.",
        )
        self._failed.add(kind)
        self.status.trouble(f"internal {kind}", trouble)

    def succeeded(self, kind: str = _NOTIFIED) -> None:
        """Tell no longer of a failure of this kind of work."""
        if kind in self._failed:
            self._failed.discard(kind)
            self.status.trouble(f"internal {kind}", None)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what pygls reports; requests are answered with their own errors."""
        logger.error("%s: %s", source, error)

    def folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        """Take `workspace/didChangeWorkspaceFolders`."""
        self.background.run(self.workspaces.change(params.event))

    def stop(self, status: int) -> None:
        """End the session after the message at hand."""
        if self.exit_status is None:
            self.exit_status = status
        self._stopped.set()

    async def serve(self, bodies: AsyncIterator[bytes]) -> int:
        """Handle messages until the client leaves, and return the exit status."""
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop, 1)
        reading = asyncio.ensure_future(self._read(bodies))
        stopping = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, stopping):
                task.cancel()
            await asyncio.gather(reading, stopping, return_exceptions=True)
            self._stopped.set()
            await self.aclose()
        return 1 if self.exit_status is None else self.exit_status

    async def aclose(self) -> None:
        """End all work, all models and all child processes."""
        self.status.close()
        await self.governor.aclose()
        await self.background.aclose()
        await self.workspaces.aclose()

    async def _read(self, bodies: AsyncIterator[bytes]) -> None:
        async for body in bodies:
            self.protocol.receive(body)
            if self._stopped.is_set():
                return

    async def _end_with(self, process_id: int) -> None:
        await wait_for_end(process_id)
        logger.warning("The editor's process %d is gone.", process_id)
        self.stop(1)

    def _ended(self, kind: str, error: BaseException | None) -> None:
        if error:
            self.report_failure(error, kind)
        else:
            self.succeeded(kind)

    async def _report_answer(self, buffer: Buffer) -> Report:
        answer = await self.answers.find(buffer.uri)
        folder = self.workspaces.at(answer.folder)
        if folder is None:
            return answer.report(buffer, lambda _rule, _text: False)
        await folder.remember()
        return answer.report(buffer, folder.is_accepted)


async def serve(
    writer: Any,
    bodies: AsyncIterator[bytes],
    opening: Mapping[str, Any] | None,
    *,
    headers: bool,
) -> int:
    """Serve one client; `opening`: the parameters of an `initialize` already answered."""
    server = Server()
    server.protocol.set_writer(writer, include_headers=headers)
    if opening is not None:
        server.open(opening)
    return await server.serve(bodies)
