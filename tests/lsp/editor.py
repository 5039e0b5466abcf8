"""An editor for tests: pytest-lsp's client, with our requests and what they stream."""

import asyncio
import contextlib
import itertools
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Union

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound
from pygls.io_ import WebSocketWriter
from pytest_lsp import LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES

# As VS Code's client says it, as far as the server looks.
PULLING = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True},
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeConfiguration": {"dynamicRegistration": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "diagnostics": {"refreshSupport": True},
        "codeLens": {"refreshSupport": True},
    },
    "textDocument": {
        "diagnostic": {"dynamicRegistration": False},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {"relatedInformation": True, "codeDescriptionSupport": True},
    },
}
PUSHED = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {"publishDiagnostics": {"relatedInformation": True}},
}
_DEADLINE_S = 110.0


class RefusedError(Exception):
    """An error answer: code, message and data."""

    def __init__(self, error: JsonRpcException) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.message = error.message
        self.data = error.data


class Editor(LanguageClient):
    """One editor with one server process."""

    def __init__(self) -> None:
        super().__init__(converter_factory=_converter)
        self._ids = itertools.count(1)
        self.progress: dict[str | int, list[dict[str, Any]]] = defaultdict(list)
        """What came on each token, in order."""
        self.events: list[str] = []
        """Answers and progress in the order in which they came."""
        self.status: list[dict[str, Any]] = []
        self.registered: list[str] = []
        self.result: dict[str, Any] = {}
        """The result of `initialize`."""
        for method, handler in DEFAULT_CLIENT_FEATURES.items():
            if method != types.PROGRESS:
                self.feature(method)(handler)
        self.feature(types.PROGRESS)(self._make_progress())
        self.feature("nsllm/status")(self._make_status())
        self.feature(types.CLIENT_REGISTER_CAPABILITY)(self._make_register())
        self.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda params: None)

    async def start(
        self,
        home: Path,
        folders: Sequence[Path],
        capabilities: dict[str, Any] = PULLING,
        *,
        options: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        client: Callable[[types.InitializeParams], None] = lambda params: None,
        refuses: Sequence[str] = (),
    ) -> None:
        """Start a server and open the folders; `refuses`: what it asks of us in vain."""
        self.protocol.fm.features.update(dict.fromkeys(refuses, _refuse))
        self.set_configuration({"nsllm": settings or {}})
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NSLLM_")}
        command = [sys.executable, "-m", "nsllm", "lsp"]
        await self.start_io(*command, env={**environment, "NSLLM_HOME": str(home)})
        params = types.InitializeParams(
            capabilities=get_converter().structure(capabilities, types.ClientCapabilities),
            workspace_folders=[
                types.WorkspaceFolder(uri=folder.as_uri(), name=folder.name) for folder in folders
            ],
            initialization_options=options or {},
        )
        client(params)
        self.result = get_converter().unstructure(await self.initialize_session(params))

    async def ask(self, method: str, **params: object) -> Any:
        """Send one of our requests and return its result."""
        return await self.answer_to(self.begin(method, **params))

    def begin(self, method: str, **params: object) -> "asyncio.Future[Any]":
        """Send one of our requests; `cancel` takes what is returned."""
        number = f"request-{next(self._ids)}"
        future = asyncio.ensure_future(
            self.protocol.send_request_async(method, params, msg_id=number)
        )
        future.set_name(number)
        future.add_done_callback(lambda _: self.events.append(f"answer {number}"))
        return future

    async def answer_to(self, request: "asyncio.Future[Any]") -> Any:
        """Wait for the answer to a request."""
        try:
            return await asyncio.wait_for(asyncio.shield(request), _DEADLINE_S)
        except JsonRpcException as error:
            raise RefusedError(error) from error

    def cancel(self, request: "asyncio.Future[Any]") -> None:
        """Send `$/cancelRequest`."""
        name = request.get_name()
        self.cancel_request(types.CancelParams(id=name))

    def open(self, path: Path | str, text: str) -> str:
        """Open a document and return its URI."""
        uri = path if isinstance(path, str) else path.as_uri()
        item = types.TextDocumentItem(uri=uri, language_id="markdown", version=1, text=text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        return uri

    def edit(self, uri: str, version: int, text: str, lsp_range: types.Range | None = None) -> None:
        """Change an open document: the range, or all of it."""
        change: Any = types.TextDocumentContentChangeWholeDocument(text=text)
        if lsp_range:
            change = types.TextDocumentContentChangePartial(range=lsp_range, text=text)
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=version),
                content_changes=[change],
            )
        )

    def close(self, uri: str) -> None:
        """Close a document."""
        self.text_document_did_close(
            types.DidCloseTextDocumentParams(text_document=types.TextDocumentIdentifier(uri=uri))
        )

    async def pull(self, uri: str, previous: str | None = None) -> Any:
        """Pull a document's diagnostics."""
        return await self.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(
                text_document=types.TextDocumentIdentifier(uri=uri), previous_result_id=previous
            )
        )

    async def indexed(self, documents: int) -> None:
        """Wait until this many documents are indexed, and nothing more is being done."""

        async def done() -> bool:
            folders = (await self.ask("nsllm/index", action="status"))["folders"]
            busy = any(folder["busy"] for folder in folders)
            return not busy and sum(folder["documents"] for folder in folders) == documents

        await until(done)

    async def leave(self) -> None:
        """Shut the server down."""
        await self.shutdown_session()
        await self.stop()

    async def stop(self) -> None:
        """End the client; pygls would leave its end of a connection open."""
        await super().stop()
        writer = getattr(self.protocol, "writer", None)
        if isinstance(writer, asyncio.StreamWriter):
            await closed(writer)
        elif isinstance(writer, WebSocketWriter):
            await writer.close()
            await writer._ws.wait_closed()

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The server's process."""
        assert self._server is not None
        return self._server

    def _make_progress(self) -> Callable[[types.ProgressParams], None]:
        def progress(params: types.ProgressParams) -> None:
            self.progress[params.token].append(params.value)
            self.events.append(f"progress {params.token}")

        return progress

    def _make_status(self) -> Callable[[dict[str, Any]], None]:
        def status(params: dict[str, Any]) -> None:
            self.status.append(params)

        return status

    def _make_register(self) -> Callable[[types.RegistrationParams], None]:
        def register(params: types.RegistrationParams) -> None:
            self.registered += [registration.method for registration in params.registrations]

        return register


def _refuse(_params: object) -> None:
    raise JsonRpcMethodNotFound("This editor cannot do that.")


def _converter() -> Any:
    """Return lsprotocol's converter, which takes a code action with a command for a command."""
    converter = get_converter()

    def structure(value: dict[str, Any], _kind: object) -> Any:
        is_command = isinstance(value.get("command"), str)
        return converter.structure(value, types.Command if is_command else types.CodeAction)

    converter.register_structure_hook(types.Command | types.CodeAction, structure)
    converter.register_structure_hook(Union[types.Command, types.CodeAction], structure)  # noqa: UP007
    return converter


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until it is."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition, plain or asynchronous, holds."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            held = condition()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return
            await asyncio.sleep(0.02)


def home_with_models(home: Path, models_home: Path) -> Path:
    """Make an NSLLM_HOME of its own with the models of another one, linked where possible."""

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    shutil.copytree(models_home / "models", home / "models", copy_function=link)
    return home
