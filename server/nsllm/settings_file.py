"""Change one value of the user's own nsllm.toml and leave the rest of the file as it is."""

import os
import tempfile
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from nsllm import home, settings
from nsllm.errors import DiskFullError, SettingsError


def remember(section: str, key: str, value: str) -> Path:
    """Set `section.key` in the user's nsllm.toml, and return the file.

    Raises:
        SettingsError: the file is broken already, or cannot take the value.
        DiskFullError: it cannot be written; the old one is untouched.
    """
    settings.load()
    path = home.settings_folder() / settings.FILE_NAME
    # As bytes, which keep the line ends.
    text = path.read_bytes().decode() if path.exists() else ""
    changed = _with_value(path, text, section, key, value)
    settings.check(changed, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".nsllm-", suffix=".toml")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(changed)
        Path(name).replace(path)
    except OSError as error:
        raise DiskFullError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Free some space or check the folder's permissions.",
        ) from error
    return path


def _with_value(path: Path, text: str, section: str, key: str, value: str) -> str:
    try:
        document = tomlkit.parse(text)
        if section not in document:
            document.add(section, tomlkit.table())
        document[section][key] = value
        return document.as_string()
    except TOMLKitError as error:
        raise SettingsError(
            f"{path} cannot be changed: {error}.",
            hint=f"Set `{key}` under `[{section}]` there yourself.",
            file=path,
        ) from error
