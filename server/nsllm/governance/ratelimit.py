"""How much each client, and all of them together, may ask: token buckets.

A bucket holds a minute's share and fills evenly (the token bucket of RFC 2697, section 3, with
one rate). A request takes one from the bucket of requests. How many tokens an answer will take is
not known before, so they are taken afterwards: their bucket may fall below zero, and the next
question waits until it is filled again.
"""

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from nsllm.errors import MachineError, RateLimitedError
from nsllm.settings import Limits

_MINUTE_S = 60.0
_FORGET_S = 3600.0
"""A bucket that nobody used for so long is full again, and need not be kept."""

Unit = Literal["requests", "tokens"]


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What a bucket held at a moment, in seconds of the clock."""

    level: float
    at: float


class Store(Protocol):
    """Keeps buckets by key."""

    def update(self, keys: Sequence[str]) -> AbstractContextManager[dict[str, Bucket]]:
        """Lend the buckets of these keys; what is in the mapping at the end is kept.

        Nobody else reads or changes them meanwhile; after an exception they are as they were.
        """


class ProcessStore:
    """Buckets of one process."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    @contextmanager
    def update(self, keys: Sequence[str]) -> Iterator[dict[str, Bucket]]:
        """Lend the buckets of these keys."""
        with self._lock:
            lent = {key: self._buckets[key] for key in keys if key in self._buckets}
            yield lent
            self._buckets.update(lent)


class SharedStore:
    """Buckets of all processes of a user, in a small database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def update(self, keys: Sequence[str]) -> Iterator[dict[str, Bucket]]:
        """Lend the buckets of these keys.

        Raises:
            MachineError: the database cannot be used.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as database:
                # What a power cut loses here is a minute's worth of counting.
                database.execute("PRAGMA synchronous = OFF")
                database.execute("BEGIN IMMEDIATE")
                database.execute(
                    "CREATE TABLE IF NOT EXISTS buckets "
                    "(key TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL) STRICT"
                )
                yield from self._lend(database, keys)
                database.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise MachineError(
                f"{self._path} cannot be used to count what was asked: {error}.",
                hint="Delete the file, or set the keys of `limits` to 0.",
            ) from error

    def _lend(
        self, database: sqlite3.Connection, keys: Sequence[str]
    ) -> Iterator[dict[str, Bucket]]:
        marks = ", ".join("?" * len(keys))
        rows = database.execute(
            f"SELECT key, level, at FROM buckets WHERE key IN ({marks})",  # noqa: S608 - marks only
            list(keys),
        )
        lent = {key: Bucket(level=level, at=at) for key, level, at in rows}
        yield lent
        database.executemany(
            "INSERT OR REPLACE INTO buckets (key, level, at) VALUES (?, ?, ?)",
            [(key, bucket.level, bucket.at) for key, bucket in lent.items()],
        )
        newest = max((bucket.at for bucket in lent.values()), default=0.0)
        database.execute("DELETE FROM buckets WHERE at < ? AND level >= 0", (newest - _FORGET_S,))


class _Limit(msgspec.Struct, frozen=True, kw_only=True):
    """One limit that is set."""

    key: str
    setting: str
    unit: Unit
    per_minute: int

    def filled(self, buckets: Mapping[str, Bucket], now: float) -> float:
        """Return what the bucket holds now; one that was never used is full."""
        bucket = buckets.get(self.key)
        if bucket is None:
            return float(self.per_minute)
        # A clock that was put back fills nothing, and takes nothing away.
        elapsed = max(0.0, now - bucket.at)
        return min(self.per_minute, bucket.level + elapsed * self.per_minute / _MINUTE_S)

    def wait_s(self, level: float) -> float:
        """Return how long it takes until a question may be asked."""
        missing = 1.0 - level
        # Rounding in the last place must not make anyone wait once more.
        return missing * _MINUTE_S / self.per_minute if missing > 1e-9 else 0.0


class RateLimiter:
    """Lets questions pass as `[limits]` allows; safe for several threads.

    `clock` gives seconds that mean the same to all who share the store.
    """

    def __init__(
        self, limits: Limits, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        self._limits = limits
        self._store = store
        self._clock = clock

    @property
    def is_off(self) -> bool:
        """Tell whether nothing is limited."""
        return not any(msgspec.structs.astuple(self._limits))

    def admit(self, client: str) -> None:
        """Count a request of a client, or refuse it.

        Raises:
            RateLimitedError: a limit is used up; says for how long. The request is not counted.
        """
        if self.is_off:
            return
        limits = self._of(client)
        with self._store.update([limit.key for limit in limits]) as buckets:
            now = self._clock()
            levels = {limit.key: limit.filled(buckets, now) for limit in limits}
            slowest = max(limits, key=lambda limit: limit.wait_s(levels[limit.key]))
            wait_s = slowest.wait_s(levels[slowest.key])
            if wait_s > 0:
                raise _refusal(slowest, wait_s)
            for limit in limits:
                taken = 1.0 if limit.unit == "requests" else 0.0
                buckets[limit.key] = Bucket(level=levels[limit.key] - taken, at=now)

    def charge(self, client: str, tokens: int) -> None:
        """Take the tokens that were generated for a client."""
        limits = [limit for limit in self._of(client) if limit.unit == "tokens"]
        if not limits or not tokens:
            return
        with self._store.update([limit.key for limit in limits]) as buckets:
            now = self._clock()
            for limit in limits:
                level = limit.filled(buckets, now) - tokens
                buckets[limit.key] = Bucket(level=level, at=now)

    def _of(self, client: str) -> list[_Limit]:
        units: tuple[Unit, ...] = ("requests", "tokens")
        limits = [
            _Limit(key=key, setting=setting, unit=unit, per_minute=getattr(self._limits, setting))
            for unit in units
            for key, setting in (
                (f"{unit} of {client}", f"{unit}_per_minute"),
                (f"all {unit}", f"total_{unit}_per_minute"),
            )
        ]
        return [limit for limit in limits if limit.per_minute]


def _refusal(limit: _Limit, wait_s: float) -> RateLimitedError:
    what = "request" if limit.unit == "requests" else "generated token"
    plural = "" if limit.per_minute == 1 else "s"
    whose = "all clients together" if limit.setting.startswith("total") else "one client"
    return RateLimitedError(
        f"The limit of {limit.per_minute:,} {what}{plural} a minute for {whose} is used up.",
        hint=f"Ask again in {math.ceil(wait_s)} s, or raise `limits.{limit.setting}`.",
        retry_after_s=wait_s,
    )
