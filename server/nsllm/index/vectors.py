"""Search by vector: Annoy proposes, exact dot products decide. The only module to import annoy.

A snapshot is three files that are never changed once they are named: the vectors, the chunk ids,
and the Annoy forest over them. What came since is scanned exactly, what went is masked. A mapped
file cannot be replaced on Windows, so each snapshot has names of its own.
"""

import os
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.errors import WorkspaceIndexError

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Hits = list[tuple[int, float]]

# An exact scan of fewer vectors takes no longer than a search of the forest.
EXACT_BELOW = 10_000
# Fewer vectors are read from the catalogue sooner than from files of their own.
SNAPSHOT_ABOVE = 2_000
TREES = 20
SEARCH_NODES = 20_000
# Rebuilt once this share of the vectors came or went since.
STALE_SHARE = 0.2
_SEED = 7


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue keeps about a snapshot: its files, and how to know them again."""

    name: str
    embedder: str
    count: int
    dimension: int
    forest: bool
    checksums: dict[str, tuple[int, int, int]]
    """Size, modification time and CRC-32 of each file."""


class AnnoyIndex(Protocol):
    """What is used of annoy, which has no types of its own."""

    def set_seed(self, seed: int) -> None: ...
    def add_item(self, row: int, vector: Vectors) -> None: ...
    def build(self, trees: int, n_jobs: int) -> bool: ...
    def save(self, path: str) -> bool: ...
    def load(self, path: str) -> bool: ...
    def get_nns_by_vector(self, vector: list[float], count: int, search_k: int) -> list[int]: ...


class Forest:
    """An open snapshot: `matrix` is mapped, float32 [n, d]; `ids` are ascending, int64 [n]."""

    def __init__(self, ids: Ids, matrix: Vectors, annoy: AnnoyIndex | None = None) -> None:
        self.ids = ids
        self.matrix = matrix
        self._annoy = annoy

    @property
    def exact(self) -> bool:
        """Whether every vector is looked at."""
        return self._annoy is None

    def candidates(self, query: Vectors, count: int) -> Ids | None:
        """Return the rows worth scoring, or None for all of them."""
        if self._annoy is None:
            return None
        nodes = max(SEARCH_NODES, 10 * count)
        rows = self._annoy.get_nns_by_vector(query.tolist(), count, search_k=nodes)
        return np.array(rows, np.int64)


class State:
    """The vectors of one revision of the catalogue; immutable."""

    def __init__(
        self, revision: int, forest: Forest | None, ids: Ids, added: tuple[Ids, Vectors]
    ) -> None:
        """Hold the rows of `forest` that are among `ids`, and those `added` since."""
        self.revision = revision
        self.forest = forest
        base = forest.ids if forest else np.zeros(0, np.int64)
        self.alive = np.isin(base, ids, assume_unique=True)
        self.added_ids, self.added = added
        self.masked = int(len(base) - self.alive.sum())

    def __len__(self) -> int:
        return int(self.alive.sum()) + len(self.added_ids)

    @property
    def stale_share(self) -> float:
        """The share of the snapshot that came or went since it was made."""
        return (len(self.added_ids) + self.masked) / max(1, len(self.alive))

    def search(self, query: Vectors, count: int) -> Hits:
        """Return up to `count` chunk ids with their cosine to the unit vector [d], best first."""
        ids, scores = [self.added_ids], [self.added @ query if self.added.size else np.zeros(0)]
        if self.forest is not None:
            rows = self.forest.candidates(query, count + min(self.masked, 4 * count))
            chosen = np.flatnonzero(self.alive) if rows is None else rows[self.alive[rows]]
            if len(chosen) < min(count, len(self.alive) - self.masked):
                # What went lay close together, and the forest proposed hardly anything else.
                chosen = np.flatnonzero(self.alive)
            whole = len(chosen) == len(self.forest.ids)
            matrix = self.forest.matrix if whole else self.forest.matrix[chosen]
            ids.append(self.forest.ids if whole else self.forest.ids[chosen])
            scores.append(matrix @ query)
        return best(np.concatenate(ids), np.concatenate(scores), count)

    def lookup(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Return the vectors of those of `ids` that are here."""
        wanted = np.array(sorted(ids), np.int64)
        sources = [(self.added_ids, self.added)]
        if self.forest is not None:
            sources.append((self.forest.ids, self.forest.matrix))
        found: dict[int, Vectors] = {}
        for known, matrix in sources:
            if not len(known):
                continue
            rows = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            for number, row in zip(wanted, rows, strict=True):
                if known[row] == number:
                    found[int(number)] = matrix[row]
        return found


