"""The index of one workspace: the catalogue, the vectors and the open buffers behind one door."""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from nsllm import home
from nsllm.documents.ignore import IgnoreRules
from nsllm.documents.reader import check_workspace, make_document
from nsllm.embedding.tokenizer import clean
from nsllm.errors import WorkspaceError, WorkspaceIndexError
from nsllm.index import vectors
from nsllm.index.buffers import Buffers
from nsllm.index.builder import Builder, Cancelled, TextChunker, TextEmbedder
from nsllm.index.catalogue import FILE_NAME, Catalogue, move_aside
from nsllm.index.embedded_text import embedded_text, hash_text
from nsllm.index.faults import CorruptIndexError, translated
from nsllm.index.lock import TIMEOUT_S, WriteLock
from nsllm.index.reading import Reader, query_words
from nsllm.index.report import IndexReport
from nsllm.index.view import View
from nsllm.settings import Documents
from nsllm.types import Chunk, ProgressListener, ignore_progress

Vectors = NDArray[np.float32]
Hits = list[tuple[int, float]]


class IndexStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What an index holds and where."""

    folder: str
    documents: int
    chunks: int
    size_bytes: int
    """Size of the catalogue with its journal."""
    buffers: int
    exact_because: str | None
    """Why vectors are scanned one by one where a forest would be faster, if so."""


class WorkspaceIndex:
    """Threads may share it. Searches run beside a synchronisation and see whole documents.

    Raises:
        WorkspaceError: the workspace is no folder that can be read.
        WorkspaceIndexError, DiskFullError, IndexBusyError: the index cannot be opened.
    """

    def __init__(
        self,
        workspace: Path,
        *,
        embedder: TextEmbedder,
        chunker: TextChunker,
        settings: Documents,
        lock_timeout_s: float = TIMEOUT_S,
    ) -> None:
        check_workspace(workspace)
        self.workspace = workspace.resolve()
        self.folder = home.workspace_folder(workspace)
        self._settings = settings
        self._embedder = embedder
        self._chunker = chunker
        self._builder = Builder(
            self.workspace, embedder=embedder, chunker=chunker, settings=settings
        )
        self._buffers = Buffers()
        self._lock = WriteLock(self.folder, timeout_s=lock_timeout_s)
        self._refreshing = threading.Lock()
        self._state: vectors.State | None = None
        self._snapshot: vectors.Snapshot | None = None
        self._rebuilt_because: str | None = None
        self._exact_because: str | None = None
        self._catalogue = self._open()

    def close(self) -> None:
        """Let go of files; the index can still be used, and opens them again."""
        self._catalogue.close()
        with self._refreshing:
            self._state = self._snapshot = None

    def sync(
        self,
        listener: ProgressListener = ignore_progress,
        cancelled: Cancelled = lambda: False,
        *,
        paths: Collection[str] | None = None,
        rebuild: bool = False,
    ) -> IndexReport:
        """Bring the index in step with all files, or with `paths`; waits for another process.

        With `rebuild` all of them are read and embedded anew; searches meanwhile find what the
        index had. A damaged index is moved aside and built anew, which the report says.
        """
        with self._lock.held(listener, cancelled) as taken:
            if not taken:
                return IndexReport(complete=False)
            catalogue = self._opened()
            try:
                report = self._sync(catalogue, listener, cancelled, paths, rebuild=rebuild)
            except CorruptIndexError as error:
                self._recover(error, catalogue)
                report = self._sync(self._opened(), listener, cancelled, None)
        because, self._rebuilt_because = self._rebuilt_because, None
        return msgspec.structs.replace(
            report, rebuilt_because=because, exact_because=self._exact_because
        )

    def update_buffer(self, path: str, text: str) -> None:
        """Let the unsaved `text` of an open document stand for its file until it is closed.

        Only chunks that are new are embedded. Of two updates at once the later one stays.
        """
        turn = self._buffers.turn(path)
        chunks = self._chunker.split(make_document(path, clean(text)))
        self._buffers.put(path, chunks, self._embed(path, chunks), turn=turn)

    def close_buffer(self, path: str) -> None:
        """Let the file stand for itself again; sync(paths={path}) if it was saved."""
        self._buffers.drop(path)

    def covers(self, path: str) -> bool:
        """Tell whether a file of this path would be indexed, as far as its name says."""
        return not IgnoreRules(self.workspace, self._settings).ignores(path)

    @contextmanager
    def view(self) -> Iterator[View]:
        """Open one state of the index for several searches that must agree."""
        catalogue = self._opened()
        try:
            with catalogue.reading() as reader:
                buffers = self._buffers.view()
                yield View(reader, self._refreshed(reader), buffers)
        except CorruptIndexError as error:
            # Whoever is indexing now meets the same damage, and mends it.
            with self._lock.held(cancelled=lambda: True) as taken:
                if taken:
                    self._recover(error, catalogue)
            raise

    def vector_search(self, query: Vectors, count: int) -> Hits:
        """Return up to `count` chunk ids with their cosine to the unit vector [d], best first."""
        with self.view() as view:
            return view.vector_search(query, count)

    def lexical_search(self, text: str, count: int) -> Hits:
        """Return up to `count` ids of chunks with words of `text`, with BM25, best first."""
        with self.view() as view:
            return view.lexical_search(query_words(text), count)

    def chunks(self, ids: Collection[int]) -> dict[int, Chunk]:
        """Return those of the chunks `ids` that still exist."""
        with self.view() as view:
            return view.chunks(ids)

    def has_saved(self, chunks: Sequence[Chunk]) -> bool:
        """Tell whether all these chunks are saved: nothing of an open document alone is kept."""
        hashes = {hash_text(chunk.heading, chunk.text) for chunk in chunks}
        with self._opened().reading() as reader:
            return len(reader.stored_vectors(self._embedder.identity, hashes)) == len(hashes)

    def all_chunks(self) -> list[Chunk]:
        """Return every chunk of the saved documents, by path and position."""
        with self._opened().reading() as reader:
            return list(reader.all_chunks())

    def require_documents(self) -> None:
        """Raise WorkspaceError where there is nothing to search."""
        with self.view() as view:
            if view.is_empty:
                raise WorkspaceError(
                    f"{self.workspace} holds nothing to index.",
                    hint="Add text, Markdown or code, or see what is left out: nsllm index.",
                )

    def status(self) -> IndexStatus:
        """Return what the index holds now."""
        with self._opened().reading() as reader:
            self._refreshed(reader)
            documents, chunks = reader.count()
        return IndexStatus(
            folder=str(self.folder),
            documents=documents,
            chunks=chunks,
            size_bytes=self._catalogue.size_bytes(),
            buffers=len(self._buffers.view().paths),
            exact_because=self._exact_because,
        )

    def _opened(self) -> Catalogue:
        """Return the catalogue, opened anew where its file was deleted or replaced meanwhile."""
        catalogue = self._catalogue
        if not catalogue.is_current():
            self._swap(catalogue, self._open())
        return self._catalogue

    def _open(self) -> Catalogue:
        path = self.folder / FILE_NAME
        try:
            return Catalogue(path)
        except CorruptIndexError:
            with self._lock.held():
                try:
                    return Catalogue(path)  # another process may have mended it meanwhile
                except CorruptIndexError as error:
                    return self._replace(error)

    def _replace(self, error: CorruptIndexError) -> Catalogue:
        path = self.folder / FILE_NAME
        aside = move_aside(path)
        self._rebuilt_because = f"{error.message} It is kept as {aside.name}."
        return Catalogue(path)

    def _recover(self, error: CorruptIndexError, damaged: Catalogue) -> None:
        """Go on with a new catalogue, which another thread or process may have made already."""
        if self._catalogue is not damaged:
            return
        damaged.close()
        self._swap(damaged, self._replace(error) if damaged.is_current() else self._open())

    def _swap(self, old: Catalogue, new: Catalogue) -> None:
        with self._refreshing:
            if self._catalogue is not old:
                new.close()
                return
            self._catalogue = new
            self._state = self._snapshot = None
        old.close()

    def _sync(
        self,
        catalogue: Catalogue,
        listener: ProgressListener,
        cancelled: Cancelled,
        paths: Collection[str] | None,
        *,
        rebuild: bool = False,
    ) -> IndexReport:
        report = self._builder.sync(
            catalogue, paths=paths, rebuild=rebuild, listener=listener, cancelled=cancelled
        )
        if report.complete:
            self._renew_snapshot(catalogue, anew=rebuild)
        return report

    def _embed(self, path: str, chunks: Sequence[Chunk]) -> Vectors:
        """Return the vectors of a buffer's chunks; nothing unsaved is written to the disk."""
        hashes = [hash_text(chunk.heading, chunk.text) for chunk in chunks]
        with self._opened().reading() as reader:
            known = reader.stored_vectors(self._embedder.identity, hashes)
        known |= self._buffers.known_vectors(path)
        new = {
            text_hash: embedded_text(chunk.heading, chunk.text)
            for text_hash, chunk in zip(hashes, chunks, strict=True)
            if text_hash not in known
        }
        if new:
            known.update(zip(new, self._embedder.embed(list(new.values())), strict=True))
        rows = [known[text_hash] for text_hash in hashes]
        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def _refreshed(self, reader: Reader) -> vectors.State:
        """Return the vectors of the reader's revision."""
        with self._refreshing:
            if self._state is not None and self._state.revision == reader.revision:
                return self._state
            forest = self._forest(reader)
            ids = reader.chunk_ids()
            known = forest.ids if forest else np.zeros(0, np.int64)
            new = np.setdiff1d(ids, known, assume_unique=True)
            state = vectors.State(reader.revision, forest, ids, self._added(reader, new))
            if self._state is None or self._state.revision < state.revision:
                self._state = state
            return state

    def _added(self, reader: Reader, new: vectors.Ids) -> tuple[vectors.Ids, Vectors]:
        """Return the vectors of chunks that no snapshot holds; those at hand are not read again."""
        if self._state is None or not len(self._state.added_ids):
            return reader.vectors(self._embedder.identity, new)
        old = self._state.added_ids
        kept = np.isin(old, new, assume_unique=True)
        ids, matrix = reader.vectors(
            self._embedder.identity, np.setdiff1d(new, old, assume_unique=True)
        )
        if not len(ids):
            return old[kept], self._state.added[kept]
        all_ids = np.concatenate([old[kept], ids])
        order = np.argsort(all_ids)
        return all_ids[order], np.concatenate([self._state.added[kept], matrix])[order]

    def _forest(self, reader: Reader) -> vectors.Forest | None:
        """Return the snapshot that the catalogue names, if it fits and is sound."""
        kept = reader.state("snapshot")
        snapshot = msgspec.json.decode(str(kept), type=vectors.Snapshot) if kept else None
        if snapshot is None or snapshot.embedder != self._embedder.identity:
            return None
        if self._state and self._state.forest and self._snapshot == snapshot:
            return self._state.forest
        try:
            forest = vectors.load(self.folder, snapshot)
        except WorkspaceIndexError as error:
            self._rebuilt_because = error.message
            return None
        self._snapshot = snapshot
        wanted = len(forest.ids) >= vectors.EXACT_BELOW
        self._exact_because = vectors.annoy_problem() if wanted else None
        return forest

    def _renew_snapshot(self, catalogue: Catalogue, *, anew: bool) -> None:
        """Write the vectors anew, or where most searches would look beside the old ones."""
        with catalogue.reading() as reader:
            state = self._refreshed(reader)
            has_none = state.forest is None
            fresh = state.forest is not None and state.stale_share <= vectors.STALE_SHARE
            is_small = len(state) < vectors.SNAPSHOT_ABOVE
            if not anew and (fresh or (is_small and has_none)):
                return
            rows = None if is_small else reader.vectors(self._embedder.identity)
        snapshot = None
        if rows is not None:
            with translated(self.folder):
                snapshot = vectors.build(self.folder, self._embedder.identity, *rows)
        with catalogue.writing() as writer:
            kept = msgspec.json.encode(snapshot).decode() if snapshot else ""
            writer.set_state("snapshot", kept)
            writer.bump()
        vectors.remove_others(self.folder, snapshot)
