"""Where the audit log's head is kept, outside the log itself: how many entries, and their digest.

Two files in a folder that only the user may enter: `key`, the secret that seals entries and head,
and `head`, rewritten before and after each entry. Between the two the head names both states of
the log that a crash may leave behind, so that a crash never looks like a cut.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec

from nsllm import private

GENESIS = b"\0" * 32
"""What the first entry is chained to."""

_KEY_BYTES = 32
_HEAD_BYTES = 512
"""The head has one length, within one page: it is replaced in one write, whole or not at all."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The number and the digest of the last entry; 0 and GENESIS before the first."""

    number: int = 0
    digest: bytes = GENESIS


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The head, and the one that the log has instead if the entry under way was written."""

    head: Head
    next: Head | None = None

    def allows(self, head: Head) -> bool:
        """Tell whether a log with this head is as it was left."""
        return head in (self.head, self.next)


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    anchor: Anchor
    mac: bytes


class Seal:
    """The key and the head file; the log's lock must be held to read or write the head."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._head_path = folder / "head"
        self._key_path = folder / "key"
        self._key: bytes | None = None

    @property
    def folder(self) -> Path:
        """Where the two files are."""
        return self._folder

    @property
    def lock_path(self) -> Path:
        """The file whose lock guards log and head together."""
        return self._folder / "lock"

    @property
    def is_key_private(self) -> bool:
        """Tell whether nobody but the user may read the key, as far as file modes say."""
        with contextlib.suppress(OSError):
            return os.name == "nt" or not self._key_path.stat().st_mode & 0o077
        return True

    def prepare(self) -> None:
        """Make the folder."""
        private.make_folder(self._folder)

    def key(self) -> bytes | None:
        """Return the key; None where there is none."""
        if self._key is None:
            with contextlib.suppress(OSError, ValueError):
                key = bytes.fromhex(self._key_path.read_text(encoding="ascii"))
                self._key = key if len(key) == _KEY_BYTES else None
        return self._key

    def has_head(self) -> bool:
        """Tell whether there is a head file, sound or not."""
        return self._head_path.exists()

    def make_key(self) -> bytes:
        """Make a new key, and a head where there is none yet."""
        key = secrets.token_bytes(_KEY_BYTES)
        if not self.has_head():
            # In this order a crash leaves a head without key, which says nothing; a key without
            # head would say that the head was taken away.
            self._replace(self._head_path, _encode(Anchor(head=Head()), key))
        self._replace(self._key_path, key.hex().encode())
        self._key = key
        return key

    def read(self) -> Anchor | None:
        """Return the anchor; None where there is none that the key has sealed."""
        try:
            body = self._head_path.read_bytes()
            stored = msgspec.json.decode(body, type=_Stored)
        except (OSError, msgspec.MsgspecError):
            return None
        for _ in range(2):
            key = self.key()
            if key and hmac.compare_digest(body, _encode(stored.anchor, key)):
                return stored.anchor
            # Another process may have had to make a new key since this one read it.
            self._key = None
        return None

    def write(self, anchor: Anchor, *, flush: bool = False) -> None:
        """Replace the anchor in one write; `flush` waits until it is on the disk."""
        body = _encode(anchor, self.required_key())
        if not self.has_head():
            self._replace(self._head_path, body)
        with self._head_path.open("r+b", buffering=0) as file:
            file.write(body)
            if flush:
                os.fsync(file.fileno())

    def required_key(self) -> bytes:
        """Return the key.

        Raises:
            FileNotFoundError: there is none.
        """
        key = self.key()
        if key is None:
            raise FileNotFoundError(self._key_path)
        return key

    def _replace(self, path: Path, body: bytes) -> None:
        draft = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def seal_entry(digest: bytes, key: bytes) -> bytes:
    """Return the HMAC-SHA256 (RFC 2104) that shows that an entry was written with the key."""
    return hmac.digest(key, b"nsllm audit entry\0" + digest, hashlib.sha256)


def _encode(anchor: Anchor, key: bytes) -> bytes:
    body = msgspec.json.encode(_Stored(anchor=anchor, mac=_mac(anchor, key)))
    return body.ljust(_HEAD_BYTES - 1) + b"\n"


def _mac(anchor: Anchor, key: bytes) -> bytes:
    body = b"nsllm audit head\0" + msgspec.json.encode(anchor)
    return hmac.digest(key, body, hashlib.sha256)
