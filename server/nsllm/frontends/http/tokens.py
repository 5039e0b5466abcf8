"""Who may call the server: the owner's token, made at the first start, and named ones by scope."""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec

from nsllm import home, private
from nsllm.errors import DiskFullError, SettingsError, UsageError

Scope = Literal["ask", "index", "admin", "audit"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
OWNER = "owner"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PREFIX = "nsllm_"
_VISIBLE = re.compile(r"[!-~]+")
_SHORTEST = 32
"""Of a token that someone else made: 32 hexadecimal digits are 128 random bits."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a request, and what it may do."""

    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope | None) -> bool:
        """Tell whether the client may do what takes this scope; None takes any token."""
        return scope is None or scope in self.scopes


EVERYONE = Client(name="anonymous", scopes=frozenset(SCOPES))
"""The client where no token is required."""


class NamedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is kept: by its hash."""

    name: str
    scopes: tuple[Scope, ...]
    sha256: str
    created: str


class Tokens:
    """The tokens of one folder. The files are read again when they change, by this process or not.

    The owner's token stands in `token`, for its owner to read; of the named ones `tokens.json`
    holds hashes only. Both files are readable by their owner alone. Where the owner's token is
    `given` as a file, that file is read and never written.
    """

    def __init__(self, folder: Path | None = None, *, given: str = "") -> None:
        self._folder = folder or home.server_folder()
        self._given = Path(given) if given else None
        self._seen: tuple[object, object] | None = None
        self._clients: dict[bytes, Client] = {}

    @property
    def owner_path(self) -> Path:
        """The file that holds the owner's token."""
        return self._given or self._folder / "token"

    def prepare(self) -> bool:
        """Make the owner's token where there is none; tell whether it was made.

        Raises:
            DiskFullError: it cannot be written.
            SettingsError: it is given as a file that holds none.
        """
        if self._given is not None:
            _check_given(self._given)
            return False
        if self.owner_path.exists():
            private.make_file(self.owner_path)
            return False
        _write_private(self.owner_path, f"{_new()}\n".encode())
        return True

    def owner(self) -> str:
        """Return the owner's token, which `prepare` made."""
        return self.owner_path.read_text(encoding="utf-8").strip()

    def find(self, token: str) -> Client | None:
        """Return whose token this is; None where nobody's."""
        self._refresh()
        wanted = _digest(token)
        found: Client | None = None
        # All are compared, so that the time taken says nothing of which one matched.
        for digest, client in self._clients.items():
            if hmac.compare_digest(digest, wanted):
                found = client
        return found

    def named(self) -> tuple[NamedToken, ...]:
        """Return the named tokens.

        Raises:
            SettingsError: the file cannot be read.
        """
        try:
            return msgspec.json.decode(self._named_path.read_bytes(), type=tuple[NamedToken, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            raise SettingsError(
                f"{self._named_path} cannot be read: {error}.",
                hint="Mend it, or delete it and add the tokens again.",
                file=self._named_path,
            ) from error

    def add(self, name: str, scopes: tuple[Scope, ...]) -> str:
        """Make a named token and return it: it cannot be read again.

        Raises:
            UsageError: the name is taken or not a name.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a token.",
                hint="Use up to 64 letters, digits, dots, dashes and underscores.",
            )
        known = self.named()
        if name == OWNER or name in {one.name for one in known}:
            raise UsageError(f"There is a token {name}.", hint="Remove it first, or use another.")
        token = _new()
        added = NamedToken(
            name=name,
            scopes=scopes,
            sha256=_digest(token).hex(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._save((*known, added))
        return token

    def remove(self, name: str) -> None:
        """Remove a named token; a server that runs refuses it from its next request on.

        Raises:
            UsageError: there is none of this name.
        """
        known = self.named()
        kept = tuple(one for one in known if one.name != name)
        if len(kept) == len(known):
            raise UsageError(f"There is no token {name}.", hint="`nsllm tokens list` names them.")
        self._save(kept)

    @property
    def _named_path(self) -> Path:
        return self._folder / "tokens.json"

    def _save(self, named: tuple[NamedToken, ...]) -> None:
        encoded = msgspec.json.format(msgspec.json.encode(named), indent=2)
        _write_private(self._named_path, encoded + b"\n")

    def _refresh(self) -> None:
        seen = (_state(self.owner_path), _state(self._named_path))
        if seen == self._seen:
            return
        clients: dict[bytes, Client] = {}
        with contextlib.suppress(FileNotFoundError):
            owner = self.owner_path.read_text(encoding="utf-8").strip()
            if owner:
                clients[_digest(owner)] = Client(name=OWNER, scopes=frozenset(SCOPES))
        for one in self.named():
            client = Client(name=one.name, scopes=frozenset(one.scopes))
            clients[bytes.fromhex(one.sha256)] = client
        self._clients, self._seen = clients, seen


def _check_given(path: Path) -> None:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"`server.token_file`, {path}, cannot be read: {error}.",
            hint="Let the server's user read it, or leave the setting out: a token is then made.",
        ) from error
    if len(token) < _SHORTEST or not _VISIBLE.fullmatch(token):
        raise SettingsError(
            f"`server.token_file`, {path}, holds no token of {_SHORTEST} or more characters.",
            hint="Write one into it: openssl rand -hex 32",
        )


def _new() -> str:
    return _PREFIX + secrets.token_urlsafe(32)


def _digest(token: str) -> bytes:
    # Tokens are 256 random bits: a slow hash would protect nothing more.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _write_private(path: Path, body: bytes) -> None:
    """Replace a file; at no moment may others read it."""
    try:
        private.make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".token-")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(name).replace(path)
    except OSError as error:
        raise DiskFullError(
            f"{path} cannot be written: {error.strerror}.",
            hint="Free some space or check the folder's permissions.",
        ) from error
