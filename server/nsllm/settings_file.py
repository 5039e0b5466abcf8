"""Change one value of the user's own nsllm.toml and leave the rest of the file as it is."""

import json
import os
import re
import tempfile
from pathlib import Path

from nsllm import home, settings
from nsllm.errors import DiskFullError

_TABLE = re.compile(r"^\s*\[([^\]]+)\]\s*(?:#.*)?$")


def remember(section: str, key: str, value: str) -> Path:
    """Set `section.key` in the user's nsllm.toml, and return the file.

    Raises:
        SettingsError: the file is broken already, or would be.
        DiskFullError: it cannot be written; the old one is untouched.
    """
    settings.load()
    path = home.settings_folder() / settings.FILE_NAME
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    changed = _with_value(text, section, key, json.dumps(value))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".nsllm-", suffix=".toml")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(changed)
        Path(name).replace(path)
    except OSError as error:
        raise DiskFullError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Free some space or check the folder's permissions.",
        ) from error
    return path


def _with_value(text: str, section: str, key: str, value: str) -> str:
    lines = text.splitlines()
    wanted = f"{key} = {value}"
    current = ""
    end_of_section: int | None = None
    for number, line in enumerate(lines):
        if match := _TABLE.match(line):
            current = match[1].strip()
        if current == section:
            if re.match(rf"\s*{re.escape(key)}\s*=", line):
                lines[number] = wanted
                return "\n".join(lines) + "\n"
            if line.strip():
                end_of_section = number + 1
    if end_of_section is None:
        lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        end_of_section = len(lines)
    lines.insert(end_of_section, wanted)
    return "\n".join(lines) + "\n"
