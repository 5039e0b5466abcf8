"""Whatever was done to the files, the index ends as a fresh one would."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from index.hashing import HashingEmbedder, make_chunker
from nsllm.index.workspace import WorkspaceIndex
from nsllm.settings import Documents
from nsllm.types import Chunk

PATHS = st.sampled_from(["a.md", "b.md", "c.txt", "d/e.md", "d/f/g.py", "h.bin"])
TEXTS = st.sampled_from(
    [
        "",
        "# One\nalpha beta\n# Two\ngamma",
        "# One\nalpha beta",
        "alpha " * 70,
        "def f():\n    return delta\n",
        "nul \0 byte",
        "épsilon 🙂\r\nzeta",
    ]
)
QUERIES = ("alpha beta", "gamma delta", "zeta")


class History(RuleBasedStateMachine):
    """Edits, renames, deletions, saves and buffers, with synchronisations in between."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.workspace = self.root / "work"
        self.workspace.mkdir()
        os.environ["NSLLM_HOME"] = str(self.root / "home")
        self.embedder = HashingEmbedder()
        self.index = self.open("home")
        self.ticks = 1_600_000_000
        self.buffers: dict[str, str] = {}
        self.dirty = True

    def open(self, home: str) -> WorkspaceIndex:
        os.environ["NSLLM_HOME"] = str(self.root / home)
        return WorkspaceIndex(
            self.workspace, embedder=self.embedder, chunker=make_chunker(), settings=Documents()
        )

    def write(self, path: str, text: str) -> None:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        self.ticks += 10
        os.utime(target, (self.ticks, self.ticks))

    @rule(path=PATHS, text=TEXTS)
    def edit(self, path: str, text: str) -> None:
        self.write(path, text)
        self.dirty = True

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        (self.workspace / path).unlink(missing_ok=True)
        self.dirty = True

    @rule(old=PATHS, new=PATHS)
    def rename(self, old: str, new: str) -> None:
        if (self.workspace / old).exists():
            (self.workspace / new).parent.mkdir(parents=True, exist_ok=True)
            (self.workspace / old).replace(self.workspace / new)
            self.dirty = True

    @rule(pattern=st.sampled_from(["", "*.txt\n", "d/\n", "!d/e.md\n"]))
    def ignore(self, pattern: str) -> None:
        self.write(".gitignore", pattern)
        self.dirty = True

    @rule(path=PATHS, text=TEXTS)
    def type_into(self, path: str, text: str) -> None:
        self.index.update_buffer(path, text)
        self.buffers[path] = text

    @rule(path=PATHS)
    def close(self, path: str) -> None:
        self.index.close_buffer(path)
        self.buffers.pop(path, None)

    @rule(path=PATHS, text=TEXTS)
    def save(self, path: str, text: str) -> None:
        """One file is written, and only it is synchronised."""
        self.write(path, text)
        self.index.sync(paths={path})

    @rule(limit=st.integers(0, 3))
    def begin_and_cancel(self, limit: int) -> None:
        calls = iter(range(100))
        self.index.sync(cancelled=lambda: next(calls) >= limit)

    @rule()
    def restart(self) -> None:
        self.index.close()
        self.index = self.open("home")
        self.buffers.clear()

    @rule()
    def sync(self) -> None:
        self.index.sync()
        self.dirty = False

    @invariant()
    def equals_a_fresh_index(self) -> None:
        if self.dirty:
            return
        fresh = self.open("fresh")
        fresh.sync()
        for path, text in self.buffers.items():
            fresh.update_buffer(path, text)
        assert self.index.all_chunks() == fresh.all_chunks()
        for query in QUERIES:
            assert self.answers(self.index, query) == self.answers(fresh, query)
        fresh.close()
        shutil.rmtree(self.root / "fresh")

    def answers(self, index: WorkspaceIndex, query: str) -> list[list[tuple[float, str, int]]]:
        """Return the hits without their ids, which tell of the history."""
        with index.view() as view:
            both = [
                view.vector_search(self.embedder.embed_query(query), 100),
                view.lexical_search(query.split(), 100),
            ]
            chunks: dict[int, Chunk] = view.chunks([n for hits in both for n, _ in hits])
        return [
            sorted((round(score, 4), chunks[n].path, chunks[n].start) for n, score in hits)
            for hits in both
        ]

    def teardown(self) -> None:
        self.index.close()
        shutil.rmtree(self.root)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
