"""Changes of files arrive, debounced, without what the rules leave out."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from nsllm.documents.ignore import IgnoreRules
from nsllm.documents.watcher import follow, is_followed, watch
from nsllm.errors import WorkspaceError
from nsllm.settings import Documents


async def collect(root: Path, wanted: set[str], change: asyncio.Event) -> set[str]:
    seen: set[str] = set()
    stop = asyncio.Event()
    async for paths in watch(root, Documents(), stop=stop, debounce_ms=50):
        seen |= paths
        change.set()
        if wanted <= seen:
            stop.set()
    return seen


async def poke(root: Path, started: asyncio.Event) -> None:
    """Write until the watcher has started, which it does not announce."""
    while not started.is_set():
        (root / "probe.md").write_text("x", encoding="utf-8")
        await asyncio.sleep(0.05)


async def test_changes_arrive_and_ignored_ones_do_not(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log\n", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "old.md").write_text("x", encoding="utf-8")
    started = asyncio.Event()
    collecting = asyncio.create_task(
        collect(tmp_path, {"sub/new.md", "sub/old.md", "a.md"}, started)
    )
    await poke(tmp_path, started)
    (tmp_path / "noise.log").write_text("x", encoding="utf-8")
    (tmp_path / "sub" / "new.md").write_text("x", encoding="utf-8")
    (tmp_path / "sub" / "old.md").unlink()
    (tmp_path / "a.md").write_text("x", encoding="utf-8")
    seen = await asyncio.wait_for(collecting, 60)
    assert {"sub/new.md", "sub/old.md", "a.md"} <= seen
    assert "noise.log" not in seen


async def test_a_change_of_the_folder_itself_does_not_arrive(tmp_path: Path) -> None:
    async with aclosing(follow(tmp_path, Documents(), debounce_ms=50)) as bursts:
        assert await anext(bursts) is None
        tmp_path.chmod(0o750)
        await asyncio.sleep(0.5)
        (tmp_path / "a.md").write_text("x", encoding="utf-8")
        assert await asyncio.wait_for(anext(bursts), 60) == frozenset({"a.md"})


async def test_who_follows_misses_nothing_behind_the_first(tmp_path: Path) -> None:
    async with aclosing(follow(tmp_path, Documents(), debounce_ms=50)) as bursts:
        assert await anext(bursts) is None
        # As while an index is built: nobody asks for changes yet.
        (tmp_path / "early.md").write_text("x", encoding="utf-8")
        await asyncio.sleep(0.3)
        assert await asyncio.wait_for(anext(bursts), 60) == frozenset({"early.md"})
        (tmp_path / "late.md").write_text("x", encoding="utf-8")
        assert await asyncio.wait_for(anext(bursts), 60) == frozenset({"late.md"})


async def test_a_folder_that_cannot_be_watched_is_told_behind_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be indexed all the same."""

    def refuse(*_paths: Path, **_options: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.awatch", refuse)
    async with aclosing(follow(tmp_path, Documents())) as bursts:
        assert await anext(bursts) is None
        with pytest.raises(WorkspaceError, match="OS file watch limit"):
            await anext(bursts)


def test_rule_files_are_followed_though_hidden(tmp_path: Path) -> None:
    rules = IgnoreRules(tmp_path, Documents())
    assert is_followed(rules, ".gitignore")
    assert is_followed(rules, "sub/.nsllmignore")
    assert not is_followed(rules, "node_modules/x/.gitignore")
    assert not is_followed(rules, ".git/index")
    assert not is_followed(rules, "node_modules")