def best(ids: Ids, scores: NDArray[Any], count: int) -> Hits:
    """Return the `count` best as (id, score), equal scores by id."""
    if len(ids) > 4 * count:
        chosen = np.argpartition(-scores, count)[: count + 1]
        ids, scores = ids[chosen], scores[chosen]
    order = np.lexsort((ids, -scores))[:count]
    return [(int(ids[i]), float(scores[i])) for i in order]


def annoy_problem() -> str | None:
    """Say why annoy cannot be used, or None."""
    try:
        import annoy  # noqa: F401, TID251 - this module owns annoy
    except (ImportError, OSError) as error:
        return f"annoy cannot be loaded: {error}"
    return None


def build(
    folder: Path, embedder: str, ids: Ids, matrix: Vectors, *, exact_below: int = EXACT_BELOW
) -> Snapshot:
    """Write a snapshot of ids int64 [n], ascending, and unit rows float32 [n, d].

    Raises:
        OSError: the files could not be written; none is left behind.
    """
    name = f"vectors-{time.time_ns():x}"
    forest = len(ids) >= exact_below and annoy_problem() is None
    parts: dict[str, Callable[[Path], None]] = {
        ".ids.npy": lambda path: _save(path, ids),
        ".npy": lambda path: _save(path, matrix),
    }
    if forest:
        parts[".ann"] = lambda path: _grow(path, matrix)
    try:
        for suffix, write in parts.items():
            temporary = folder / f"{name}{suffix}.part"
            write(temporary)
            temporary.replace(folder / f"{name}{suffix}")
    except BaseException:
        for suffix in parts:
            for leftover in (f"{name}{suffix}.part", f"{name}{suffix}"):
                with suppress(OSError):
                    (folder / leftover).unlink(missing_ok=True)
        raise
    return Snapshot(
        name=name,
        embedder=embedder,
        count=len(ids),
        dimension=matrix.shape[1],
        forest=forest,
        checksums={suffix: _fingerprint(folder / f"{name}{suffix}") for suffix in parts},
    )


def load(folder: Path, snapshot: Snapshot) -> Forest:
    """Map a snapshot into memory.

    Raises:
        WorkspaceIndexError: a file is missing or is not the one that was written. Annoy itself
            would read past the end of a damaged forest.
    """
    for suffix, expected in snapshot.checksums.items():
        _verify(folder / f"{snapshot.name}{suffix}", expected)
    ids = np.load(folder / f"{snapshot.name}.ids.npy")
    matrix = np.load(folder / f"{snapshot.name}.npy", mmap_mode="r")
    if not snapshot.forest or annoy_problem() is not None:
        return Forest(ids, matrix)
    index = _new_index(snapshot.dimension)
    index.load(str(folder / f"{snapshot.name}.ann"))
    return Forest(ids, matrix, index)


def remove_others(folder: Path, kept: Snapshot | None) -> None:
    """Delete older snapshots and what interrupted builds left, as far as the system lets."""
    for path in folder.glob("vectors-*"):
        if kept is None or not path.name.startswith(f"{kept.name}."):
            with suppress(OSError):  # mapped by another process on Windows; the next build tries
                path.unlink()


def _new_index(dimension: int) -> AnnoyIndex:
    import annoy  # noqa: TID251 - this module owns annoy

    index: AnnoyIndex = annoy.AnnoyIndex(dimension, "angular")
    return index


def _grow(path: Path, matrix: Vectors) -> None:
    index = _new_index(matrix.shape[1])
    index.set_seed(_SEED)
    for row, vector in enumerate(matrix):
        index.add_item(row, vector)
    index.build(TREES, n_jobs=os.cpu_count() or 1)
    index.save(str(path))


def _save(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())


def _fingerprint(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return status.st_size, status.st_mtime_ns, checksum


def _verify(path: Path, expected: tuple[int, int, int]) -> None:
    try:
        status = path.stat()
        same = (status.st_size, status.st_mtime_ns) == expected[:2]
        if not same and status.st_size == expected[0]:
            # A copied folder has new times; its contents tell.
            same = _fingerprint(path)[2] == expected[2]
    except OSError as error:
        same, reason = False, error.strerror or str(error)
    else:
        reason = "its contents are not those that were written"
    if not same:
        raise WorkspaceIndexError(
            f"The vectors {path} cannot be used: {reason}.",
            hint="Run nsllm index again: it builds them anew from the catalogue.",
        )
