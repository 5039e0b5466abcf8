"""The program in a process of its own, as a shell starts it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lsp.editor import home_with_models

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DOCUMENTS = {
    "storage.md": "# Storage\n\nReadings are kept for 30 days, then they move to the archive.\n",
    "plans.md": "# Plans\n\nThe Team plan costs 80 euros a month and covers 50 relays.\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two short documents."""
    folder = tmp_path / "harrow"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def nsllm(isolated_home: Path, workspace: Path) -> Run:
    """Run `nsllm` in the workspace with an empty NSLLM_HOME; the terminal is 80 columns wide."""

    def run(*arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "NSLLM_HOME": str(isolated_home), "COLUMNS": "80"}
        return subprocess.run(
            [sys.executable, "-m", "nsllm", *map(str, arguments)],
            cwd=workspace,
            env={**environment, **variables},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            timeout=110,
            check=False,
        )

    return run


@pytest.fixture
def with_models(isolated_home: Path, models_home: Path) -> Path:
    """An NSLLM_HOME of the test's own with the embedded models in it."""
    return home_with_models(isolated_home, models_home)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path, int], None]]:
    """Return a function that puts a disk of so many bytes in place of a folder."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs takes root on Linux")
    mounted: list[Path] = []

    def mount(folder: Path, size_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size_bytes}"
        done = subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"this container may not mount: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)
