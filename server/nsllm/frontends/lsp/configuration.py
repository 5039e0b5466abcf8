"""The editor's settings: pulled, validated, and the last good ones kept when they are wrong."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from nsllm import settings
from nsllm.errors import SettingsError
from nsllm.settings import Settings

SECTION = "nsllm"
OF_THE_CLIENT = frozenset({"client", "server", "trace"})
"""Tables of the section that the editor's own side reads."""

Pull = Callable[[str | None], Awaitable[Mapping[str, Any]]]
"""Fetches the section as it holds in the folder of a URI."""
Complain = Callable[[SettingsError], None]


class Configuration:
    """Settings of each folder, over the files' and the environment's."""

    def __init__(self, pull: Pull | None, complain: Complain, *, trusted: bool) -> None:
        self._pull = pull
        self._complain = complain
        self._trusted = trusted
        self._pushed: Mapping[str, Any] = {}
        self._good: dict[str | None, Settings] = {}
        self._complaints: dict[str | None, str] = {}

    def push(self, section: object) -> None:
        """Take what a client that cannot be asked sends with didChangeConfiguration."""
        if isinstance(section, Mapping):
            self._pushed = section.get(SECTION) or {}

    async def load(self, uri: str | None, folder: Path | None) -> Settings:
        """Return the settings of a folder; if they are wrong, say so once and keep the last."""
        section = await self._pull(uri) if self._pull else self._pushed
        try:
            loaded = settings.load(folder, overrides=_set(section), trusted=self._trusted)
        except SettingsError as error:
            if self._complaints.get(uri) != error.message:
                self._complaints[uri] = error.message
                self._complain(error)
            return self._good.get(uri, Settings())
        self._complaints.pop(uri, None)
        self._good[uri] = loaded
        return loaded


def _set(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set: null is unset, and the client's own tables are not ours."""
    return {
        name: {key: value for key, value in table.items() if value is not None}
        if isinstance(table, Mapping)
        else table
        for name, table in section.items()
        if name not in OF_THE_CLIENT and table is not None
    }
