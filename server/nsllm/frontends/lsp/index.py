"""`nsllm/index`: the state of the indexes, and bringing them up to date."""

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from nsllm.frontends.lsp.folder import Folder
from nsllm.frontends.lsp.protocol import decode
from nsllm.frontends.lsp.work import Token

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/index`."""

    action: Literal["status", "sync", "rebuild"]
    workspace: str | None = None
    work_done_token: Token | None = msgspec.field(default=None, name="workDoneToken")


def register(server: "Server") -> None:
    """Serve the request."""

    async def index(params: object) -> dict[str, Any]:
        asked = decode(Index, params)
        if asked.workspace is None:
            folders = list(server.workspaces)
        else:
            folders = [server.workspaces.pick(asked.workspace)]
        if asked.action != "status":
            title = f"Indexing {', '.join(folder.path.name for folder in folders)}"
            # A token begins once and ends once, however many folders there are.
            async with server.work.show(asked.work_done_token, title) as show:
                for folder in folders:
                    await server.workspaces.sync_now(
                        folder, show, rebuild=asked.action == "rebuild"
                    )
        return {"folders": [_describe(server, folder) for folder in folders]}

    server.handle("nsllm/index", index)


def _describe(server: "Server", folder: Folder) -> dict[str, Any]:
    report = folder.report
    described = folder.describe() | {
        "busy": server.workspaces.is_indexing(folder),
        "skipped": msgspec.to_builtins(report.skipped) if report else [],
    }
    if report and report.rebuilt_because:
        described["rebuilt_because"] = report.rebuilt_because
    return described
