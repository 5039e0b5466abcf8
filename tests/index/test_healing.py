"""A damaged index is kept aside, built anew, and the user is told why."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index.hashing import HashingEmbedder
from nsllm.errors import WorkspaceIndexError
from nsllm.index import vectors
from nsllm.index.faults import CorruptIndexError
from nsllm.index.lock import WriteLock
from nsllm.index.workspace import WorkspaceIndex

MakeIndex = Callable[..., WorkspaceIndex]


@pytest.fixture
def filled(workspace: Path, make_index: MakeIndex) -> Path:
    """A catalogue with a few hundred chunks, closed."""
    for n in range(40):
        text = "".join(
            f"# Part {m}\nText {m} of page {n}, about topic {n * m}.\n" for m in range(8)
        )
        (workspace / f"{n}.md").write_text(text, encoding="utf-8")
    index = make_index()
    index.sync()
    index.close()
    return index.folder / "catalogue.db"


def garble(path: Path) -> None:
    path.write_bytes(b"this was never a database" * 100)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Damage pages throughout, but not the first."""
    data = bytearray(path.read_bytes())
    for offset in range(8192, len(data), 4096):
        data[offset : offset + 64] = bytes(255 - byte for byte in data[offset : offset + 64])
    path.write_bytes(data)


def spoil_words(path: Path) -> None:
    """Damage what only a search for words reads."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE chunk_words_data SET block = x'0badc0de' WHERE id > 10")
    connection.commit()
    connection.close()


def other_version(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("damage", [garble, truncate, flip, other_version])
def test_a_damaged_catalogue_is_rebuilt_and_kept_aside(
    filled: Path, make_index: MakeIndex, damage: Callable[[Path], None]
) -> None:
    damage(filled)
    damaged = filled.read_bytes()
    index = make_index()
    report = index.sync()
    assert report.rebuilt_because is not None
    assert "catalogue.corrupt-1.db" in report.rebuilt_because
    assert (report.documents, report.chunks) == (40, 320)
    assert (filled.parent / "catalogue.corrupt-1.db").read_bytes() == damaged
    assert len(index.lexical_search("topic", 10)) == 10
    assert make_index().sync().rebuilt_because is None


def test_damage_that_shows_only_in_a_search_is_healed_by_the_next_run(
    filled: Path, make_index: MakeIndex
) -> None:
    spoil_words(filled)
    index = make_index()
    with pytest.raises(WorkspaceIndexError, match="damaged"):
        index.lexical_search("topic", 10)
    assert make_index().sync().documents == 40
    assert len(make_index().lexical_search("topic", 10)) == 10


def test_damage_met_while_synchronising_is_healed_at_once(
    filled: Path, make_index: MakeIndex, workspace: Path
) -> None:
    index = make_index()
    with index._catalogue.writing() as writer:
        writer._connection.execute("UPDATE chunk_words_data SET block = x'ff' WHERE id = 10")
    (workspace / "3.md").write_text("changed", encoding="utf-8")
    report = index.sync()
    assert report.rebuilt_because is not None
    assert (report.documents, report.added) == (40, 40)
    assert len(index.lexical_search("changed", 10)) == 1


def test_a_partial_run_behind_damage_is_of_all_files(filled: Path, make_index: MakeIndex) -> None:
    index = make_index()
    spoil_words(filled)
    with pytest.raises(WorkspaceIndexError, match="damaged"):
        index.lexical_search("topic", 10)
    assert index.sync(paths={"1.md"}).documents == 40


def test_damage_that_another_thread_has_mended_is_not_mended_again(
    filled: Path, make_index: MakeIndex
) -> None:
    index = make_index()
    damaged = index._catalogue
    spoil_words(filled)
    assert index.sync(rebuild=True).documents == 40
    index._recover(CorruptIndexError("Damaged.", hint="Again."), damaged)
    assert index.status().documents == 40
    assert len(list(filled.parent.glob("catalogue.corrupt-*"))) == 1


def test_a_search_that_meets_damage_does_not_wait_for_who_is_mending_it(
    filled: Path, make_index: MakeIndex
) -> None:
    index = make_index()
    spoil_words(filled)
    with WriteLock(filled.parent).held():
        with pytest.raises(WorkspaceIndexError, match="damaged"):
            index.lexical_search("topic", 10)
        assert not list(filled.parent.glob("catalogue.corrupt-*"))
    assert index.sync().documents == 40


def test_a_catalogue_that_is_deleted_while_it_is_used_is_built_anew(
    filled: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    index = make_index()
    query = embedder.embed_query("page 7 topic 21")
    assert len(index.vector_search(query, 10)) == 10
    for path in filled.parent.glob("catalogue.db*"):
        path.unlink()
    assert index.vector_search(query, 10) == []
    assert index.sync(paths={"1.md"}).documents == 40
    assert make_index().status().documents == 40
    assert len(index.vector_search(query, 10)) == 10


def test_few_damaged_catalogues_are_kept(filled: Path, make_index: MakeIndex) -> None:
    for _ in range(5):
        index = make_index()
        index.close()
        garble(filled)
    make_index()
    kept = sorted(path.name for path in filled.parent.glob("catalogue.corrupt-*"))
    assert kept == [f"catalogue.corrupt-{n}.db" for n in (1, 2, 3)]


@pytest.fixture
def small_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few hundred vectors be enough for a snapshot with a forest."""
    monkeypatch.setattr(vectors, "SNAPSHOT_ABOVE", 50)
    monkeypatch.setattr(vectors.build, "__kwdefaults__", {"exact_below": 50})


