"""Word search: any text is a safe query, and names are found by their parts."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.hashing import HashingEmbedder, make_chunker
from nsllm.index.workspace import WorkspaceIndex
from nsllm.index.writing import extra_words
from nsllm.names import KnownNames
from nsllm.settings import Documents

MakeIndex = Callable[..., WorkspaceIndex]


@pytest.fixture
def index(workspace: Path, make_index: MakeIndex) -> Iterator[WorkspaceIndex]:
    (workspace / "guide").mkdir()
    files = {
        "guide/retention-policy.md": "# Keeping\nLogs are kept for 30 days.",
        "client.py": "def parseDuration(text):\n    return HTTPServer.max_idle_s",
        "other.md": "Something else entirely.",
    }
    for name, text in files.items():
        (workspace / name).write_text(text, encoding="utf-8")
    index = WorkspaceIndex(
        workspace, embedder=HashingEmbedder(), chunker=make_chunker(), settings=Documents()
    )
    index.sync()
    index.update_buffer("draft.md", "An open draft about logs")
    yield index
    index.close()


SYNTAX = st.sampled_from(
    [
        '"',
        "'",
        "AND",
        "OR",
        "NOT",
        "NEAR(",
        ")",
        "*",
        "^",
        "-",
        ":",
        "{",
        "+",
        "_",
        "\0",
        "%",
        "log",
    ]
)
QUERIES = st.one_of(
    st.text(alphabet=st.characters(), max_size=40), st.lists(SYNTAX, max_size=12).map(" ".join)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES)
def test_any_text_is_a_query(index: WorkspaceIndex, query: str) -> None:
    for _, score in index.lexical_search(query, 5):
        assert score > 0


def test_a_query_of_ten_thousand_words_is_one(index: WorkspaceIndex) -> None:
    words = " ".join(f"word{n}" for n in range(10_000))
    assert index.lexical_search(words, 5) == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("retention", "guide/retention-policy.md"),
        ("keep", "guide/retention-policy.md"),
        ("duration", "client.py"),
        ("max_idle_s", "client.py"),
        ("idle", "client.py"),
        ("server", "client.py"),
    ],
)
def test_words_are_found_in_names_headings_and_other_forms(
    index: WorkspaceIndex, query: str, path: str
) -> None:
    hits = index.lexical_search(query, 1)
    assert [index.chunks([n])[n].path for n, _ in hits] == [path]


def test_camel_case_is_taken_apart() -> None:
    words = extra_words("src/httpClient.ts", "let maxRetryCount = parseURL(x);")
    assert words == "src http Client max Retry Count parse URL"


@pytest.mark.parametrize(
    ("word", "outside", "known"),
    [
        ("max_idle_s", None, True),
        ("max_idle", None, False),
        ("--keep", None, True),
        ("--keep-all", None, False),
        ("Something", "other.md", False),
        ("Something", None, True),
        ("Nothing", None, False),
    ],
)
def test_whole_words_are_found_wherever_they_stand(
    index: WorkspaceIndex, word: str, outside: str | None, known: bool
) -> None:
    """Also where the search by words would list many other places before."""
    index.update_buffer("flags.md", "Use --keep, or --keep-all-days.")
    assert KnownNames(index)._stands(word, lambda path: path == outside) is known
