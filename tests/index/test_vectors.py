"""The forest proposes, exact products decide."""

import builtins
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nsllm.index import vectors
from nsllm.index.vectors import Forest, State, build, load

NONE = (np.zeros(0, np.int64), np.zeros((0, 0), np.float32))


def unit_rows(count: int, seed: int = 0, dimension: int = 32) -> NDArray[np.float32]:
    """Rows in loose clusters, as texts are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 40), dimension))
    rows = centres[rng.integers(0, len(centres), count)] + 0.6 * rng.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exact(
    ids: NDArray[np.int64], rows: NDArray[np.float32], query: NDArray[np.float32]
) -> list[int]:
    scores = rows @ query
    return [int(ids[i]) for i in np.lexsort((ids, -scores))[:10]]


def test_the_forest_finds_what_a_scan_finds(tmp_path: Path) -> None:
    rows, ids = unit_rows(3000), np.arange(3000) * 7 + 1
    forest = load(tmp_path, build(tmp_path, "e", ids, rows, exact_below=0))
    assert not forest.exact
    state = State(1, forest, ids, NONE)
    hits = 0
    for query in unit_rows(50, seed=1):
        found = state.search(query, 10)
        hits += len({n for n, _ in found} & set(exact(ids, rows, query)))
        for number, score in found:
            assert score == pytest.approx(float(rows[(number - 1) // 7] @ query), abs=1e-6)
    assert hits / 500 >= 0.95


@given(
    base=st.integers(0, 60),
    removed=st.sets(st.integers(0, 59), max_size=50),
    added=st.integers(0, 30),
    count=st.integers(1, 10),
)
def test_what_came_and_went_since_the_snapshot_counts(
    base: int, removed: set[int], added: int, count: int
) -> None:
    rows = unit_rows(base + added + 1, seed=base)
    ids = np.arange(base + added)
    alive = np.array([n for n in ids if n >= base or n not in removed], np.int64)
    forest = Forest(ids[:base], rows[:base]) if base else None
    new = (ids[base:], rows[base : base + added]) if added else NONE
    state = State(1, forest, alive, new)
    query = rows[-1]
    expected = exact(alive, rows[alive], query)[:count] if len(alive) else []
    assert [n for n, _ in state.search(query, count)] == expected
    assert len(state) == len(alive)
    looked_up = state.lookup([int(n) for n in alive])
    assert all(np.array_equal(looked_up[int(n)], rows[n]) for n in alive)


def test_masked_rows_do_not_crowd_out_the_others(tmp_path: Path) -> None:
    rows, ids = unit_rows(2000), np.arange(2000)
    forest = load(tmp_path, build(tmp_path, "e", ids, rows, exact_below=0))
    query = rows[0]
    gone = set(exact(ids, rows, query)[:8])
    alive = np.array([n for n in ids if int(n) not in gone], np.int64)
    found = [n for n, _ in State(1, forest, alive, NONE).search(query, 10)]
    assert not gone & set(found)
    assert found[:2] == exact(alive, rows[alive], query)[:2]


def test_where_all_that_is_proposed_is_gone_the_rest_is_scanned(tmp_path: Path) -> None:
    """A folder was deleted: what lay closest to the query, and more of it than is proposed."""
    rows, ids = unit_rows(3000), np.arange(3000)
    forest = load(tmp_path, build(tmp_path, "e", ids, rows, exact_below=0))
    query = rows[0]
    order = np.argsort(-(rows @ query))
    alive = np.sort(order[500:]).astype(np.int64)
    found = [n for n, _ in State(1, forest, alive, NONE).search(query, 10)]
    assert found == exact(alive, rows[alive], query)


def test_without_annoy_every_vector_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, ids = unit_rows(300), np.arange(300)
    with_forest = build(tmp_path, "e", ids, rows, exact_below=0)
    real_import = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        if name == "annoy":
            raise ImportError("illegal instruction set")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    problem = vectors.annoy_problem()
    assert problem is not None
    assert "illegal instruction set" in problem
    without = build(tmp_path, "e", ids, rows, exact_below=0)
    assert not without.forest
    for snapshot in (with_forest, without):
        forest = load(tmp_path, snapshot)
        assert forest.exact
        found = State(1, forest, ids, NONE).search(rows[3], 10)
        assert [n for n, _ in found] == exact(ids, rows, rows[3])


def test_a_failed_build_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, matrix: NDArray[np.float32]) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vectors, "_grow", fail)
    with pytest.raises(OSError, match="No space left"):
        build(tmp_path, "e", np.arange(50), unit_rows(50), exact_below=0)
    assert list(tmp_path.iterdir()) == []


def test_older_snapshots_go(tmp_path: Path) -> None:
    rows, ids = unit_rows(50), np.arange(50)
    build(tmp_path, "e", ids, rows, exact_below=0)
    kept = build(tmp_path, "e", ids, rows, exact_below=0)
    (tmp_path / "catalogue.db").touch()
    vectors.remove_others(tmp_path, kept)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"catalogue.db", *(kept.name + s for s in (".ann", ".npy", ".ids.npy"))}
