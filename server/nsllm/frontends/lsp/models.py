"""`nsllm/models`: list, choose, fetch, remove and verify models."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from nsllm.errors import UsageError
from nsllm.frontends import wire
from nsllm.frontends.lsp.protocol import decode
from nsllm.frontends.lsp.work import Token
from nsllm.types import ProgressListener

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server
    from nsllm.models.registry import Model

_TITLES = {
    "use": "Switching to {}",
    "pull": "Fetching {}",
    "remove": "Removing {}",
    "verify": "Verifying {}",
}


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/models`."""

    action: Literal["list", "use", "pull", "remove", "verify"]
    id: str | None = None
    work_done_token: Token | None = msgspec.field(default=None, name="workDoneToken")


def register(server: "Server") -> None:
    """Serve the request."""

    async def models(params: object) -> dict[str, Any]:
        asked = decode(Models, params)
        if asked.action != "list":
            if asked.id is None:
                raise UsageError(
                    f"`nsllm/models` with `{asked.action}` takes an `id`.",
                    hint="`list` names the models.",
                )
            title = _TITLES[asked.action].format(asked.id)
            async with server.work.show(asked.work_done_token, title) as show:
                await _act(server, asked.action, asked.id, show)
        runtime = await server.workspaces.models()
        listed = await asyncio.to_thread(wire.models, runtime)
        return {"models": msgspec.to_builtins(listed)}

    server.handle("nsllm/models", models)


async def _act(server: "Server", action: str, name: str, show: ProgressListener) -> None:
    runtime = await server.workspaces.models()
    model = runtime.registry.get(name)
    if action == "use":
        await _use(server, model)
    elif action == "pull":
        await runtime.pull(name, show)
        server.workspaces.models_changed()
    elif action == "remove":
        from nsllm.models import install

        # What is in use holds the files open, which Windows does not delete.
        await server.workspaces.release_models()
        await asyncio.to_thread(install.remove, name)
        server.workspaces.models_changed()
    else:
        await _verify(server, name, show)


async def _use(server: "Server", model: "Model") -> None:
    from nsllm.models.registry import setting_of
    from nsllm.settings_file import remember

    await asyncio.to_thread(remember, "models", setting_of(model), model.id)
    await server.workspaces.reconfigure()


async def _verify(server: "Server", name: str, show: ProgressListener) -> None:
    from nsllm.models.verify import verify

    runtime = await server.workspaces.models()
    if runtime.is_remote(name):
        await runtime.examine(name, show)
        return
    installed = runtime.registry.installed(name)
    if installed is None:
        raise UsageError(f"{name} is not here.", hint="Fetch it first.")
    await asyncio.to_thread(verify, installed, show)
    if installed.manifest.task == "generation":
        await runtime.examine(name, show)
