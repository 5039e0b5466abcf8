"""What pygls does differently here: raw parameters, our errors, our documents, our exit."""

import asyncio
import json
import logging
import typing
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcRequestCancelled
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage

from nsllm.errors import NsllmError, UsageError
from nsllm.frontends.lsp.buffers import Buffers

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_INVALID_PARAMS = -32602
_INTERNAL = -32603
_REQUEST_FAILED = -32803
_RAW = frozenset(
    {
        types.INITIALIZE,
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CHANGE,
        types.TEXT_DOCUMENT_DID_CLOSE,
        types.TEXT_DOCUMENT_DID_SAVE,
        types.WORKSPACE_DID_CHANGE_CONFIGURATION,
    }
)
"""Methods whose parameters stay dictionaries: clients differ in them, or they must be fast."""


def decode(kind: type[_T], params: object) -> _T:
    """Read the parameters of one of our own requests.

    Raises:
        UsageError: they do not fit; names the key.
    """
    try:
        return msgspec.convert(params or {}, kind)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The parameters do not fit: {error}.", hint="docs/PROTOCOL.md lists what each takes."
        ) from error


def response_error(error: BaseException) -> types.ResponseError:
    """Translate a failure: what was met, what to do, and never a traceback."""
    if isinstance(error, asyncio.CancelledError):
        return JsonRpcRequestCancelled("Request cancelled.").to_response_error()
    if isinstance(error, JsonRpcException):
        return error.to_response_error()
    if isinstance(error, NsllmError):
        return types.ResponseError(
            code=_INVALID_PARAMS if isinstance(error, UsageError) else _REQUEST_FAILED,
            message=error.message,
            data={"code": error.code, "hint": error.hint, **error.details},
        )
    return types.ResponseError(
        code=_INTERNAL,
        message=f"Something went wrong inside NS-LLM ({type(error).__name__}).",
        data={
            "code": NsllmError.code,
            "hint": "This is a bug; the server's log has the details. Please report them.",
        },
    )


class Host(typing.Protocol):
    """What the protocol hands over."""

    documents: Buffers

    def open(self, params: Mapping[str, Any]) -> dict[str, Any]: ...
    def stop(self, status: int) -> None: ...
    def report_failure(self, error: BaseException) -> None: ...
    def folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None: ...


class Protocol(LanguageServerProtocol):
    """The language server protocol over our own documents and errors."""

    def __init__(self, server: Any, converter: Any) -> None:
        super().__init__(server, converter)
        self._host: Host = server
        # In place of pygls's own: its documents end lines where the protocol does not, its
        # handshake wants imports first, and its exit leaves child processes behind.
        self.fm.builtin_features.update(
            {
                types.INITIALIZE: self._host.open,
                types.SHUTDOWN: self._shut_down,
                types.EXIT: self._exit,
                types.TEXT_DOCUMENT_DID_OPEN: self._host.documents.did_open,
                types.TEXT_DOCUMENT_DID_CHANGE: self._host.documents.did_change,
                types.TEXT_DOCUMENT_DID_CLOSE: self._host.documents.did_close,
                types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self._host.folders_changed,
            }
        )

    def encode(self, data: object) -> bytes:
        """Return data as it goes over the wire."""
        return json.dumps(data, default=self._serialize_message, sort_keys=True).encode()

    def receive(self, body: bytes) -> None:
        """Handle one message; a malformed one is answered or logged, and harms no other."""
        try:
            message = json.loads(body)
        except ValueError:
            logger.warning("A message is not JSON.")
            return
        if not isinstance(message, dict) or "jsonrpc" not in message:
            logger.warning("A message is not JSON-RPC.")
            return
        try:
            structured = self.structure_message(message)
        except JsonRpcException:
            if "id" in message and "method" in message:
                refusal = JsonRpcInvalidParams(f"The parameters of {message['method']} do not fit.")
                self._send_response(message["id"], error=refusal.to_response_error())
            return
        self.handle_message(structured)

    def structure_message(self, data: dict[str, Any]) -> Any:
        if data.get("method") in _RAW:
            fields = {"method": data["method"], "jsonrpc": data["jsonrpc"]}
            params = data.get("params") or {}
            if "id" in data:
                return JsonRPCRequestMessage(id=data["id"], params=params, **fields)
            return JsonRPCNotification(params=params, **fields)
        return super().structure_message(data)

    def _send_handler_result(self, future: Future[Any], *, msg_id: str | int) -> None:
        self._request_futures.pop(msg_id, None)
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self._send_response(msg_id, result=future.result())
            return
        if not isinstance(error, asyncio.CancelledError | NsllmError):
            logger.error("A request failed.", exc_info=error)
        self._send_response(msg_id, error=response_error(error))

    def _check_handler_result(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.error("A notification's handler failed.", exc_info=error)
            self._host.report_failure(error)

    def _handle_cancel_notification(self, msg_id: str | int) -> None:
        # What is answered by then is cancelled every day: that is nothing to warn of in the log.
        if msg_id in self._request_futures:
            super()._handle_cancel_notification(msg_id)

    def _shut_down(self, _params: object) -> None:
        for future in list(self._request_futures.values()):
            future.cancel()
        self._shutdown = True

    def _exit(self, _params: object) -> None:
        self._host.stop(0 if self._shutdown else 1)
