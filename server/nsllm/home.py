"""Where everything lives on disk: the platform's user folders, or `NSLLM_HOME`."""

import hashlib
import os
from pathlib import Path

import platformdirs

_VARIABLE = "NSLLM_HOME"


def data_folder() -> Path:
    """Return the folder of models, indexes and the audit log; it need not exist yet."""
    override = os.environ.get(_VARIABLE)
    if override:
        return Path(override).expanduser().absolute()
    return platformdirs.user_data_path("nsllm", appauthor=False)


def settings_folder() -> Path:
    """Return the folder of the user's own nsllm.toml and models.toml."""
    if os.environ.get(_VARIABLE):
        return data_folder()
    return platformdirs.user_config_path("nsllm", appauthor=False)


def models_folder() -> Path:
    """Return the folder that holds one folder for each installed model."""
    return data_folder() / "models"


def workspace_folder(workspace: Path) -> Path:
    """Return the folder of one workspace's index, named by the workspace's real path."""
    identity = os.path.normcase(workspace.resolve())
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return data_folder() / "workspaces" / f"{workspace.resolve().name}-{digest}"


def cache_path(workspace: Path) -> Path:
    """Return the cache of one workspace, beside its index."""
    return workspace_folder(workspace) / "cache.db"


def server_folder() -> Path:
    """Return the folder of the HTTP server's tokens."""
    return data_folder() / "server"


def audit_path() -> Path:
    """Return the audit database."""
    return data_folder() / "audit.db"


def seal_folder() -> Path:
    """Return the folder of the audit log's key and head: beside the user's own settings."""
    return settings_folder() / "audit"


def limits_path() -> Path:
    """Return the database in which all processes count what was asked."""
    return data_folder() / "limits.db"
