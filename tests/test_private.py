import os
import stat
from pathlib import Path

import pytest

from nsllm import private
from nsllm.cache.store import CacheStore
from nsllm.frontends.lsp.region_store import RegionStore
from nsllm.index.catalogue import Catalogue
from nsllm.index.lock import WriteLock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="file modes")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_was_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "workspaces" / "harrow"
    folder.mkdir(mode=0o755, parents=True)
    private.make_folder(folder)
    assert mode(folder) == 0o700


def test_only_the_last_folder_is_closed(tmp_path: Path) -> None:
    private.make_folder(tmp_path / "data" / "server")
    assert mode(tmp_path / "data" / "server") == 0o700
    assert mode(tmp_path / "data") & 0o055


def test_a_file_is_closed_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    private.make_file(path)
    assert mode(path) == 0o600
    path.write_bytes(b"entries")
    path.chmod(0o644)
    private.make_file(path)
    assert (mode(path), path.read_bytes()) == (0o600, b"entries")


def test_whoever_opens_a_workspace_first_closes_its_folder(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("cache", "catalogue", "lock", "regions")]
    cache = CacheStore(folders[0] / "cache.db", 10**6)
    cache.put("answer", {"0" * 64: b"text"})
    cache.close()
    Catalogue(folders[1] / "catalogue.db").close()
    with WriteLock(folders[2]).held():
        pass
    RegionStore(folders[3]).accept("grounding.unsupported", "Kept for 30 days.")
    assert [mode(folder) for folder in folders] == [0o700] * 4
