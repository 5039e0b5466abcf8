"""The documents that the editor has open, as they stand there, saved or not."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from nsllm.frontends.lsp.positions import Encoding, Lines, apply_changes

Listener = Callable[[str], None]


class Buffer:
    """One version of an open document's text."""

    def __init__(self, uri: str, text: str, version: int, *, encoding: Encoding) -> None:
        self.uri = uri
        self.text = text
        self.version = version
        self._encoding = encoding

    @cached_property
    def lines(self) -> Lines:
        """Where its lines begin and end."""
        return Lines(self.text, self._encoding)

    def edited(self, changes: list[Mapping[str, Any]], version: int) -> "Buffer":
        """Return the next version."""
        text = apply_changes(self.text, changes, self._encoding)
        return Buffer(self.uri, text, version, encoding=self._encoding)


class Buffers:
    """All open documents; tells its listeners the URI of what was opened, changed or closed."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self.active: str | None = None
        """The document that was opened or changed last."""
        self._open: dict[str, Buffer] = {}
        self._changed: list[Listener] = []
        self._closed: list[Listener] = []

    def listen(self, changed: Listener, closed: Listener) -> None:
        """Call `changed` after each opening and edit, and `closed` after each closing."""
        self._changed.append(changed)
        self._closed.append(closed)

    def get(self, uri: str) -> Buffer | None:
        """Return an open document."""
        return self._open.get(uri)

    def __iter__(self) -> Iterator[Buffer]:
        return iter(list(self._open.values()))

    def did_open(self, params: Mapping[str, Any]) -> None:
        """Take `textDocument/didOpen`."""
        item = params["textDocument"]
        self._keep(Buffer(item["uri"], item["text"], item["version"], encoding=self.encoding))

    def did_change(self, params: Mapping[str, Any]) -> None:
        """Take `textDocument/didChange`; edits of a document that is not open are ignored."""
        item = params["textDocument"]
        buffer = self._open.get(item["uri"])
        if buffer is not None:
            version = item.get("version") or buffer.version
            self._keep(buffer.edited(params["contentChanges"], version))

    def did_close(self, params: Mapping[str, Any]) -> None:
        """Take `textDocument/didClose`."""
        uri = params["textDocument"]["uri"]
        if self._open.pop(uri, None) is not None:
            for listener in self._closed:
                listener(uri)

    def _keep(self, buffer: Buffer) -> None:
        self._open[buffer.uri] = buffer
        self.active = buffer.uri
        for listener in self._changed:
            listener(buffer.uri)
