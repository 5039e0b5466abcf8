"""`nsllm/models`: list, choose, fetch, remove and verify models; what an answer still lacks."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from nsllm.errors import SettingsError, UsageError
from nsllm.frontends import wire
from nsllm.frontends.lsp.protocol import decode
from nsllm.frontends.lsp.work import Token
from nsllm.types import ProgressListener

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server
    from nsllm.models.registry import Model
    from nsllm.runtime import ModelRuntime

_TITLES = {
    "use": "Switching to {}",
    "pull": "Fetching {}",
    "remove": "Removing {}",
    "verify": "Verifying {}",
}


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of `nsllm/models`."""

    action: Literal["list", "missing", "use", "pull", "remove", "verify"]
    id: str | None = None
    work_done_token: Token | None = msgspec.field(default=None, name="workDoneToken")


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A model that an answer takes and that has to be fetched, again where it is damaged."""

    id: str
    task: str
    licence: str
    download_bytes: int
    """0 where it is made of another one that is fetched with it."""
    source: str


def register(server: "Server") -> None:
    """Serve the request."""

    async def models(params: object) -> dict[str, Any]:
        asked = decode(Models, params)
        if asked.action == "missing":
            runtime = await server.workspaces.models()
            missing = await asyncio.to_thread(_missing, runtime)
            return {"missing": msgspec.to_builtins(missing)}
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


def _missing(runtime: "ModelRuntime") -> list[Missing]:
    models = runtime.missing()
    fetched = {model.id for model in models}
    found = []
    for model in models:
        # A base that is fetched brings what is made of it.
        source = model if model.base in fetched else runtime.registry.fetched_for(model)
        found.append(
            Missing(
                id=model.id,
                task=model.task,
                licence=model.licence,
                download_bytes=source.download_bytes,
                source=source.origin,
            )
        )
    return found


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
    from nsllm.settings import FILE_NAME
    from nsllm.settings_file import remember

    setting = setting_of(model)
    await asyncio.to_thread(remember, "models", setting, model.id)
    await server.workspaces.reconfigure()
    if model.id not in (await server.workspaces.models()).needed():
        raise SettingsError(
            f"The model {model.id} was chosen, but `models.{setting}` is set elsewhere too.",
            hint=f"Remove it from the editor's settings (nsllm.models.{setting}), from the "
            f"workspace's {FILE_NAME} and from the environment (NSLLM_MODELS_{setting.upper()}): "
            "they come first.",
        )


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