@pytest.mark.usefixtures("small_snapshots")
@pytest.mark.parametrize("suffix", [".ann", ".npy", ".ids.npy"])
@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_damaged_vectors_are_rebuilt_from_the_catalogue(
    filled: Path, make_index: MakeIndex, embedder: HashingEmbedder, suffix: str, damage: str
) -> None:
    index = make_index()
    index.sync()
    query = embedder.embed_query("page 7 topic 21")
    expected = index.vector_search(query, 10)
    [path] = filled.parent.glob(f"vectors-*[0-9a-f]{suffix}")
    index.close()
    if damage == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "changed":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()
    index = make_index()
    assert np.allclose([s for _, s in index.vector_search(query, 10)], [s for _, s in expected])
    embedder.texts.clear()
    report = index.sync()
    assert report.rebuilt_because is not None
    assert path.name in report.rebuilt_because
    assert embedder.texts == []
    assert make_index().sync().rebuilt_because is None


@pytest.mark.usefixtures("small_snapshots")
def test_a_rebuild_renews_the_snapshot_or_drops_it(
    filled: Path, workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    index = make_index()
    index.sync()
    before = {path.name for path in filled.parent.glob("vectors-*")}
    index.sync(rebuild=True)
    after = {path.name for path in filled.parent.glob("vectors-*")}
    assert len(before) == len(after) == 3
    assert not before & after
    for path in sorted(workspace.glob("*.md"))[1:]:
        path.unlink()
    index.sync(rebuild=True)
    assert not list(filled.parent.glob("vectors-*"))
    assert len(index.vector_search(embedder.embed_query("page"), 9)) == len(index.all_chunks())


@pytest.mark.usefixtures("small_snapshots")
def test_the_snapshot_of_a_workspace_that_shrank_goes(
    filled: Path, workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    make_index().sync()
    for path in sorted(workspace.glob("*.md"))[1:]:
        path.unlink()
    index = make_index()
    index.sync()
    assert not list(filled.parent.glob("vectors-*"))
    assert len(index.vector_search(embedder.embed_query("page"), 9)) == len(index.all_chunks())


@pytest.mark.usefixtures("small_snapshots")
def test_a_copied_index_is_not_taken_for_a_damaged_one(filled: Path, make_index: MakeIndex) -> None:
    make_index().sync()
    for path in filled.parent.glob("vectors-*"):
        os.utime(path, ns=(1, 1))
    index = make_index()
    index.status()
    assert index.sync().rebuilt_because is None
