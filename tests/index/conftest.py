from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.hashing import HashingEmbedder, make_chunker
from nsllm.index.workspace import WorkspaceIndex
from nsllm.settings import Documents

MakeIndex = Callable[..., WorkspaceIndex]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    return root


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def make_index(workspace: Path, embedder: HashingEmbedder) -> Iterator[MakeIndex]:
    """Open an index of the workspace, as one more process would; all are closed at the end."""
    opened: list[WorkspaceIndex] = []

    def make(**changed: Any) -> WorkspaceIndex:
        options: dict[str, Any] = {
            "embedder": embedder,
            "chunker": make_chunker(),
            "settings": Documents(),
            **changed,
        }
        opened.append(WorkspaceIndex(workspace, **options))
        return opened[-1]

    yield make
    for index in opened:
        index.close()
