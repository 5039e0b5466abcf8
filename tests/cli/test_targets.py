"""Which texts `nsllm check` takes from files, folders and standard input."""

import errno
import io
import sys
from pathlib import Path

import pytest

from nsllm.cli.targets import Target, targets
from nsllm.documents.reader import Skipped
from nsllm.errors import UsageError
from nsllm.settings import Documents


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "README.md": "Read me.",
        "docs/a.md": "A.",
        "docs/deep/b.rst": "B.",
        "docs/code.py": "x = 1",
        "docs/drafts/c.md": "C.",
        ".gitignore": "drafts/\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def names(*paths: str, workspace: Path = Path()) -> list[str]:
    found = targets(paths, workspace, Documents())
    return [target.shown for target in found if isinstance(target, Target)]


def test_folders_go_through_the_ignore_rules_and_give_what_is_written_for_people(
    place: Path,
) -> None:
    assert names(".") == ["README.md", "docs/a.md", "docs/deep/b.rst"]
    assert names("docs") == ["docs/a.md", "docs/deep/b.rst"]


def test_a_file_that_is_named_is_always_taken_and_only_once(place: Path) -> None:
    assert names("docs/drafts/c.md", "docs/code.py") == ["docs/drafts/c.md", "docs/code.py"]
    assert names("docs/a.md", "docs", "./docs/a.md") == ["docs/a.md", "docs/deep/b.rst"]


def test_texts_know_their_place_in_the_workspace(place: Path, tmp_path: Path) -> None:
    [inside] = targets(["docs/a.md"], Path("docs"), Documents())
    [outside] = targets(["README.md"], Path("docs"), Documents())
    assert isinstance(inside, Target)
    assert isinstance(outside, Target)
    assert (inside.path, outside.path) == ("a.md", None)


def test_a_folder_outside_the_workspace_goes_by_the_rules_of_its_repository(place: Path) -> None:
    (place / "other").mkdir()
    (place / ".git").mkdir()
    assert names("docs", workspace=Path("other")) == ["docs/a.md", "docs/deep/b.rst"]


def test_standard_input_is_one_text(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("Über".encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    [target] = targets(["-"], Path(), Documents())
    assert isinstance(target, Target)
    assert (target.shown, target.text, target.path) == ("<stdin>", "Über", None)


def test_standard_input_may_stand_for_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor checks what is not saved yet; the saved text must not support it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"New.")))
    [target] = targets(["-"], Path("docs"), Documents(), stdin_filename=Path("docs/a.md"))
    assert isinstance(target, Target)
    assert (target.shown, target.text, target.path) == ("docs/a.md", "New.", "a.md")


def test_what_cannot_be_read_is_said(place: Path) -> None:
    (place / "image.md").write_bytes(b"\0\1\2")
    [skipped] = targets(["image.md"], Path(), Documents())
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "is binary"
    with pytest.raises(UsageError, match=r"nothing\.md"):
        list(targets(["nothing.md"], Path(), Documents()))


def test_a_name_that_cannot_be_looked_up_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot be read: File name too long"):
        list(targets(["a" * 5_000], Path(), Documents()))

    def refuse(_path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        list(targets(["closed/a.md"], Path(), Documents()))
