"""What the server asks of the client, and does without where the client refuses it."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from nsllm.frontends.lsp.configuration import SECTION

if TYPE_CHECKING:
    from nsllm.frontends.lsp.server import Server

logger = logging.getLogger(__name__)

_GATHER_S = 0.3
"""Documents that rest on the same sources are judged within about as long of each other."""

_ANSWER_S = 10.0
"""How long a client may take to answer what it answers without its user."""


async def ask(server: "Server", method: str, params: object) -> tuple[bool, Any]:
    """Ask for what we can do without; return whether the client answered, and what."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            return True, await server.ask_client(method, params)
    except TimeoutError:
        logger.warning("The editor does not answer %s.", method)
    except JsonRpcException as error:
        logger.warning("The editor refuses %s: %s", method, error)
    return False, None


async def register_for_changes(server: "Server") -> bool:
    """Register for what the client only tells when it is asked to; tell whether it will."""
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
        agreed, _ = await ask(server, types.CLIENT_REGISTER_CAPABILITY, params)
        return agreed
    return True


async def pull_section(server: "Server", uri: str | None) -> Mapping[str, Any]:
    """Return the settings as they hold in the folder of a URI; none if the client is silent."""
    item = types.ConfigurationItem(scope_uri=uri, section=SECTION)
    params = types.ConfigurationParams(items=[item])
    _, sections = await ask(server, types.WORKSPACE_CONFIGURATION, params)
    section = sections[0] if sections else None
    return section if isinstance(section, Mapping) else {}


async def new_progress(server: "Server") -> str | None:
    """Return a token on which the client shows progress that it did not ask for."""
    if not server.supports("window.workDoneProgress"):
        return None
    token = f"nsllm-{uuid.uuid4().hex}"
    params = types.WorkDoneProgressCreateParams(token=token)
    agreed, _ = await ask(server, types.WINDOW_WORK_DONE_PROGRESS_CREATE, params)
    return token if agreed else None


class Refresh:
    """Asks the client to ask again for what it shows: once for what changes in one go."""

    def __init__(self, server: "Server", method: str) -> None:
        self._server = server
        self._method = method
        self._is_due = False

    def soon(self) -> None:
        """Ask a moment later, unless that is due already."""
        if not self._is_due:
            self._is_due = True
            self._server.background.run(self._ask())

    async def _ask(self) -> None:
        await asyncio.sleep(_GATHER_S)
        self._is_due = False
        await ask(self._server, self._method, None)
