"""Results that are kept: a text that grows, or is checked again, holds the same parts."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_MOST = 1024


class Remembered(Generic[Key, Value]):
    """Computes values in batches, each key once while it is among the last used ones."""

    def __init__(
        self, compute: Callable[[Sequence[Key]], Sequence[Value]], most: int = _MOST
    ) -> None:
        self._compute = compute
        self._most = most
        self._known: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, keys: Sequence[Key]) -> list[Value]:
        """Return the value of each key; threads may call at once."""
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        new = [key for key in dict.fromkeys(keys) if key not in found]
        if new:
            found.update(zip(new, self._compute(new), strict=True))
        with self._lock:
            for key in keys:
                self._known[key] = found[key]
                self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return [found[key] for key in keys]
