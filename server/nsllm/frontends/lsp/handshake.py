"""Answer `initialize`: what the server can do, in the words of the protocol.

Importing pygls and lsprotocol takes longer than an editor should wait for an answer, and the
answer needs neither: it is made of plain dictionaries, before they are imported.
"""

from collections.abc import Mapping
from typing import Any

from nsllm import __version__
from nsllm.frontends.lsp.positions import ENCODINGS, Encoding

Capabilities = Mapping[str, Any]

_INCREMENTAL = 2
REQUESTS = (
    "nsllm/hybridQuery",
    "nsllm/search",
    "nsllm/check",
    "nsllm/answer",
    "nsllm/region",
    "nsllm/models",
    "nsllm/index",
    "nsllm/audit",
)


def supports(capabilities: Capabilities, path: str) -> bool:
    """Tell whether a client has a capability, named by its path (`workspace.configuration`)."""
    found: Any = capabilities
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    # An empty object is a capability without options; false and absent are none.
    return found is not None and found is not False


def encoding_of(capabilities: Capabilities) -> Encoding:
    """Return the position encoding: the first that the client offers and we know."""
    general = capabilities.get("general") or {}
    for offered in general.get("positionEncodings") or ():
        for known in ENCODINGS:
            if offered == known:
                return known
    return "utf-16"


def initialize_result(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of `initialize` for a client's parameters."""
    capabilities = params.get("capabilities") or {}
    offered: dict[str, Any] = {
        "positionEncoding": encoding_of(capabilities),
        "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": True},
        "hoverProvider": True,
        "codeLensProvider": {"resolveProvider": False},
        "codeActionProvider": {"codeActionKinds": ["quickfix"]},
        "workspace": {
            "workspaceFolders": {"supported": True, "changeNotifications": True},
            "fileOperations": {
                "didRename": {"filters": [{"scheme": "file", "pattern": {"glob": "**/*"}}]}
            },
        },
        "experimental": {"nsllm": {"requests": list(REQUESTS), "notifications": ["nsllm/status"]}},
    }
    if supports(capabilities, "textDocument.diagnostic"):
        offered["diagnosticProvider"] = {
            "identifier": "nsllm",
            "interFileDependencies": True,
            "workspaceDiagnostics": False,
        }
    return {
        "capabilities": offered,
        "serverInfo": {"name": "nsllm", "version": __version__},
    }
