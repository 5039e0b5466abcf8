"""The chain of the audit log's entries, and how it is checked. No I/O.

Entry n carries digest(n) = SHA-256(digest(n-1) ‖ n ‖ kind ‖ body), and a seal of that digest with
a secret key: the digests tie the entries to one order, the seals to the one who wrote them.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

import msgspec

from nsllm.governance.anchor import GENESIS, Anchor, Head, seal_entry

_T = TypeVar("_T")

_MAX_KIND_BYTES = 0xFFFF
"""Two bytes of what is hashed hold the length."""

Kind = Literal["record", "checkpoint", "break", "migration"]

FaultKind = Literal[
    "edited", "unsealed", "missing", "cut", "unanchored", "replaced", "key", "head", "pin",
    "break", "migration", "schema", "unreadable",
]  # fmt: skip


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log; `body` is JSON, exactly as it was written."""

    number: int
    kind: str
    body: bytes
    digest: bytes
    mac: bytes

    @property
    def head(self) -> Head:
        """The head of a log of which this is the last entry."""
        return Head(number=self.number, digest=self.digest)

    def follows(self, previous: bytes) -> bool:
        """Tell whether it was written as it is, behind one with the digest `previous`."""
        if len(self.kind.encode()) > _MAX_KIND_BYTES:
            return False
        return digest_of(previous, self.number, self.kind, self.body) == self.digest


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an entry that says which older ones retention removed."""

    time: str
    before: str
    """Entries older than this were removed."""
    through: int
    """The last of them."""
    digest: bytes
    """The digest of that one: what the first entry that was kept is chained to."""
    removed: int
    faults: tuple[str, ...] = ()
    """What had been found wrong among the removed ones: retention must not make it forgotten."""


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an entry that was written after a log which was not as it had been left."""

    time: str
    reason: str
    expected: Head
    found: Head


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an entry that says what was taken over from the format before this one."""

    time: str
    entries: int
    head: bytes
    fault: str | None = None
    """What was wrong with the old chain."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was written, about the entries `first` to `last`."""

    kind: FaultKind
    message: str
    first: int | None = None
    last: int | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What checking a log has shown."""

    entries: int
    head: Head
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None
    """What retention has removed."""

    @property
    def intact(self) -> bool:
        """Tell whether every entry is there, and as it was written."""
        return not self.faults


def digest_of(previous: bytes, number: int, kind: str, body: bytes) -> bytes:
    """Return the digest of an entry that follows one with the digest `previous`."""
    name = kind.encode()
    place = number.to_bytes(8, signed=True)
    framed = b"".join((previous, place, len(name).to_bytes(2), name, body))
    return hashlib.sha256(framed).digest()


def sealed(head: Head, kind: Kind, body: bytes, key: bytes, *, number: int | None = None) -> Entry:
    """Return the entry that follows `head`; its number is the next one, unless another is given."""
    number = number or head.number + 1
    digest = digest_of(head.digest, number, kind, body)
    mac = seal_entry(digest, key)
    return Entry(number=number, kind=kind, body=body, digest=digest, mac=mac)


def check(entries: Iterable[Entry], *, key: bytes | None, anchor: Anchor | None) -> Verification:
    """Check entries, given in the order of their numbers, against the key and the anchor.

    Without key the seals cannot be checked, and without anchor a cut tail cannot be seen: the
    caller says so.
    """
    walk = _Walk(key)
    for entry in entries:
        walk.step(entry)
    walk.finish()
    if anchor is not None:
        walk.compare(anchor)
    return Verification(
        entries=walk.count,
        head=walk.head,
        faults=tuple(joined(walk.faults)),
        checkpoint=walk.checkpoint,
    )


class _Walk:
    """The state of one walk along the chain."""

    def __init__(self, key: bytes | None) -> None:
        self.faults: list[Fault] = []
        self.count = 0
        self.head = Head()
        self.checkpoint: Checkpoint | None = None
        self._key = key
        self._first: Entry | None = None

    def step(self, entry: Entry) -> None:
        number = entry.number
        is_first = self._first is None
        self._first = self._first or entry
        self.count += 1
        # Where entries were pruned the first one's chain is checked at the end, against what the
        # checkpoint says: that comes later.
        if not is_first or number == 1:
            follows = number == self.head.number + 1
            if not follows:
                self._missing(self.head.number + 1, number - 1)
            if not entry.follows(self.head.digest):
                if follows or entry.kind == "break":
                    self._fault("edited", number)
            elif self._is_sealed(entry):
                self._read_event(entry)
        if not self._is_sealed(entry):
            self._fault("unsealed", number)
        self.head = Head(number=number, digest=entry.digest)

    def finish(self) -> None:
        """Check the first entry of a log that does not begin with number 1."""
        first = self._first
        if first is None or first.number == 1:
            return
        checkpoint = self.checkpoint or self._own_checkpoint(first)
        if checkpoint is None or checkpoint.through != first.number - 1:
            self._missing(1, first.number - 1)
            # A log that was begun anew starts with the break that says so.
            if not first.follows(GENESIS):
                self._fault("edited", first.number)
            elif self._is_sealed(first):
                self._read_event(first)
            return
        if not first.follows(checkpoint.digest):
            self._fault("edited", first.number)
        elif self._is_sealed(first):
            self._read_event(first)

    def compare(self, anchor: Anchor) -> None:
        """Compare the end of the chain with the anchor."""
        if anchor.allows(self.head):
            return
        expected, found = anchor.head, self.head
        if found.number < expected.number:
            message = "cut off at the end: the head outside the log counts them"
            self.faults.append(
                Fault(kind="cut", first=found.number + 1, last=expected.number, message=message)
            )
        elif found.number > expected.number:
            message = "not counted by the head outside the log: it or the log was replaced"
            self.faults.append(
                Fault(
                    kind="unanchored",
                    first=expected.number + 1,
                    last=found.number,
                    message=message,
                )
            )
        else:
            message = "not the one that the head outside the log names: one was replaced"
            self.faults.append(
                Fault(kind="replaced", first=found.number, last=found.number, message=message)
            )

    def _is_sealed(self, entry: Entry) -> bool:
        return self._key is None or hmac.compare_digest(
            entry.mac, seal_entry(entry.digest, self._key)
        )

    def _own_checkpoint(self, first: Entry) -> Checkpoint | None:
        """Return the checkpoint that is itself the first entry: all before it were removed."""
        if first.kind != "checkpoint" or not self._is_sealed(first):
            return None
        return _decode(first, Checkpoint)

    def _read_event(self, entry: Entry) -> None:
        if entry.kind == "checkpoint" and (checkpoint := _decode(entry, Checkpoint)):
            # The first entry is read last, and may be an older checkpoint.
            if self.checkpoint is None or checkpoint.through > self.checkpoint.through:
                self.checkpoint = checkpoint
            self.faults += [Fault(kind="break", message=message) for message in checkpoint.faults]
        elif entry.kind == "break" and (found := _decode(entry, Break)):
            message = f"on {found.time} the log was not as it had been left: {found.reason}"
            self.faults.append(
                Fault(kind="break", first=entry.number, last=entry.number, message=message)
            )
        elif entry.kind == "migration" and (taken := _decode(entry, Migration)) and taken.fault:
            message = f"taken over from a log that was not intact: {taken.fault}"
            self.faults.append(
                Fault(kind="migration", first=1, last=taken.entries, message=message)
            )

    def _missing(self, first: int, last: int) -> None:
        if first <= last:
            self.faults.append(Fault(kind="missing", first=first, last=last, message="missing"))

    def _fault(self, kind: Literal["edited", "unsealed"], number: int) -> None:
        messages = {
            "edited": "not as written: changed, moved or put in",
            "unsealed": "not sealed with this log's key: written by someone else",
        }
        self.faults.append(Fault(kind=kind, first=number, last=number, message=messages[kind]))


def _decode(entry: Entry, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(entry.body, type=kind)
    except (ValueError, RecursionError):  # ValueError: of msgspec, and of bytes that are no UTF-8
        return None


def joined(faults: Sequence[Fault]) -> list[Fault]:
    """Join faults that say the same of entries in a row."""
    result: list[Fault] = []
    for fault in faults:
        before = result[-1] if result else None
        if (
            before
            and before.kind == fault.kind
            and before.message == fault.message
            and before.last is not None
            and fault.first == before.last + 1
        ):
            result[-1] = msgspec.structs.replace(before, last=fault.last)
        elif fault not in result:
            result.append(fault)
    return result
