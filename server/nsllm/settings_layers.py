"""The layers of the settings: tables from files and from the environment, and how they merge."""

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from nsllm.errors import SettingsError

Table = dict[str, Any]


def parse(text: str, path: Path) -> Table:
    """Return what the text of a settings file says.

    Raises:
        SettingsError: it is no TOML; names `path`.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(path, error) from error


def read_file(path: Path) -> Table:
    """Return what a settings file says, or nothing where there is none.

    Raises:
        SettingsError: it cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    return parse(text, path)


def read_environment(
    environment: Mapping[str, str], schema: type[msgspec.Struct], left_out: Collection[str]
) -> Table:
    """Map NSLLM_SECTION_KEY to section.key; other NSLLM_* variables are not settings."""
    table: Table = {}
    for section in msgspec.structs.fields(schema):
        for field in msgspec.structs.fields(section.type):
            value = environment.get(f"NSLLM_{section.name}_{field.name}".upper())
            if value is not None and f"{section.name}.{field.name}" not in left_out:
                is_list = field.type == tuple[str, ...]
                table.setdefault(section.name, {})[field.name] = (
                    _parts(value, section.name) if is_list else value
                )
    return table


def merge(target: Table, table: Mapping[str, Any]) -> None:
    """Put a later layer over `target`."""
    for key, value in table.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = dict(value) if isinstance(value, Mapping) else value


def _parts(value: str, section: str) -> list[str]:
    """Return the parts of a variable: paths are parted as in PATH, but addresses hold colons."""
    if section == "server":
        return value.replace(",", " ").split()
    return value.split(os.pathsep)


def _unreadable(path: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"{path} cannot be read: {error}.",
        hint="Mend the file, or move it away to use the defaults.",
        file=path,
    )
