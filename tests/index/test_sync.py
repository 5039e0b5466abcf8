"""Synchronising: only what changed is read and embedded, and nothing stops at one bad file."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.hashing import HashingEmbedder, make_chunker
from nsllm.errors import DiskFullError, WorkspaceError
from nsllm.index import builder
from nsllm.index.embedded_text import hash_text
from nsllm.index.workspace import WorkspaceIndex
from nsllm.index.writing import Writer
from nsllm.types import Progress

MakeIndex = Callable[..., WorkspaceIndex]
OLD_NS = 1_600_000_000_000_000_000


def put(root: Path, files: dict[str, str | bytes]) -> None:
    """Write files, dated far back so that their times can be trusted."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(path, ns=(OLD_NS, OLD_NS))


def test_a_second_run_embeds_only_what_changed(
    workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    put(workspace, {f"{n}.md": f"# Page {n}\nText of page {n}." for n in range(5)})
    index = make_index()
    report = index.sync()
    assert (report.added, report.documents, report.chunks, report.chunks_embedded) == (5, 5, 5, 5)
    embedder.texts.clear()
    put(workspace, {"3.md": "# Page 3\nText of page 3.\n# New\nAnother section."})
    report = make_index().sync()
    assert (report.changed, report.unchanged, report.added, report.removed) == (1, 4, 0, 0)
    assert embedder.texts == ["# New\nAnother section."]
    assert report.chunks_reused == 1


def test_an_untouched_workspace_is_not_read_again(
    workspace: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(workspace, {"a.md": "text"})
    index = make_index()
    index.sync()
    monkeypatch.setattr(builder, "read", lambda *args: pytest.fail("the file was read"))
    assert index.sync().unchanged == 1


def test_a_change_within_the_same_clock_tick_is_seen(
    workspace: Path, make_index: MakeIndex
) -> None:
    path = workspace / "a.md"
    path.write_text("first", encoding="utf-8")
    status = path.stat()
    index = make_index()
    index.sync()
    path.write_text("other", encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert index.sync().changed == 1
    assert [chunk.text for chunk in index.all_chunks()] == ["other"]


def test_a_renamed_file_costs_no_embedding(
    workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    put(workspace, {"a.md": "# A\none\n# B\ntwo", "d/b.md": "three"})
    index = make_index()
    index.sync()
    embedder.texts.clear()
    (workspace / "a.md").rename(workspace / "z.md")
    (workspace / "d").rename(workspace / "e")
    report = index.sync()
    assert (report.added, report.removed, report.chunks_reused) == (2, 2, 3)
    assert embedder.texts == []
    assert {chunk.path for chunk in index.all_chunks()} == {"z.md", "e/b.md"}


def test_only_named_paths_are_synchronised(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {"a.md": "one", "b.md": "two", "d/c.md": "three"})
    index = make_index()
    index.sync()
    put(workspace, {"a.md": "one changed", "b.md": "two changed", "new/x.md": "four"})
    shutil.rmtree(workspace / "d")
    report = index.sync(paths={"a.md", "d", "new"})
    assert (report.changed, report.removed, report.added) == (1, 1, 1)
    texts = {chunk.path: chunk.text for chunk in index.all_chunks()}
    assert texts == {"a.md": "one changed", "b.md": "two", "new/x.md": "four"}


def test_a_changed_ignore_file_applies_to_all(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {"a.md": "one", "b.txt": "two"})
    index = make_index()
    index.sync()
    put(workspace, {".gitignore": "*.txt\n"})
    assert index.sync(paths={".gitignore"}).removed == 1


def test_bad_files_are_reported_and_the_rest_is_indexed(
    workspace: Path, make_index: MakeIndex
) -> None:
    put(
        workspace,
        {
            "good.md": "good text",
            "binary.txt": b"\x7fELF\0\0\0",
            "latin.md": b"caf\xe9 at noon, as ever",
        },
    )
    (workspace / "dangling.md").symlink_to(workspace / "nowhere.md")
    with (workspace / "huge.md").open("wb") as file:
        file.truncate(50_000_000)
    index = make_index()
    for report in (index.sync(), index.sync()):
        reasons = {skipped.path: skipped.reason for skipped in report.skipped}
        assert reasons.keys() == {"binary.txt", "dangling.md", "huge.md"}
        assert [note.path for note in report.repaired] == ["latin.md"]
        assert report.documents == 2


def test_a_file_that_turns_binary_leaves_the_index(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {"a.md": "text"})
    index = make_index()
    index.sync()
    put(workspace, {"a.md": b"te\0t, now longer"})
    report = index.sync()
    assert (report.removed, report.documents, len(report.skipped)) == (1, 0, 1)


def test_a_cancelled_run_goes_on_where_it_stopped(
    workspace: Path,
    make_index: MakeIndex,
    embedder: HashingEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(builder, "BATCH_DOCUMENTS", 2)
    put(workspace, {f"{n}.md": f"page number {n}" for n in range(9)})
    index = make_index()
    report = index.sync(cancelled=lambda: len(embedder.texts) >= 4)
    assert not report.complete
    assert report.documents == 4
    report = make_index().sync()
    assert report.complete
    assert (report.documents, report.unchanged, len(embedder.texts)) == (9, 4, 9)


class DyingEmbedder(HashingEmbedder):
    """Fails after some texts, as a process that is killed does."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(self.texts) + len(texts) > 6:
            raise KeyboardInterrupt
        return super().embed(texts)


def test_an_interrupted_run_leaves_a_sound_index(
    workspace: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "BATCH_DOCUMENTS", 3)
    put(workspace, {f"{n}.md": f"page number {n}" for n in range(9)})
    dying = DyingEmbedder()
    with pytest.raises(KeyboardInterrupt):
        make_index(embedder=dying).sync()
    whole = HashingEmbedder()
    report = make_index(embedder=whole).sync()
    assert (report.documents, report.unchanged, len(whole.texts)) == (9, 6, 3)


def test_another_embedder_embeds_all_anew_and_the_first_none(
    workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    put(workspace, {"a.md": "one", "b.md": "two"})
    make_index().sync()
    other = HashingEmbedder("hashing-2")
    index = make_index(embedder=other)
    assert index.vector_search(other.embed_query("one"), 5) == []
    report = index.sync()
    assert (report.unchanged, report.chunks_embedded) == (2, 2)
    assert len(index.vector_search(other.embed_query("one"), 5)) == 2
    embedder.texts.clear()
    assert make_index().sync().chunks_embedded == 0
    assert embedder.texts == []


def test_another_way_to_split_applies_to_all(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {"a.md": "word " * 100})
    assert make_index().sync().chunks == 2
    chunker = make_chunker(max_tokens=10)
    assert make_index(chunker=chunker).sync().chunks == 10


def test_progress_counts_files(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {f"{n}.md": "text" for n in range(3)})
    seen: list[Progress] = []
    make_index().sync(seen.append)
    assert seen[-1] == Progress(task="indexing", done=3, total=3, unit="files")
    done = [progress.done for progress in seen]
    assert done == sorted(done)


def test_a_rebuild_reads_and_embeds_all_anew(
    workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    put(workspace, {"a.md": "one", "b.md": "two", "c.md": "two", "gone.md": "three"})
    index = make_index()
    index.sync()
    (workspace / "gone.md").unlink()
    embedder.texts.clear()
    report = index.sync(rebuild=True)
    assert (report.changed, report.unchanged, report.removed) == (3, 0, 1)
    assert sorted(embedder.texts) == ["one", "two"]
    assert [chunk.path for chunk in index.all_chunks()] == ["a.md", "b.md", "c.md"]


def test_a_rebuild_keeps_the_vectors_of_other_embedders_which_others_may_search_with(
    workspace: Path, make_index: MakeIndex, embedder: HashingEmbedder
) -> None:
    put(workspace, {"a.md": "one", "b.md": "two"})
    index = make_index()
    index.sync()
    hashes = {hash_text("", text) for text in ("one", "two")}
    (workspace / "b.md").unlink()
    other = make_index(embedder=HashingEmbedder("another"))
    other.sync(rebuild=True)
    with index._catalogue.reading() as reader:
        assert reader.embedded(embedder.identity, hashes) == hashes
        assert reader.embedded("another", hashes) == {hash_text("", "one")}
    assert len(index.vector_search(embedder.embed_query("one"), 5)) == 1
    index.sync(rebuild=True)
    with index._catalogue.reading() as reader:
        assert reader.embedded(embedder.identity, hashes) == {hash_text("", "one")}


def test_a_rebuild_with_another_embedder_can_be_cancelled(
    workspace: Path, make_index: MakeIndex
) -> None:
    """What it did not come to is found all the same."""
    put(workspace, {f"{n:03}.md": f"page {n}" for n in range(200)})
    make_index().sync()
    other = HashingEmbedder("another")
    index = make_index(embedder=other)
    looks = iter(range(1_000))
    assert not index.sync(cancelled=lambda: next(looks) > 100, rebuild=True).complete
    assert len(index.vector_search(other.embed_query("page"), 500)) == 200


def test_the_vectors_of_earlier_embedders_count_as_unused(
    workspace: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer.drop_unused_vectors, "__kwdefaults__", {"all_own": False, "kept": 5})
    put(workspace, {f"{n}.md": f"page {n}" for n in range(4)})
    hashes = [hash_text("", f"page {n}") for n in range(4)]
    kept = []
    for name in ("first", "second", "third"):
        index = make_index(embedder=HashingEmbedder(name))
        index.sync()
        with index._catalogue.reading() as reader:
            kept.append([len(reader.embedded(one, hashes)) for one in ("first", "second", "third")])
    assert kept == [[4, 0, 0], [4, 4, 0], [0, 0, 4]]


@pytest.mark.parametrize("path", [".", ""])
def test_a_change_of_the_workspace_itself_doubles_nothing(
    workspace: Path, make_index: MakeIndex, path: str
) -> None:
    put(workspace, {"a.md": "one", "docs/b.md": "two"})
    index = make_index()
    index.sync()
    assert index.sync(paths={path}).documents == 2


def test_a_first_run_is_of_all_files_whatever_paths_are_given(
    workspace: Path, make_index: MakeIndex
) -> None:
    put(workspace, {"a.md": "one", "b.md": "two"})
    assert make_index().sync(paths={"a.md"}).documents == 2


def test_a_rebuild_that_is_cancelled_leaves_a_whole_index(
    workspace: Path, make_index: MakeIndex
) -> None:
    put(workspace, {f"{n:03}.md": f"page {n}" for n in range(200)})
    index = make_index()
    index.sync()
    looks = iter(range(1_000))
    report = index.sync(cancelled=lambda: next(looks) > 100, rebuild=True)
    assert not report.complete
    assert 0 < report.changed < 200
    assert len(index.all_chunks()) == 200
    assert index.sync().unchanged == 200


def test_a_byte_order_mark_changes_no_text(workspace: Path, make_index: MakeIndex) -> None:
    put(workspace, {"a.md": "text"})
    index = make_index()
    index.sync()
    put(workspace, {"a.md": b"\xef\xbb\xbftext"})
    assert index.sync().unchanged == 1
    assert index.sync().unchanged == 1


def test_an_empty_workspace_is_indexed_but_cannot_be_searched(
    workspace: Path, make_index: MakeIndex
) -> None:
    index = make_index()
    assert index.sync().documents == 0
    with pytest.raises(WorkspaceError, match="holds nothing to index"):
        index.require_documents()


def test_a_missing_workspace_is_named(tmp_path: Path, embedder: HashingEmbedder) -> None:
    from nsllm.settings import Documents

    with pytest.raises(WorkspaceError, match="There is no folder"):
        WorkspaceIndex(
            tmp_path / "gone", embedder=embedder, chunker=make_chunker(), settings=Documents()
        )


def test_a_full_disk_leaves_the_old_index(
    workspace: Path, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own limit on pages fails as a full disk does."""
    put(workspace, {"a.md": "the old text"})
    index = make_index()
    index.sync()
    with index._catalogue.reading() as reader:
        pages = reader._connection.execute("PRAGMA page_count").fetchone()[0]
        reader._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    put(workspace, {"a.md": "changed " * 20, "b.md": "# H\nmore words\n" * 2000})
    with pytest.raises(DiskFullError) as caught:
        index.sync()
    assert "intact" in caught.value.message
    assert [chunk.text for chunk in make_index().all_chunks()] == ["the old text"]
    assert make_index().sync().documents == 2
