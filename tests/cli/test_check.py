"""`nsllm check` and its pre-commit hook, as a shell starts them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPOSITORY
from lsp.editor import home_with_models

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD = "# Notes\n\nReadings are kept for 30 days, then they move to the archive.\n"
BAD = "# Notes\n\n👍 Readings are kept for 60 days, then they move to the archive.\n"
CONFIG = """
repos:
- repo: {repository}
  rev: {revision}
  hooks:
  - id: nsllm-check
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with one source, one text that it supports, and one that it contradicts."""
    folder = tmp_path / "harrow"
    folder.mkdir()
    source = "# Storage\n\nReadings are kept for 30 days, then they move to the archive.\n"
    for name, text in {"storage.md": source, "good.md": GOOD, "bad.md": BAD}.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return folder


@pytest.fixture
def shell(place: Path, isolated_home: Path, models_home: Path) -> Run:
    """Run a program in the folder, with the models in an NSLLM_HOME of its own."""
    home_with_models(isolated_home, models_home)
    binaries = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((binaries, os.environ["PATH"])),
        "NSLLM_HOME": str(isolated_home),
        "PRE_COMMIT_HOME": str(isolated_home / "pre-commit"),
        "COLUMNS": "80",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }

    def run(
        *arguments: str, folder: Path = place, given: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            arguments,
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=250,
            check=False,
        )

    return run


def test_a_contradiction_is_found_at_its_place_and_fails_the_run(place: Path, shell: Run) -> None:
    done = shell("nsllm", "check", "bad.md", "--explain")
    assert done.returncode == 1, done.stderr
    assert "bad.md:3:25 reject grounding.claim" in done.stdout
    assert "Why: " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = shell("nsllm", "check", ".", "--format", "json")
    assert done.returncode == 1
    verdicts = {file["path"]: file["verdict"] for file in json.loads(done.stdout)["files"]}
    assert verdicts == {"bad.md": "reject", "good.md": "pass", "storage.md": "pass"}
    muted = BAD.replace("👍", "<!-- nsllm-ignore grounding.claim -->\n👍")
    (place / "bad.md").write_text(muted, encoding="utf-8")
    assert shell("nsllm", "check", "bad.md").returncode == 0


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_secret_is_named_and_never_printed(place: Path, shell: Run, form: str) -> None:
    """All are secrets by what stands around them: alone they are words like any other."""
    secrets = ("Tr0ub4dor-9kq", "p9Kd82mzQ", "sw0rd_fish_9x")
    lines = f'password = "{secrets[0]}"\n\nUse postgres://app:{secrets[1]}@db for 30 days.\n'
    lines += f"\nLog in with password: {secrets[2]} as admin.\n"
    (place / "keys.md").write_text(f"# Keys\n\n{lines}", encoding="utf-8")
    done = shell("nsllm", "check", "keys.md", "--format", form, "--explain")
    assert done.returncode == 1, done.stderr
    assert "secret" in done.stdout
    assert "[redacted password]" in done.stdout
    assert [secret for secret in secrets if secret in done.stdout + done.stderr] == []


def test_standard_input_and_mistakes(shell: Run) -> None:
    named = ("--stdin-filename", "bad.md")
    done = shell("nsllm", "check", "-", "--format", "github", *named, given=BAD)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=bad.md,line=3,")
    done = shell("nsllm", "check", "no.md")
    assert done.returncode == 2
    assert "There is no file or folder no.md" in done.stderr


def test_warnings_fail_only_where_that_is_asked(place: Path, shell: Run) -> None:
    settings = '[governance.rules.text.forbidden]\npatterns = ["archive"]\n'
    (place / "nsllm.toml").write_text(settings, encoding="utf-8")
    assert shell("nsllm", "check", "good.md").returncode == 0
    assert shell("nsllm", "check", "good.md", "--fail-on", "warn").returncode == 1
    (place / "nsllm.toml").write_text(settings.replace("forbidden", "forbiden"), encoding="utf-8")
    done = shell("nsllm", "check", "good.md")
    assert done.returncode == 2
    assert "governance.rules.text.forbiden" in done.stderr


def test_the_hook_stops_a_commit_of_a_contradiction(
    place: Path, shell: Run, tmp_path: Path
) -> None:
    """The hook as others get it, in a scratch repository, run by pre-commit itself."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(REPOSITORY / ".pre-commit-hooks.yaml", hooks)
    for folder in (hooks, place):
        assert shell("git", "init", "-q", folder=folder).returncode == 0
    shell("git", "add", "-A", folder=hooks)
    shell("git", "commit", "-qm", "hooks", folder=hooks)
    revision = shell("git", "rev-parse", "HEAD", folder=hooks).stdout.strip()
    config = CONFIG.format(repository=hooks.as_posix(), revision=revision)
    (place / ".pre-commit-config.yaml").write_text(config, encoding="utf-8")
    installed = shell("pre-commit", "install")
    assert installed.returncode == 0, installed.stderr

    shell("git", "add", "good.md", "storage.md", ".pre-commit-config.yaml")
    done = shell("git", "commit", "-m", "good")
    assert done.returncode == 0, done.stdout + done.stderr
    shell("git", "add", "bad.md")
    done = shell("git", "commit", "-m", "bad")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "bad.md:3:25 reject grounding.claim" in said
    assert shell("git", "rev-list", "--count", "HEAD").stdout.strip() == "1"
