"""Open documents that are not saved are searched in place of their files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from index.hashing import HashingEmbedder
from nsllm.index.workspace import WorkspaceIndex

MakeIndex = Callable[..., WorkspaceIndex]


@pytest.fixture
def index(workspace: Path, make_index: MakeIndex) -> WorkspaceIndex:
    for name, text in {
        "a.md": "# Backup\nBackups run nightly.",
        "b.md": "# Deploy\nDeploy on Mondays.",
        "c.md": "# Access\nAsk the office for a key.",
    }.items():
        (workspace / name).write_text(text, encoding="utf-8")
    index = make_index()
    index.sync()
    return index


def found(index: WorkspaceIndex, embedder: HashingEmbedder, text: str) -> tuple[str, str]:
    """Return the best text by meaning and the best by word."""
    by_meaning = index.vector_search(embedder.embed_query(text), 1)
    by_word = index.lexical_search(text, 1)
    chunks = index.chunks([number for number, _ in (*by_meaning, *by_word)])
    texts = [chunks[hits[0][0]].text if hits else "" for hits in (by_meaning, by_word)]
    return texts[0], texts[1]


def test_a_buffer_stands_for_its_file(index: WorkspaceIndex, embedder: HashingEmbedder) -> None:
    index.update_buffer("a.md", "# Backup\nBackups run hourly from now on.")
    best = "# Backup\nBackups run hourly from now on."
    assert found(index, embedder, "backups run hourly") == (best, best)
    assert index.lexical_search("nightly", 5) == []
    everything = index.vector_search(embedder.embed_query("anything"), 9)
    assert len(everything) == 3


def test_a_closed_buffer_gives_the_file_back(
    index: WorkspaceIndex, embedder: HashingEmbedder
) -> None:
    index.update_buffer("a.md", "other words")
    index.close_buffer("a.md")
    assert found(index, embedder, "backups nightly")[1] == "# Backup\nBackups run nightly."
    assert index.lexical_search("other", 5) == []


def test_a_new_document_needs_no_file(index: WorkspaceIndex, embedder: HashingEmbedder) -> None:
    index.update_buffer("new.md", "# Parking\nThe parking deck closes at ten.")
    text = "# Parking\nThe parking deck closes at ten."
    assert found(index, embedder, "when does the parking deck close") == (text, text)


def test_an_emptied_buffer_hides_its_file(index: WorkspaceIndex) -> None:
    index.update_buffer("a.md", "")
    assert index.lexical_search("backups", 5) == []


def test_only_changed_chunks_of_a_buffer_are_embedded(
    index: WorkspaceIndex, embedder: HashingEmbedder
) -> None:
    index.update_buffer("a.md", "# Backup\nBackups run nightly.\n# New\nfirst draft")
    embedder.texts.clear()
    index.update_buffer("a.md", "# Backup\nBackups run nightly.\n# New\nfirst draft\n# More\nx")
    assert embedder.texts == ["# More\nx"]


def test_nothing_unsaved_reaches_the_disk(index: WorkspaceIndex, make_index: MakeIndex) -> None:
    index.update_buffer("a.md", "xyzzy secret draft")
    assert make_index().lexical_search("xyzzy", 5) == []
    index.close()
    assert not any(b"xyzzy" in path.read_bytes() for path in index.folder.iterdir())


def test_words_weigh_the_same_saved_or_not(index: WorkspaceIndex) -> None:
    """A word that is rare in the catalogue outweighs one that is common there."""
    [(_, saved)] = index.lexical_search("nightly", 5)
    index.update_buffer("a.md", "# Backup\nBackups run nightly.")
    [(number, buffered)] = index.lexical_search("nightly", 5)
    assert number < 0
    assert buffered == pytest.approx(saved, rel=0.6)


def test_lone_surrogates_of_an_editor_do_no_harm(
    index: WorkspaceIndex, embedder: HashingEmbedder
) -> None:
    index.update_buffer("a.md", "broken \ud83d emoji")
    [(number, _)] = index.lexical_search("emoji \udc00", 5)
    assert index.chunks([number])[number].end == len("broken \ud83d emoji")


def test_a_view_keeps_its_state(index: WorkspaceIndex, workspace: Path) -> None:
    with index.view() as view:
        before = view.lexical_search(["deploy"], 5)
        (workspace / "b.md").write_text("gone", encoding="utf-8")
        index.sync()
        index.update_buffer("c.md", "deploy deploy")
        assert view.lexical_search(["deploy"], 5) == before
        assert [chunk.path for chunk in view.chunks([before[0][0]]).values()] == ["b.md"]
    assert [n < 0 for n, _ in index.lexical_search("deploy", 5)] == [True]


def test_ignored_documents_are_not_covered(index: WorkspaceIndex) -> None:
    assert index.covers("docs/a.md")
    assert not index.covers("node_modules/x/README.md")
    assert not index.covers(".env")
