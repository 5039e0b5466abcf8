"""Bring the catalogue in step with the files: only what changed is read, chunked and embedded."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm.documents.ignore import RULE_FILES, IgnoreRules
from nsllm.documents.reader import Found, Skipped, check_workspace, find, read, walk
from nsllm.index.catalogue import Catalogue
from nsllm.index.embedded_text import embedded_text, hash_text
from nsllm.index.reading import DocumentRow
from nsllm.index.report import IndexReport
from nsllm.settings import Documents
from nsllm.stopping import Stopped, checkpoint
from nsllm.types import Chunk, Document, Progress, ProgressListener, ignore_progress

Cancelled = Callable[[], bool]

# One transaction: enough texts to sort by length, few enough to lose to a quit.
BATCH_DOCUMENTS = 64
BATCH_CHUNKS = 256
# Texts embedded between two looks at `cancelled`: well under a second on two cores.
SLICE_TEXTS = 32
# The state that says so of a catalogue for which all files were gone through.
_WHOLE = "whole"
# A file changed this shortly before it was read may change again within the same clock tick.
_RACY_NS = 2_000_000_000


class TextEmbedder(Protocol):
    """What indexing needs of an embedder."""

    @property
    def identity(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class TextChunker(Protocol):
    """What indexing needs of a chunker; `recipe` names how it splits."""

    @property
    def recipe(self) -> str: ...

    def split(self, document: Document) -> list[Chunk]: ...


class _Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was read and chunked, and is not in the catalogue yet."""

    path: str
    row: DocumentRow
    chunks: list[Chunk]


class Builder:
    """Writes the catalogue of one workspace; the caller holds the write lock."""

    def __init__(
        self, workspace: Path, *, embedder: TextEmbedder, chunker: TextChunker, settings: Documents
    ) -> None:
        self.workspace = workspace
        self.embedder = embedder
        self.chunker = chunker
        self.settings = settings

    def sync(
        self,
        catalogue: Catalogue,
        *,
        paths: Collection[str] | None = None,
        rebuild: bool = False,
        listener: ProgressListener = ignore_progress,
        cancelled: Cancelled = lambda: False,
    ) -> IndexReport:
        """Synchronise all files, or only `paths`, and report.

        Each batch of documents is committed with its vectors, so that a reader sees a document
        whole or not at all, and a cancelled run goes on where it stopped. With `rebuild` nothing
        that was read or embedded before counts; it is replaced document by document, so that the
        index is never without what it had.
        """
        started = time.monotonic()
        check_workspace(self.workspace)
        with catalogue.reading() as reader:
            if not reader.state(_WHOLE):
                paths = None  # nobody went through all files of this catalogue yet
        run = _Run(self, catalogue, listener, cancelled, rebuild=rebuild)
        complete = True
        try:
            run.update(paths)
        except Stopped:
            complete = False
        with catalogue.writing() as writer:
            if complete and paths is None:
                writer.set_state(_WHOLE, 1)
            writer.drop_unused_vectors(self.embedder.identity, all_own=rebuild and complete)
            documents, chunks = writer.count()
        report = IndexReport(
            documents=documents,
            chunks=chunks,
            skipped=tuple(run.skipped.values()),
            repaired=tuple(run.repaired),
            duration_s=time.monotonic() - started,
            complete=complete,
        )
        return msgspec.structs.replace(report, **run.counts)


