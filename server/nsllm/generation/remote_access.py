"""The token for a generator on another machine: from a file or a variable, never from settings."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from nsllm.errors import RemoteError, SettingsError
from nsllm.settings import Remote


def authorization(remote: Remote) -> dict[str, str]:
    """Return the header that goes with every request; none where no token is configured.

    Raises:
        SettingsError: the URL is none, or holds a password.
        RemoteError: the token's file cannot be read.
    """
    check_url(remote.url)
    token = os.environ.get(remote.token_variable, "") if remote.token_variable else ""
    if remote.token_file:
        path = Path(remote.token_file).expanduser()
        try:
            token = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteError(
                f"The token in {path} cannot be read: {error}.",
                hint="Mend `remote.token_file`.",
                reason="refused",
            ) from error
    token = token.strip()
    if not token:
        return {}
    if not token.isascii() or any(character.isspace() for character in token):
        raise RemoteError(
            "The token for the remote server is more than one word, or not in ASCII.",
            hint="The file or variable holds the token and nothing else.",
            reason="refused",
        )
    return {"Authorization": f"Bearer {token}"}


def check_url(url: str) -> None:
    """Refuse what is no address of a server.

    Raises:
        SettingsError: names what is wrong with it.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        secret = parts.username is not None or bool(parts.query)
    except ValueError:
        fits = secret = False
    if not fits or secret:
        raise SettingsError(
            "`remote.url` is no address of a server, or holds a user name or a query.",
            hint="Give it like http://host:8000/v1; a token belongs into `remote.token_file`.",
        )
