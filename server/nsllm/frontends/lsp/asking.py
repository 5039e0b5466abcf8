"""What the server asks of the client."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from nsllm.frontends.lsp.configuration import SECTION

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

_ANSWER_S = 10.0
"""How long a client may take to answer a question about its settings."""


async def register_for_changes(server: "Server") -> None:
    """Register for what the client only tells when it is asked to."""
    wanted: dict[str, Any] = {}
    if server.supports("workspace.didChangeConfiguration.dynamicRegistration"):
        wanted[types.WORKSPACE_DID_CHANGE_CONFIGURATION] = {"section": SECTION}
    if server.supports("workspace.didChangeWatchedFiles.dynamicRegistration"):
        wanted[types.WORKSPACE_DID_CHANGE_WATCHED_FILES] = {"watchers": [{"globPattern": "**/*"}]}
    if wanted:
        registrations = [
            types.Registration(id=f"nsllm-{method}", method=method, register_options=options)
            for method, options in wanted.items()
        ]
        params = types.RegistrationParams(registrations=registrations)
        await server.ask_client(types.CLIENT_REGISTER_CAPABILITY, params)


async def pull_section(server: "Server", uri: str | None) -> Mapping[str, Any]:
    """Return the settings as they hold in the folder of a URI; none if the client is silent."""
    item = types.ConfigurationItem(scope_uri=uri, section=SECTION)
    params = types.ConfigurationParams(items=[item])
    try:
        async with asyncio.timeout(_ANSWER_S):
            [section] = await server.ask_client(types.WORKSPACE_CONFIGURATION, params)
    except TimeoutError:
        return {}
    return section if isinstance(section, Mapping) else {}


async def new_progress(server: "Server") -> str | None:
    """Return a token on which the client shows progress that it did not ask for."""
    if not server.supports("window.workDoneProgress"):
        return None
    token = f"nsllm-{uuid.uuid4().hex}"
    params = types.WorkDoneProgressCreateParams(token=token)
    await server.ask_client(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params)
    return token
