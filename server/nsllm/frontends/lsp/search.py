"""`nsllm/search`: the passages nearest to a query, unsaved buffers included."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from nsllm.frontends import wire
from nsllm.frontends.lsp.protocol import decode

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/search`."""

    query: str
    top_k: Annotated[int, msgspec.Meta(ge=1, le=50)] | None = None
    workspace: str | None = None


def register(server: "Server") -> None:
    """Serve the request."""

    async def search(params: object) -> dict[str, Any]:
        asked = decode(Search, params)
        folder = server.workspaces.pick(asked.workspace)
        application = await folder.application()
        # What was typed a moment ago counts: the client's edits came before its question.
        await folder.flush()
        passages = await application.search(asked.query, asked.top_k)
        sources = [wire.source(i, passage) for i, passage in enumerate(passages, start=1)]
        return {"hits": msgspec.to_builtins(sources)}

    server.handle("nsllm/search", search)
