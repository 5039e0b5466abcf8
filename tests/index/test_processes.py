"""Two processes index the same workspace: one waits, both end well."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nsllm.errors import IndexBusyError
from nsllm.index.lock import WriteLock
from nsllm.index.workspace import WorkspaceIndex
from nsllm.types import Progress

MakeIndex = Callable[..., WorkspaceIndex]
TESTS = Path(__file__).resolve().parents[1]

SYNC = """
import sys
from pathlib import Path
from index.hashing import HashingEmbedder, make_chunker
from nsllm.index.workspace import WorkspaceIndex
from nsllm.settings import Documents
index = WorkspaceIndex(
    Path(sys.argv[1]), embedder=HashingEmbedder(), chunker=make_chunker(), settings=Documents()
)
report = index.sync()
print(report.documents, report.added, report.chunks)
"""

HOLD = """
import sys
from pathlib import Path
from nsllm.index.lock import WriteLock
with WriteLock(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.readline()
"""


def start(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    return output


def test_two_processes_index_at_once(workspace: Path, make_index: MakeIndex) -> None:
    for n in range(150):
        (workspace / f"{n}.md").write_text(f"# Page {n}\nText of page {n}.", encoding="utf-8")
    both = [start(SYNC, workspace), start(SYNC, workspace)]
    outputs = [finish(process).split() for process in both]
    assert [output[0] for output in outputs] == [output[2] for output in outputs] == ["150", "150"]
    assert sorted(int(output[1]) for output in outputs) == [0, 150]
    index = make_index()
    report = index.sync()
    assert (report.documents, report.added, report.chunks_embedded) == (150, 0, 0)
    assert len(list(index.all_chunks())) == 150


def test_the_second_says_whom_it_waits_for_and_then_goes_on(
    workspace: Path, make_index: MakeIndex
) -> None:
    (workspace / "a.md").write_text("text", encoding="utf-8")
    index = make_index()
    holder = start(HOLD, index.folder)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    heard: list[Progress] = []

    def listen(progress: Progress) -> None:
        heard.append(progress)
        if progress.task.startswith("waiting"):
            finish(holder)

    assert index.sync(listen).documents == 1
    assert heard[0].task == f"waiting: process {holder.pid} is indexing this workspace"


def test_waiting_ends_in_an_error_that_names_the_other(
    workspace: Path, make_index: MakeIndex
) -> None:
    index = make_index(lock_timeout_s=0.2)
    holder = start(HOLD, index.folder)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(IndexBusyError, match=f"Process {holder.pid} has been indexing"):
            index.sync()
        assert not index.sync(cancelled=lambda: True).complete
    finally:
        finish(holder)


def test_a_killed_process_leaves_no_lock(workspace: Path, make_index: MakeIndex) -> None:
    index = make_index(lock_timeout_s=30)
    holder = start(HOLD, index.folder)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    assert index.sync().complete


def test_searches_need_no_lock(workspace: Path, make_index: MakeIndex) -> None:
    (workspace / "a.md").write_text("some text", encoding="utf-8")
    index = make_index()
    index.sync()
    with WriteLock(index.folder).held():
        started = time.monotonic()
        assert len(make_index().lexical_search("text", 5)) == 1
        assert time.monotonic() - started < 250  # the lock would be waited for longer
