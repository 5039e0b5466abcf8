"""What was typed a moment ago counts, whoever brings it into the index."""

import asyncio
from pathlib import Path
from typing import Any

from nsllm.frontends.lsp.folder import Folder


class Index:
    """Stands in for an Application whose embedding is let go on by the test."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.texts: dict[str, str] = {}

    async def update_buffer(self, path: str, text: str) -> None:
        self.begun.set()
        await self.go_on.wait()
        self.texts[path] = text

    def close(self) -> None:
        pass


def folder_on(index: Index, path: Path) -> Folder:
    async def open_application(_folder: Folder) -> Any:
        return index

    return Folder(path.as_uri(), path, open_application, asyncio.ensure_future)


async def test_a_search_waits_for_text_that_is_just_being_indexed(workspace: Path) -> None:
    index = Index()
    folder = folder_on(index, workspace)
    folder.buffer_changed("a.md", "new", lambda: None)
    await index.begun.wait()
    search = asyncio.ensure_future(folder.flush())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not search.done()
    index.go_on.set()
    await search
    assert index.texts == {"a.md": "new"}
    await folder.aclose()


async def test_a_search_that_is_given_up_loses_no_text(workspace: Path) -> None:
    index = Index()
    folder = folder_on(index, workspace)
    folder.buffer_changed("a.md", "new", lambda: None)
    search = asyncio.ensure_future(folder.flush())
    await index.begun.wait()
    search.cancel()
    await asyncio.gather(search, return_exceptions=True)
    assert index.texts == {}
    index.go_on.set()
    await folder.flush()
    assert index.texts == {"a.md": "new"}
    await folder.aclose()
