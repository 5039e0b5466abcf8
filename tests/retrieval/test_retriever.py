"""Questions find their passages, by meaning or by word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsllm.documents.chunker import Chunker
from nsllm.embedding.embedder import Embedder
from nsllm.errors import WorkspaceError
from nsllm.index.workspace import WorkspaceIndex
from nsllm.retrieval.retriever import Retriever, content_words, fuse
from nsllm.settings import Documents, Retrieval

models = pytest.mark.models

FILES = {
    "docs/backup.md": "# Backups\n\n## Schedule\nBackups run every night at two.\n\n"
    "## Retention\nCopies are erased after thirty days.\n",
    "docs/access.md": "# Access\nAsk the front desk for a badge. Badges expire each January.\n",
    "docs/codes.md": "# Fault codes\n\n| Code | Meaning |\n|---|---|\n| E-417 | belt slips |\n",
    "docs/copy-of-access.md": "# Access\nAsk the front desk for a badge. "
    "Badges expire each January.\n",
    "src/limits.py": 'MAX_UPLOAD_BYTES = 5_000_000\n"""Larger uploads are refused."""\n',
}


@pytest.fixture
def index(tmp_path: Path, embedder_folder: Path) -> Iterator[WorkspaceIndex]:
    workspace = tmp_path / "work"
    for name, text in FILES.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    embedder = Embedder(embedder_folder)
    index = WorkspaceIndex(
        workspace,
        embedder=embedder,
        chunker=Chunker(embedder.tokenizer.library),
        settings=Documents(),
    )
    index.sync()
    yield index
    index.close()


@pytest.fixture
def retriever(index: WorkspaceIndex, embedder_folder: Path) -> Retriever:
    return Retriever(index, Embedder(embedder_folder), Retrieval(top_k=3))


@models
@pytest.mark.parametrize(
    ("question", "path", "words"),
    [
        ("How long do we keep old snapshots?", "docs/backup.md", "thirty days"),
        ("Where can I get an entry card for the building?", "docs/access.md", "badge"),
        ("E-417", "docs/codes.md", "belt slips"),
        ("what is the biggest file a client may send", "src/limits.py", "5_000_000"),
        ("MAX_UPLOAD_BYTES", "src/limits.py", "5_000_000"),
    ],
)
def test_the_right_passage_comes_first(
    retriever: Retriever, question: str, path: str, words: str
) -> None:
    first = retriever.find(question)[0].chunk
    assert first.path.replace("copy-of-", "") == path
    assert words in first.text


@models
def test_scores_order_the_passages(retriever: Retriever) -> None:
    passages = retriever.find("When do backups run?", 5)
    assert passages[0].chunk.heading == "Backups > Schedule"
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert all(-1 <= passage.similarity <= 1 for passage in passages)


@models
def test_the_same_passage_comes_once(retriever: Retriever) -> None:
    texts = [passage.chunk.text for passage in retriever.find("badge January", 5)]
    assert len(texts) == len(set(texts))
    assert sum("badge" in text for text in texts) == 1


@models
def test_other_documents_are_found_behind_the_own_one(retriever: Retriever) -> None:
    own = "docs/access.md"
    found = retriever.find_others("Badges expire each January.", 2, lambda path: path == own)
    assert found[0].chunk.path == "docs/copy-of-access.md"
    every = retriever.find_others("Badges expire each January.", 9, lambda _path: False)
    texts = [passage.chunk.text for passage in every]
    assert len(texts) == len(set(texts))


@models
def test_no_more_than_asked_for(retriever: Retriever) -> None:
    assert len(retriever.find("anything")) == 3
    assert len(retriever.find("anything", 1)) == 1


@models
def test_an_open_buffer_is_found_at_once(index: WorkspaceIndex, retriever: Retriever) -> None:
    index.update_buffer("notes.md", "# Lunch\nThe canteen serves soup on Fridays.")
    first = retriever.find("Which day is there soup?")[0].chunk
    assert (first.path, first.start_line, first.end_line) == ("notes.md", 1, 2)


@models
def test_an_empty_workspace_cannot_be_searched(tmp_path: Path, embedder_folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    embedder = Embedder(embedder_folder)
    index = WorkspaceIndex(
        tmp_path / "empty",
        embedder=embedder,
        chunker=Chunker(embedder.tokenizer.library),
        settings=Documents(),
    )
    with pytest.raises(WorkspaceError, match="holds nothing to index"):
        Retriever(index, embedder, Retrieval()).find("anything")
    index.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("How do I rotate the API key?", ["rotate", "api", "key"]),
        ("What is it?", ["what", "is", "it"]),
        ("", []),
        ("?!", []),
        ("Backup backup BACKUP", ["backup"]),
    ],
)
def test_stop_words_count_only_where_there_are_no_others(text: str, words: list[str]) -> None:
    assert content_words(text) == words


RANKINGS = st.lists(st.integers(0, 30), unique=True, max_size=20)


@given(by_meaning=RANKINGS, by_word=RANKINGS, weight=st.floats(0, 1))
def test_fused_scores_lie_between_the_two(
    by_meaning: list[int], by_word: list[int], weight: float
) -> None:
    one = [(number, 0.5) for number in by_meaning]
    other = [(number, 0.5) for number in by_word]
    fused = fuse(one, other, lexical_weight=weight)
    assert fused.keys() == {*by_meaning, *by_word}
    assert all(0 <= score <= 1 for score in fused.values())
    if by_meaning and by_word and by_meaning[0] == by_word[0]:
        assert fused[by_meaning[0]] == pytest.approx(1)
    alone = fuse(one, other, lexical_weight=0.0)
    assert sorted(by_meaning, key=lambda n: -alone[n]) == by_meaning
