"""What the ignore rules leave out."""

from pathlib import Path

import pytest

from nsllm.documents.ignore import IgnoreRules
from nsllm.settings import Documents


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "ignored", "kept"),
    [
        ({".gitignore": "*.log\n/build/\n"}, ["a.log", "x/b.log", "build/a.md"], ["x/build/a.md"]),
        ({".gitignore": "*.log\n!keep.log\n"}, ["a.log"], ["keep.log", "sub/keep.log"]),
        ({".gitignore": "docs/\n!docs/a.md\n"}, ["docs/a.md"], ["a.md"]),
        ({".gitignore": "*.md\n", "sub/.gitignore": "!*.md\n"}, ["a.md"], ["sub/a.md"]),
        ({"sub/.gitignore": "/a.md\n"}, ["sub/a.md"], ["a.md", "sub/b/a.md"]),
        ({".nsllmignore": "draft*\n"}, ["draft-1.md", "x/drafts/a.md"], ["final.md"]),
        ({".gitignore": "gen/\n", ".nsllmignore": "!gen/\n"}, [], ["gen/api.md"]),
        ({".gitignore": "# a comment\n\n\\#x\n"}, ["#x"], ["a comment"]),
        ({}, [".env", ".idea/x.xml", "uv.lock", "a/app.min.js", "server.key"], [".github/a.yml"]),
        ({".nsllmignore": "!.env\n"}, [], [".env"]),
        ({".gitignore": "\ufeffsecret.md\n"}, ["secret.md"], ["a.md"]),
        ({".gitignore": "logs\\\n!\n[z-a]\n*.log\n"}, ["a.log"], ["a.md"]),
    ],
)
def test_layers_decide_in_order(
    tmp_path: Path, files: dict[str, str], ignored: list[str], kept: list[str]
) -> None:
    write(tmp_path, files)
    rules = IgnoreRules(tmp_path, Documents())
    assert [path for path in ignored if not rules.ignores(path)] == []
    assert [path for path in kept if rules.ignores(path)] == []


@pytest.mark.parametrize(
    "path", [".git/config.md", "node_modules/x/README.md", "a/.venv/x.py", "a/__pycache__/x.py"]
)
def test_tool_folders_stay_out_whatever_patterns_say(tmp_path: Path, path: str) -> None:
    write(tmp_path, {".nsllmignore": "!*\n"})
    assert IgnoreRules(tmp_path, Documents(exclude=("!*",))).ignores(path)


def test_the_setting_wins_over_the_files(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "a.md\n", ".nsllmignore": "!b.md\n"})
    rules = IgnoreRules(tmp_path, Documents(exclude=("b.md", "!a.md")))
    assert rules.ignores("b.md")
    assert not rules.ignores("a.md")


def test_gitignore_can_be_switched_off(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.md\n", ".nsllmignore": "b.md\n"})
    rules = IgnoreRules(tmp_path, Documents(gitignore=False))
    assert not rules.ignores("a.md")
    assert rules.ignores("b.md")


def test_the_repository_above_the_workspace_counts(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "*.tmp\n/sub/private.md\n", ".git/info/exclude": ""})
    (tmp_path / "sub").mkdir()
    rules = IgnoreRules(tmp_path / "sub", Documents())
    assert rules.ignores("x.tmp")
    assert rules.ignores("private.md")
    assert not rules.ignores("public.md")


def test_a_workspace_that_its_repository_ignores_is_still_indexed(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "scratch/\n*.md\n", ".git/info/exclude": ""})
    (tmp_path / "scratch").mkdir()
    assert not IgnoreRules(tmp_path / "scratch", Documents()).ignores("a.md")


def test_git_info_exclude_counts(tmp_path: Path) -> None:
    write(tmp_path, {".git/info/exclude": "mine.md\n"})
    assert IgnoreRules(tmp_path, Documents()).ignores("mine.md")


def test_own_data_inside_the_workspace_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSLLM_HOME", str(tmp_path / "data" / "nsllm"))
    rules = IgnoreRules(tmp_path, Documents())
    assert rules.ignores("data/nsllm/models/x/README.md")
    assert not rules.ignores("data/README.md")