class _Run:
    """One synchronisation."""

    def __init__(
        self,
        builder: Builder,
        catalogue: Catalogue,
        listener: ProgressListener,
        cancelled: Cancelled,
        *,
        rebuild: bool,
    ) -> None:
        self._rebuild = rebuild
        self._embedded: set[str] = set()
        self._builder = builder
        self._catalogue = catalogue
        self._listener = listener
        self._cancelled = cancelled
        self._settled = 0
        self._total = 0
        with catalogue.reading() as reader:
            self._known = reader.documents()
        names = ("added", "changed", "removed", "unchanged", "chunks_embedded", "chunks_reused")
        self.counts = dict.fromkeys(names, 0)
        self.skipped: dict[str, Skipped] = {}
        self.repaired: list[Skipped] = []

    def update(self, paths: Collection[str] | None) -> None:
        """Go through the files; raises Stopped when cancelled."""
        if paths is not None and any(_concerns_all(path) for path in paths):
            paths = None
        found = self._look(paths)
        looked_at = self._known if paths is None else self._known_below(paths)
        self._remove([path for path in looked_at if path not in found])
        self._embed_unseen()
        self._total = len(found)
        pending: list[_Pending] = []
        for entry in found.values():
            self._step(self._settled)
            item = self._examine(entry)
            if item is None:
                self._settled += 1
                continue
            pending.append(item)
            chunks = sum(len(item.chunks) for item in pending)
            if len(pending) >= BATCH_DOCUMENTS or chunks >= BATCH_CHUNKS:
                self._commit(pending)
                pending = []
        self._commit(pending)
        self._report(self._total)

    def _look(self, paths: Collection[str] | None) -> dict[str, Found]:
        workspace, settings = self._builder.workspace, self._builder.settings
        rules = IgnoreRules(workspace, settings)
        if paths is None:
            entries: Iterable[Found | Skipped] = walk(workspace, rules, settings)
        else:
            wanted = sorted({*paths, *self._known_below(paths)})
            entries = (e for path in wanted for e in find(workspace, path, rules, settings))
        found: dict[str, Found] = {}
        for entry in entries:
            if isinstance(entry, Found):
                found[entry.path] = entry
            else:
                self.skipped[entry.path] = entry
        return found

    def _known_below(self, paths: Collection[str]) -> list[str]:
        """Return the indexed paths that are among `paths`, or below one that was a folder."""
        chosen = set(paths)
        return [
            path
            for path in self._known
            if path in chosen
            or any(str(parent) in chosen for parent in PurePosixPath(path).parents)
        ]

    def _remove(self, paths: list[str]) -> None:
        if paths:
            with self._catalogue.writing() as writer:
                writer.remove_documents(paths)
            self.counts["removed"] += len(paths)

    def _examine(self, entry: Found) -> _Pending | None:
        """Return what has to be indexed of a file, or None where nothing has changed."""
        row = None if self._rebuild else self._known.get(entry.path)
        recipe = self._builder.chunker.recipe
        if row is not None and row.recipe == recipe and _is_untouched(entry, row):
            self._keep(entry, row)
            return None
        read_ns = time.time_ns()
        loaded = read(self._builder.workspace, entry)
        if isinstance(loaded, Skipped):
            self.skipped[entry.path] = loaded
            self._remove([entry.path] if entry.path in self._known else [])
            return None
        new = DocumentRow(
            content_hash=loaded.document.content_hash,
            mtime_ns=entry.mtime_ns,
            size_bytes=entry.size_bytes,
            read_ns=read_ns,
            recipe=recipe,
            note=loaded.note,
        )
        if row is not None and (row.content_hash, row.recipe) == (new.content_hash, recipe):
            with self._catalogue.writing() as writer:
                writer.touch_document(entry.path, new)
            self._keep(entry, new)
            return None
        if loaded.note:
            self.repaired.append(Skipped(path=entry.path, reason=loaded.note))
        chunks = self._builder.chunker.split(loaded.document)
        return _Pending(path=entry.path, row=new, chunks=chunks)

    def _keep(self, entry: Found, row: DocumentRow) -> None:
        self.counts["unchanged"] += 1
        if row.note:
            self.repaired.append(Skipped(path=entry.path, reason=row.note))

    def _commit(self, pending: list[_Pending]) -> None:
        """Embed what is new in some documents, then write them."""
        texts = {
            hash_text(chunk.heading, chunk.text): embedded_text(chunk.heading, chunk.text)
            for item in pending
            for chunk in item.chunks
        }
        stored = self._stored(texts)
        new = {key: text for key, text in texts.items() if key not in stored}
        self._embed(new, share=len(pending))
        with self._catalogue.writing() as writer:
            for item in pending:
                writer.put_document(item.path, item.row, item.chunks)
        self._settled += len(pending)
        self.counts["chunks_reused"] += sum(len(item.chunks) for item in pending) - len(new)
        for item in pending:
            self.counts["changed" if item.path in self._known else "added"] += 1

    def _stored(self, hashes: Collection[str]) -> Collection[str]:
        """Return those of the texts that have a vector which counts."""
        if self._rebuild:
            return self._embedded
        with self._catalogue.reading() as reader:
            return reader.embedded(self._builder.embedder.identity, hashes)

    def _embed_unseen(self) -> None:
        """Give vectors to the chunks that another embedder has left without."""
        with self._catalogue.reading() as reader:
            unseen = reader.unembedded(self._builder.embedder.identity)
        self._embed({key: embedded_text(heading, text) for key, heading, text in unseen})

    def _embed(self, texts: dict[str, str], *, share: int = 0) -> None:
        """Embed and store texts by their hash; all of them count as `share` files of progress."""
        keys = sorted(texts, key=lambda key: len(texts[key]))
        for start in range(0, len(keys), SLICE_TEXTS):
            self._step(self._settled + share * start // len(keys))
            part = keys[start : start + SLICE_TEXTS]
            rows = self._builder.embedder.embed([texts[key] for key in part])
            with self._catalogue.writing() as writer:
                writer.add_vectors(self._builder.embedder.identity, part, rows)
            self._embedded.update(part)
            self.counts["chunks_embedded"] += len(part)

    def _step(self, done: int) -> None:
        checkpoint()
        if self._cancelled():
            raise Stopped
        self._report(done)

    def _report(self, done: int) -> None:
        total = self._total or None
        self._listener(Progress(task="indexing", done=done, total=total, unit="files"))


def _concerns_all(path: str) -> bool:
    """Tell of the workspace itself, and of a file by which others may come or go."""
    name = PurePosixPath(path).name
    return not name or name in RULE_FILES


def _is_untouched(entry: Found, row: DocumentRow) -> bool:
    same = (entry.size_bytes, entry.mtime_ns) == (row.size_bytes, row.mtime_ns)
    return same and entry.mtime_ns < row.read_ns - _RACY_NS
