"""A process that fills a cache: `python cache_writer.py FILE FIRST COUNT`."""

import sys
from pathlib import Path

from nsllm.cache.store import CacheStore

path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
store = CacheStore(path, 10**7)
for number in range(first, first + count):
    name = f"{number:064x}"
    store.put("answer", {name: name.encode()})
    assert store.get("answer", [name]) == {name: name.encode()}
store.close()
