"""Walking and reading: one bad file is reported and never stops the others."""

import os
import sys
from pathlib import Path

import pytest

from nsllm.documents.ignore import IgnoreRules
from nsllm.documents.reader import (
    Found,
    Loaded,
    Skipped,
    check_workspace,
    decode,
    find,
    read,
    walk,
)
from nsllm.errors import WorkspaceError
from nsllm.settings import Documents

SETTINGS = Documents()


def walked(root: Path, settings: Documents = SETTINGS) -> dict[str, Found | Skipped]:
    return {entry.path: entry for entry in walk(root, IgnoreRules(root, settings), settings)}


def reason(entry: Found | Skipped | Loaded) -> str:
    assert isinstance(entry, Skipped)
    return entry.reason


def load(root: Path, name: str, data: bytes) -> Loaded | Skipped:
    (root / name).write_bytes(data)
    entry = walked(root)[name]
    assert isinstance(entry, Found)
    return read(root, entry)


def test_paths_are_relative_and_in_order(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.md", "a/b/c.md", "a.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert list(walked(tmp_path)) == ["a.md", "b.md", "a/z.md", "a/b/c.md"]


def test_a_file_beyond_the_limit_is_named_and_never_opened(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(50_000_000)
    assert reason(walked(tmp_path)["huge.txt"]) == "50,000,000 bytes; the limit is 2,000,000"


def test_data_files_have_a_lower_limit(tmp_path: Path) -> None:
    for name in ("rows.csv", "rows.md"):
        (tmp_path / name).write_bytes(b"1,2\n" * 100_000)
    entries = walked(tmp_path)
    assert "the limit is 256,000" in reason(entries["rows.csv"])
    assert isinstance(entries["rows.md"], Found)


def test_a_dangling_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "gone.md")
    assert reason(walked(tmp_path)["a.md"]).startswith("cannot be read")


def test_a_link_that_leads_to_itself_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to(tmp_path / "a.md")
    assert reason(walked(tmp_path)["a.md"]).startswith("cannot be read")


def test_links_are_followed_to_files_inside_only(tmp_path: Path) -> None:
    root = tmp_path / "work"
    root.mkdir()
    (tmp_path / "secret.md").write_text("outside", encoding="utf-8")
    (root / "real.md").write_text("inside", encoding="utf-8")
    (root / "in.md").symlink_to(root / "real.md")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "loop").symlink_to(root, target_is_directory=True)
    entries = walked(root)
    assert isinstance(entries["in.md"], Found)
    assert reason(entries["out.md"]) == "links to a file outside the workspace"
    assert sorted(entries) == ["in.md", "out.md", "real.md"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_are_reported_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert reason(walked(tmp_path)["pipe.md"]) == "is not a regular file"


@pytest.mark.skipif(sys.platform == "win32", reason="names are Unicode on Windows")
def test_a_name_that_is_no_unicode_is_reported(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/bad-\xff.md"
    try:
        Path(os.fsdecode(name)).write_text("x", encoding="utf-8")
    except OSError:
        pytest.skip("the file system takes no such name")
    [entry] = walked(tmp_path).values()
    assert reason(entry) == "its name is not valid Unicode"
    entry.path.encode()


def test_a_read_that_fails_is_reported(tmp_path: Path) -> None:
    """As when rights are missing, which root never meets, or a network drive goes away."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.md").write_text("x", encoding="utf-8")
    entry = walked(tmp_path)["a.md"]
    assert isinstance(entry, Found)
    assert reason(read(tmp_path, entry, refuse)) == "cannot be read: Permission denied"


def test_a_file_that_went_after_the_walk_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x", encoding="utf-8")
    entry = walked(tmp_path)["a.md"]
    assert isinstance(entry, Found)
    (tmp_path / "a.md").unlink()
    assert reason(read(tmp_path, entry)).startswith("cannot be read")


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01\0\0\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        bytes(range(128, 256)) * 20,
        b"text\0text",
    ],
)
def test_binary_files_are_reported(tmp_path: Path, data: bytes) -> None:
    assert reason(load(tmp_path, "a.txt", data)) == "is binary"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("naïve €\r\n".encode(), "naïve €\r\n"),
        (b"\xef\xbb\xbfwith mark", "with mark"),
        ("grüße 🙂".encode("utf-16"), "grüße 🙂"),
        (b"\xfe\xff" + "grüße".encode("utf-16-be"), "grüße"),
        ("grüße".encode("utf-32"), "grüße"),
    ],
)
def test_text_is_decoded_by_its_mark(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_invalid_utf8_is_kept_and_reported(tmp_path: Path) -> None:
    loaded = load(tmp_path, "a.md", b"caf\xe9 costs 3 euros, says the old file\n" * 3)
    assert isinstance(loaded, Loaded)
    assert loaded.document.text.startswith("caf\ufffd costs 3 euros")
    assert loaded.note is not None
    assert loaded.note.startswith("3 bytes are not UTF-8")


def test_a_replacement_character_in_valid_text_is_no_fault(tmp_path: Path) -> None:
    loaded = load(tmp_path, "a.md", "shown as \ufffd".encode())
    assert isinstance(loaded, Loaded)
    assert loaded.note is None


def test_find_agrees_with_walk(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "a.md").write_text("x", encoding="utf-8")
    (tmp_path / "d" / "e" / "b.md").write_text("x", encoding="utf-8")
    (tmp_path / "d" / ".hidden").write_text("x", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "d", target_is_directory=True)
    rules = IgnoreRules(tmp_path, SETTINGS)

    def found(path: str) -> list[str]:
        return [entry.path for entry in find(tmp_path, path, rules, SETTINGS)]

    assert found("d") == ["d/a.md", "d/e/b.md"]
    assert found("d/a.md") == ["d/a.md"]
    assert found("d/.hidden") == found("d/gone.md") == found("link/a.md") == found("link") == []


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_workspace_must_be_a_folder(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "here"
    if kind == "file":
        path.write_text("x", encoding="utf-8")
    with pytest.raises(WorkspaceError) as caught:
        check_workspace(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
